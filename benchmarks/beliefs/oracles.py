"""What stands between `music` and the truth on recorded voices: ``python -m benchmarks.beliefs.oracles [--seeds 5]``.

Each column knows a part of the truth, or is the truth with a part of it taken away; all are scored as the benchmark
does. No method can know as much: they tell where there is something to be had.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.ndimage import convolve1d

from benchmarks.results import WRITTEN, Results, Table
from benchmarks.sharpness import metrics, sung
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.details import details
from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Floats, Lines
from benchmarks.sharpness.ours import sharpened
from benchmarks.sharpness.signals import Signal

MOMENT_S = 0.020
CLOSE_HZ = (6.0, 12.0)
SPANS_S = (0.015, 0.030, 0.058)
"""Hann windows over which true levels are averaged; recordings were taken apart through one of 30 ms."""

DOWN = 8
"""The elastic fit sees an analytic band below 5 kHz, at an eighth of the rate."""
TOP_HZ, FLANK_HZ = 4800.0, 400.0
HALF_S = 0.029
"""It reaches as far to either side as voices are fitted over."""
SLOW_S, FAST_S, FAST_SHARE = 0.030, 0.008, 0.1
"""Levels move by a Gaussian process of two scales (docs/trials/sharpness.md)."""
ROUNDS, STEP, LARGEST_STEP = 3, 8, 20.0
"""Rounds in which variances are found, truth's rows from fit to fit, and a variance's largest step."""

Complexes = NDArray[np.complex128]


def turning(lines: Lines, step: int) -> Complexes:
    """``A exp(iφ)`` of every line at every step-th sample: A linear, φ quadratic between two rows.

    >>> lines = Lines(np.arange(3) * LINE_HOP / SAMPLE_RATE, np.full((3, 1), 441.0), np.ones((3, 1)), np.zeros((3, 1)))
    >>> turning(lines, 25)[1].round(3)
    array([0.+1.j])
    """
    sample = np.arange(0, (len(lines.times_s) - 1) * LINE_HOP, step)
    row, since_s = sample // LINE_HOP, (sample % LINE_HOP / SAMPLE_RATE)[:, None]
    bend = np.diff(lines.frequencies_hz, axis=0)[row] * SAMPLE_RATE / LINE_HOP
    swell = np.diff(lines.amplitudes, axis=0)[row] * SAMPLE_RATE / LINE_HOP
    phase = lines.phases[row] + 2 * np.pi * since_s * (lines.frequencies_hz[row] + bend * since_s / 2)
    return np.asarray((lines.amplitudes[row] + swell * since_s) * np.exp(1j * phase))


def direct(lines: Lines, samples: int) -> NDArray[np.float32]:
    """The sound of the lines alone, without noise, strokes and room."""
    sound = turning(lines, 1).real.sum(axis=1)
    return np.pad(sound, (0, max(0, samples - len(sound))))[:samples].astype(np.float32)


def averaged(lines: Lines, span_s: float) -> Estimate:
    """The truth, each line's amplitude averaged through a Hann window."""
    window = np.hanning(2 * round(span_s * SAMPLE_RATE / LINE_HOP / 2) + 3)[1:-1]
    smooth = convolve1d(lines.amplitudes, window / window.sum(), axis=0, mode="nearest")
    return told(replace(lines, amplitudes=smooth))


def told(lines: Lines, closer_than_hz: float = 2.0) -> Estimate:
    """Lines as an estimate."""
    return Estimate(lines.times_s, *lines.merged(closer_than_hz), causal=True)


def at_its_moment(estimate: Estimate, lines: Lines, lag_s: float) -> float:
    """Cents where each frame is compared with the moment within ±20 ms that suits it best."""
    found, truth = metrics.thinned(estimate), metrics.place(*lines.merged())
    row = metrics.nearest(found.times_s - lag_s, lines.times_s)
    kept = metrics.scored(lines, truth)[row]
    guess, row = metrics.place(found.frequencies_hz, found.energy)[kept], row[kept]
    reach = round(MOMENT_S * SAMPLE_RATE / LINE_HOP)
    moments = (np.clip(row + shift, 0, len(truth) - 1) for shift in range(-reach, reach + 1, 2))
    return float(np.min([metrics.distances(guess, truth[moment]) for moment in moments], axis=0).mean())


