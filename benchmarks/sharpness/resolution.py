"""The smallest distance at which a method shows two tones as two."""

from __future__ import annotations

import numpy as np

from benchmarks.sharpness.estimate import Estimate, Method
from benchmarks.sharpness.lines import SAMPLE_RATE, Floats, Mixer

CENTERS_HZ = (250.0, 1000.0, 4000.0)
LEVELS_DB = (0.0, 10.0)
SPACINGS_HZ = (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 65.0, 80.0, 100.0, 130.0, 180.0)
"""Distances tried, in Hz."""
DURATION_S = 1.6
SETTLED_S = 0.6
"""Frames before this moment are not judged, in seconds."""
SHARE = 0.9
"""Share of the frames in which the two tones must be resolved."""
CLEAR = 10 ** (3 / 10)
"""3 dB, as a ratio of energies: how far peaks stand over the valley, and how wrong their levels may be."""


def profile(estimate: Estimate, around_hz: Floats, blur_hz: float) -> Floats:
    """Energy over a local linear frequency axis, (frames, len(around_hz)).

    Energy is laid down with a triangle whose half-width is `blur_hz`, or the distance of neighbouring bins
    where they stand still and are further apart: scattered points must not pass for valleys.
    """
    reach = np.ptp(around_hz) / 2 + blur_hz
    if estimate.frequencies_hz.ndim == 1:
        gaps = np.gradient(estimate.frequencies_hz)
        near = np.abs(estimate.frequencies_hz - around_hz.mean()) < reach + np.abs(gaps)
        width = np.maximum(blur_hz, np.abs(gaps[near]))
        offset = np.abs(around_hz[:, None] - estimate.frequencies_hz[near])
        return np.asarray(estimate.energy[:, near] @ np.maximum(0.0, 1 - offset / width).T)
    rows = []
    for frequencies, energy in zip(estimate.frequencies_hz, estimate.energy, strict=True):
        near = np.abs(frequencies - around_hz.mean()) < reach
        weight = np.maximum(0.0, 1 - np.abs(around_hz[:, None] - frequencies[near]) / blur_hz)
        rows.append(weight @ energy[near])
    return np.stack(rows)


def resolved_share(estimate: Estimate, low_hz: float, high_hz: float, level_ratio: float) -> float:
    """Share of frames that show two peaks ≥ 3 dB over their valley, of the right levels, in the right places.

    Args:
        estimate: frames to judge.
        low_hz: true frequency of the lower tone, in Hz.
        high_hz: true frequency of the upper tone, in Hz.
        level_ratio: true energy of the lower tone over that of the upper.
    """
    spacing = high_hz - low_hz
    around = np.linspace(low_hz - spacing / 2, high_hz + spacing / 2, 129)
    shape = profile(estimate, around, spacing / 4)
    middle = len(around) // 2
    rows = np.arange(len(shape))
    low = shape[:, :middle].argmax(axis=1)
    high = shape[:, middle + 1 :].argmax(axis=1) + middle + 1
    low_peak, high_peak = shape[rows, low], shape[rows, high]
    between = np.arange(len(around))[None, :]
    inside = (between >= low[:, None]) & (between <= high[:, None])
    valley = np.where(inside, shape, np.inf).min(axis=1)
    clear = np.minimum(low_peak, high_peak) >= CLEAR * np.maximum(valley, 1e-30)
    error = low_peak / np.maximum(high_peak, 1e-30) / level_ratio
    level = (error <= CLEAR) & (error >= 1 / CLEAR)
    placed = (np.abs(around[low] - low_hz) <= spacing / 4) & (np.abs(around[high] - high_hz) <= spacing / 4)
    return float((clear & level & placed).mean())


def resolves(method: Method, center_hz: float, spacing_hz: float, level_db: float, seed: int = 0) -> bool:
    """Whether a method tells two tones apart; the upper one is `level_db` weaker, noise 30 dB below both."""
    rng = np.random.default_rng([seed, int(center_hz), int(10 * spacing_hz), int(level_db)])
    mixer = Mixer(DURATION_S, rng)
    low, high = center_hz - spacing_hz / 2, center_hz + spacing_hz / 2
    mixer.add(low, 1.0)
    mixer.add(high, 10 ** (-level_db / 20))
    audio, _ = mixer.finish()
    estimate = method.run(audio, SAMPLE_RATE)
    settled = (estimate.times_s > SETTLED_S) & (estimate.times_s < DURATION_S - 0.2)
    return resolved_share(estimate.within(settled), low, high, 10 ** (level_db / 10)) >= SHARE


def smallest_spacing(method: Method, center_hz: float, level_db: float, seed: int = 0) -> float:
    """Smallest spacing of `SPACINGS_HZ` that is resolved, in Hz, by bisection; infinite if none is."""
    low, high = 0, len(SPACINGS_HZ)
    while low < high:
        middle = (low + high) // 2
        if resolves(method, center_hz, SPACINGS_HZ[middle], level_db, seed):
            high = middle
        else:
            low = middle + 1
    return SPACINGS_HZ[low] if low < len(SPACINGS_HZ) else float("inf")
