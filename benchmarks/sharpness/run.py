"""Runs methods over families, seeds and recordings, and collects what they score."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.sharpness import recordings, sung
from benchmarks.sharpness.ceiling import CEILING
from benchmarks.sharpness.details import bristles, delays_s, details
from benchmarks.sharpness.estimate import Audio, Estimate, Method
from benchmarks.sharpness.lines import SAMPLE_RATE, Floats, Lines
from benchmarks.sharpness.metrics import Transport, transport
from benchmarks.sharpness.ours import OURS
from benchmarks.sharpness.peers import PEERS
from benchmarks.sharpness.precision import precision
from benchmarks.sharpness.report import Result, Results
from benchmarks.sharpness.resolution import CENTERS_HZ, LEVELS_DB, smallest_spacing
from benchmarks.sharpness.signals import Signal, draw
from benchmarks.sharpness.sources import Voices

METHODS: dict[str, Method] = {**OURS, **PEERS, CEILING.name: CEILING}
"""Every method of the benchmark by name, ours first."""

WIDE_MERGE_HZ = 12.0
"""Recorded voices are scored besides with lines closer than this as one: partials of consonant voices lie 2 to 10 Hz
apart, where no window of a useful latency tells them apart."""

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


def drawable(families: Sequence[str], voices: Voices, log: Log) -> list[str]:
    """The families that can be drawn here: recorded voices that are not taken apart yet need praat."""
    found = []
    for family in families:
        try:
            _draw(family, 0, voices)
        except ImportError as error:
            log(f"{family}: left out: voices are taken apart by praat: pip install praat-parselmouth ({error})")
        except ValueError as error:
            log(f"{family}: left out: {error}")
        else:
            found.append(family)
    return found


def _draw(family: str, seed: int, voices: Voices) -> Signal:
    return sung.draw(family, seed, voices) if family in sung.FAMILIES else draw(family, seed)


def run_families(
    methods: Sequence[Method], families: Sequence[str], seeds: Sequence[int], voices: Voices, log: Log
) -> Results:
    """Everything that is measured against true lines, on the synthetic families and on those of recorded voices."""
    results: Results = {"truth": Result(), **{method.name: Result() for method in methods}}
    for family in families:
        for seed in seeds:
            audio, lines = _draw(family, seed, voices)
            truth = Estimate(lines.times_s, *lines.merged(), causal=True)
            results["truth"].add("bristles", family, bristles(truth))
            for method in methods:
                estimate, factor = _timed(method, audio, SAMPLE_RATE)
                results[method.name].causal = estimate.causal
                results[method.name].add("real_time_factor", family, factor)
                score = _measure(results[method.name], family, estimate, lines)
            results["truth"].add("renyi_bits", family, score.renyi_true_bits)
        log(f"{family}: done")
    return results


def _measure(result: Result, family: str, estimate: Estimate, lines: Lines) -> Transport:
    score = transport(estimate, lines)
    parts = details(estimate, lines, score.lag_s - estimate.latency_s)
    onsets_s, offsets_s = delays_s(estimate, lines)
    for name, value in (
        ("cents", score.cents),
        ("at_zero_lag", score.at_zero_lag),
        ("lag_ms", 1000 * score.lag_s),
        ("renyi_bits", score.renyi_bits),
        ("level_cents", parts.level_cents),
        ("place_cents", parts.place_cents),
        ("ghosts", parts.ghosts),
        ("bristles", bristles(estimate)),
        ("onset_ms", 1000 * _median(onsets_s)),
        ("offset_ms", 1000 * _median(offsets_s)),
    ):
        result.add(name, family, value)
    result.by_level_cents.setdefault(family, []).append(list(parts.by_level_cents))
    if family in sung.FAMILIES:
        result.add("cents_12_hz", family, transport(estimate, lines, closer_than_hz=WIDE_MERGE_HZ).cents)
    return score


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


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
    """Multi-pitch F1 and bristles; the exact lasso is left out, for it solves too few frames."""
    for name, path in recordings.find(folder).items():
        recording = recordings.load(path)
        for method in methods:
            if method is not CEILING:
                estimate = method.run(recording.audio, recording.sample_rate)
                results[method.name].f1[name] = recordings.f1(estimate, recording)
                results[method.name].recording_bristles[name] = bristles(estimate)
        log(f"{name}: done")