def elastic(audio: Audio, lines: Lines, knows_levels: bool) -> Estimate:
    """Levels of all lines together, given where each is at every sample, and how loud the noise.

    y_n = Σ_k a_k(t_n) e_kn + noise, e_k = exp(iφ_k); a_k is a Gaussian process with covariance v_k K(t − t'). So
    a_k(0) = v_k Σ_n K(t_n) e*_kn z_n with z = C⁻¹y, C = K ∘ Σ_k v_k e_k e_kᴴ + σ²; v is the true mean power within
    30 ms, or makes y likelier step by step: v ← v √(zₖᴴ K zₖ / tr C⁻¹(K ∘ e_k e_kᴴ)), zₖ = e*_k ∘ z.
    """
    turned = turning(replace(lines, amplitudes=np.ones_like(lines.amplitudes)), DOWN)
    band = _analytic(audio)[: len(turned)]
    noise = float(np.mean(np.abs(band - _analytic(direct(lines, len(audio)))[: len(turned)]) ** 2))
    half, near = round(HALF_S * SAMPLE_RATE / DOWN), round(SLOW_S * SAMPLE_RATE / LINE_HOP)
    rows = np.arange(0, len(lines.times_s) - 1, STEP)
    amplitudes = np.zeros((len(rows), lines.amplitudes.shape[1]), complex)
    for place, row in enumerate(rows):
        middle = int(row) * LINE_HOP // DOWN
        seen = np.arange(max(middle - half, 0), min(middle + half + 1, len(turned)))
        power = lines.amplitudes[max(row - near, 0) : row + near + 1] ** 2
        on = np.flatnonzero((power.max(axis=0) > 0) & (lines.frequencies_hz[row] < TOP_HZ))
        if len(on):
            variance = power.mean(axis=0)[on] if knows_levels else None
            since_s = (seen - middle) * DOWN / SAMPLE_RATE
            amplitudes[place, on] = _levels(band[seen], turned[np.ix_(seen, on)], since_s, noise, variance)
    there = turned[rows * LINE_HOP // DOWN]
    return told(
        Lines(lines.times_s[rows], lines.frequencies_hz[rows], np.abs(amplitudes), np.angle(amplitudes * there))
    )


def _levels(band: Complexes, turned: Complexes, since_s: Floats, noise: float, variance: Floats | None) -> Complexes:
    """a(0) of each column of `turned`; variance: of each, None where it is to be found."""
    covariance = _covariance(since_s[:, None] - since_s)
    rounds = 1 if variance is not None else ROUNDS
    if variance is None:
        variance = np.full(turned.shape[1], float(np.mean(np.abs(band) ** 2)) / turned.shape[1])
    for left in reversed(range(rounds)):
        whole = covariance * ((turned * variance) @ turned.conj().T) + noise * np.eye(len(band))
        factor = cho_factor(whole, lower=True, check_finite=False)
        solved = cho_solve(factor, band, check_finite=False)
        own = turned.conj() * solved[:, None]
        if left:
            inverse = cho_solve(factor, np.eye(len(band), dtype=complex), check_finite=False)
            gained = np.einsum("nk,nk->k", own.conj(), covariance @ own).real
            expected = np.einsum("nk,nk->k", turned.conj(), (inverse * covariance) @ turned).real
            variance = variance * np.clip(np.sqrt(gained / expected), 1 / LARGEST_STEP, LARGEST_STEP)
    return np.asarray(variance * (_covariance(since_s) @ own))


def _covariance(apart_s: Floats) -> Floats:
    slow, fast = np.exp(-0.5 * (apart_s / SLOW_S) ** 2), np.exp(-np.abs(apart_s) / FAST_S)
    return np.asarray((1 - FAST_SHARE) * slow + FAST_SHARE * fast)


def _analytic(audio: Audio) -> Complexes:
    spectrum = np.fft.fft(audio.astype(float))
    hz = np.fft.fftfreq(len(audio), 1 / SAMPLE_RATE)
    band = np.clip(hz / 40 - 1, 0, 1) * np.clip((TOP_HZ + FLANK_HZ / 2 - hz) / FLANK_HZ + 0.5, 0, 1)
    return np.asarray(np.fft.ifft(2 * spectrum * band)[::DOWN])


def columns(signal: Signal) -> Iterator[tuple[str, float]]:
    """All that is measured of a scene: name and cents, of ghosts per cent."""
    audio, lines = signal
    heard = sharpened(audio, SAMPLE_RATE, "music")
    score = metrics.transport(heard, lines)
    lag_s = score.lag_s - heard.latency_s
    parts = details(heard, lines, lag_s)
    yield "music", score.cents
    yield "places true", parts.level_cents
    yield "levels true", parts.place_cents
    yield "farther than 30 cents from any line, %", 100 * parts.ghosts
    yield "the best moment within 20 ms", at_its_moment(heard, lines, lag_s)
    yield (
        "without noise, strokes, room",
        metrics.transport(sharpened(direct(lines, len(audio)), SAMPLE_RATE, "music"), lines).cents,
    )
    for name, knows_levels in (("elastic, phases known", False), ("elastic, phases and levels known", True)):
        yield name, _cents(elastic(audio, lines, knows_levels), lines)
    for hz in CLOSE_HZ:
        yield f"truth, lines within {hz:.0f} Hz one", _cents(told(lines, hz), lines)
    for span_s in SPANS_S:
        yield f"truth, averaged over {1000 * span_s:.0f} ms", _cents(averaged(lines, span_s), lines)


def _cents(estimate: Estimate, lines: Lines) -> float:
    return metrics.transport(estimate, lines, np.zeros(1)).cents


def main(arguments: Sequence[str] | None = None) -> int:
    """A row for each column, of all recorded families; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beliefs.oracles", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for beliefs.oracles.json")
    options = parser.parse_args(arguments)
    voices, rows = Bundled(), dict[str, dict[str, float]]()
    ratios: dict[str, list[float]] = {}
    with Results("beliefs.oracles", options.out, arguments) as results:
        for family in sung.FAMILIES:
            seeds = range(options.seed, options.seed + options.seeds)
            scenes = [dict(columns(sung.draw(family, seed, voices))) for seed in seeds]
            for name in scenes[0]:
                rows.setdefault(name, {})[family] = float(np.mean([scene[name] for scene in scenes]))
                ratios.setdefault(name, []).extend(scene[name] / scene["music"] for scene in scenes)
        for name, row in rows.items():
            # Where no lines are close there is nothing to lose, and a ratio of 0 has no logarithm.
            known = min(ratios[name]) > 0 and "%" not in name
            row["of music"] = float(np.exp(np.mean(np.log(ratios[name])))) if known else float("nan")
        results.tables["oracles"] = Table(rows, {"": ".1f", "of music": ".2f"}, "cents")
    return 0


if __name__ == "__main__":
    sys.exit(main())
