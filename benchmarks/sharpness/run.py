"""Runs methods over families, seeds and recordings, and collects what they score."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.sharpness import recordings
from benchmarks.sharpness.ceiling import CEILING
from benchmarks.sharpness.estimate import Audio, Estimate, Method
from benchmarks.sharpness.lines import SAMPLE_RATE
from benchmarks.sharpness.metrics import transport
from benchmarks.sharpness.ours import OURS
from benchmarks.sharpness.peers import PEERS
from benchmarks.sharpness.precision import precision
from benchmarks.sharpness.report import Result, Results
from benchmarks.sharpness.resolution import CENTERS_HZ, LEVELS_DB, smallest_spacing
from benchmarks.sharpness.signals import draw

METHODS: dict[str, Method] = {**OURS, **PEERS, CEILING.name: CEILING}
"""Every method of the benchmark by name, ours first."""

Log = Callable[[str], None]


def usable(names: Sequence[str], log: Log) -> list[Method]:
    """The methods of these names that run here; each is run once, which also compiles what it compiles."""
    audio, _ = draw("two_tones_20", 0)
    found = []
    for name in names:
        try:
            METHODS[name].run(audio[: SAMPLE_RATE // 2], SAMPLE_RATE)
        except (ImportError, RuntimeError, ValueError) as error:
            log(f"{name}: left out: {error}")
        else:
            found.append(METHODS[name])
    return found


def _timed(method: Method, audio: Audio, sample_rate: float) -> tuple[Estimate, float]:
    start = time.perf_counter()
    estimate = method.run(audio, sample_rate)
    return estimate, (time.perf_counter() - start) * sample_rate / len(audio)


def run_families(methods: Sequence[Method], families: Sequence[str], seeds: Sequence[int], log: Log) -> Results:
    """Transport distances, lags, entropies and run times on the synthetic families."""
    results: Results = {"truth": Result(), **{method.name: Result() for method in methods}}
    for family in families:
        for seed in seeds:
            audio, lines = draw(family, seed)
            for method in methods:
                estimate, factor = _timed(method, audio, SAMPLE_RATE)
                score, result = transport(estimate, lines), results[method.name]
                result.causal = estimate.causal
                result.cents.setdefault(family, []).append(score.cents)
                result.at_zero_lag.setdefault(family, []).append(score.at_zero_lag)
                result.lag_ms.setdefault(family, []).append(1000 * score.lag_s)
                result.renyi_bits.setdefault(family, []).append(score.renyi_bits)
                result.real_time_factor.setdefault(family, []).append(factor)
            results["truth"].renyi_bits.setdefault(family, []).append(score.renyi_true_bits)
        log(f"{family}: done")
    return results


def run_single_tones(methods: Sequence[Method], results: Results, log: Log) -> None:
    """Two-tone resolution and the frequency error of single tones."""
    for method in methods:
        for center in CENTERS_HZ:
            for level in LEVELS_DB:
                label = f"{center:.0f} Hz, {level:.0f} dB"
                results[method.name].spacing_hz[label] = smallest_spacing(method, center, level)
        results[method.name].precision = asdict(precision(method))
        log(f"{method.name}: resolution and precision done")


def run_recordings(methods: Sequence[Method], results: Results, folder: Path, log: Log) -> None:
    """Multi-pitch F1; the exact lasso is left out, for it solves too few frames."""
    for name, path in recordings.find(folder).items():
        recording = recordings.load(path)
        for method in methods:
            if method is not CEILING:
                results[method.name].f1[name] = recordings.f1(method, recording)
        log(f"{name}: done")
