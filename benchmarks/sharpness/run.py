"""Runs methods over families, seeds and recordings, and collects what they score."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import code, once
from benchmarks.sharpness import recordings, sung
from benchmarks.sharpness.ceiling import CEILING
from benchmarks.sharpness.details import bristles, delays_s, details
from benchmarks.sharpness.estimate import Estimate, Method
from benchmarks.sharpness.lines import SAMPLE_RATE, Floats, Lines
from benchmarks.sharpness.metrics import transport
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

PEER_PACKAGES = ("numpy", "scipy", "librosa", "ssqueezepy", "scikit-learn")
SHOWN_ONLY = ("__main__", "ablation", "drawn", "ours", "picture", "report")
"""Modules of this benchmark that no peer's number depends on."""

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


def key_of(method: Method) -> str:
    """What a method's numbers depend on: the program of ours, and of peers this benchmark and their packages."""
    if method.name in OURS:
        return code()
    packages = (f"{name} {_version(name)}" for name in PEER_PACKAGES)
    return " ".join([code(("benchmarks/sharpness",), SHOWN_ONLY), *packages])


def _version(package: str) -> str:
    """Of a package of peers; those that are not installed run none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def run_families(
    methods: Sequence[Method], families: Sequence[str], seeds: Sequence[int], voices: Voices, where: str, log: Log
) -> Results:
    """Everything that is measured against true lines, on the synthetic families and on those of recorded voices.

    Each method is measured once on a family (`once`): a run that was broken off goes on where it was.
    """
    results: Results = {"truth": Result(), **{method.name: Result() for method in methods}}
    key = code(("benchmarks/sharpness",), SHOWN_ONLY)
    for family in families:
        signals = cache(partial(_signals, family, seeds, voices))
        drawn = [family, where, *map(str, seeds)]
        results["truth"].take(once(["truth", key, *drawn], partial(_true, family, signals)))
        for method in methods:
            measure = partial(_measured, method, family, signals)
            results[method.name].take(once([method.name, key_of(method), *drawn], measure))
        log(f"{family}: done")
    return results


def _signals(family: str, seeds: Sequence[int], voices: Voices) -> list[Signal]:
    return [_draw(family, seed, voices) for seed in seeds]


def _true(family: str, signals: Callable[[], Sequence[Signal]]) -> dict[str, Any]:
    """What lines that are known exactly score."""
    result = Result()
    for _, lines in signals():
        truth = Estimate(lines.times_s, *lines.merged(), causal=True)
        result.add("bristles", family, bristles(truth))
        result.add("renyi_bits", family, transport(truth, lines).renyi_true_bits)
    return _given(result)


def _measured(method: Method, family: str, signals: Callable[[], Sequence[Signal]]) -> dict[str, Any]:
    result = Result()
    for audio, lines in signals():
        start = time.process_time()
        estimate = method.run(audio, SAMPLE_RATE)
        spent_s = time.process_time() - start
        result.causal = estimate.causal
        result.add("real_time_factor", family, spent_s * SAMPLE_RATE / len(audio))
        _measure(result, family, estimate, lines)
    return _given(result)


def _given(result: Result) -> dict[str, Any]:
    return {name: value for name, value in asdict(result).items() if value}


def _measure(result: Result, family: str, estimate: Estimate, lines: Lines) -> None:
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


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def run_single_tones(methods: Sequence[Method], results: Results, log: Log) -> None:
    """Two-tone resolution and the frequency error of single tones."""
    for method in methods:
        results[method.name].take(once([method.name, key_of(method), "tones"], partial(_single_tones, method)))
        log(f"{method.name}: resolution and precision done")


def _single_tones(method: Method) -> dict[str, Any]:
    spacing_hz = {
        f"{center:.0f} Hz, {level:.0f} dB": smallest_spacing(method, center, level)
        for center in CENTERS_HZ
        for level in LEVELS_DB
    }
    return {"spacing_hz": spacing_hz, "precision": asdict(precision(method))}


def run_recordings(methods: Sequence[Method], results: Results, folder: Path, log: Log) -> None:
    """Multi-pitch F1 and bristles; the exact lasso is left out, for it solves too few frames."""
    for name, path in recordings.find(folder).items():
        for method in methods:
            if method is not CEILING:
                words = [method.name, key_of(method), "recording", path.name]
                results[method.name].take(once(words, partial(_recorded, method, name, path)))
        log(f"{name}: done")


def _recorded(method: Method, name: str, path: Path) -> dict[str, Any]:
    recording = recordings.load(path)
    estimate = method.run(recording.audio, recording.sample_rate)
    return {"f1": {name: recordings.f1(estimate, recording)}, "recording_bristles": {name: bristles(estimate)}}
