"""Transport distance to the true lines, and Rényi entropy.

Per frame, energies are laid on a logarithmic comparison grid and normalised; the distance between two
distributions p and q on a line is W1 = ∫ abs(P(x) − Q(x)) dx with the cumulated P, Q and x in cents: how
far, on average, energy must move to be where the truth is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness.estimate import Estimate
from benchmarks.sharpness.lines import MERGE_HZ, Floats, Lines

GRID_PER_OCTAVE = 96
GRID_LOW_HZ = 150.0
GRID_HIGH_HZ = 3600.0
GRID_BINS = int(np.ceil(GRID_PER_OCTAVE * np.log2(GRID_HIGH_HZ / GRID_LOW_HZ))) + 1
GRID_CENTS = 1200 / GRID_PER_OCTAVE
GRID_HZ: Floats = GRID_LOW_HZ * 2 ** (np.arange(GRID_BINS) / GRID_PER_OCTAVE)
"""Frequencies of the comparison grid, in Hz."""

FRAME_S = 128 / 44100
"""Frames closer together than this are thinned out before scoring."""
WARM_UP_S = 0.2
"""Truth before this moment is not scored: filters and networks have to start somewhere."""
COOL_DOWN_S = 0.1
"""Truth in the last seconds is not scored: windows that reach past the end see padding."""
SOUNDING = 1e-4
"""A frame counts when its true energy is within 40 dB of the loudest frame."""
LAGS_S: Floats = np.arange(-41, 104) * 64 / 44100
"""Lags searched: −60 to 150 ms, in steps of 1.45 ms."""
LAG_TIE = 1.01
"""Lags whose score is within 1 % of the best are a tie; the one nearest to zero is reported."""


@dataclass(frozen=True)
class Transport:
    """Score of one estimate of one signal.

    Attributes:
        cents: mean over frames of the transport distance, at the best constant lag.
        lag_s: that lag plus the latency of the method: how late the picture is, in seconds.
        at_zero_lag: the distance when the stated times are taken at their word.
        renyi_bits: mean Rényi-3 entropy of the frames of the estimate.
        renyi_true_bits: the same of the truth.
    """

    cents: float
    lag_s: float
    at_zero_lag: float
    renyi_bits: float
    renyi_true_bits: float


def place(frequencies_hz: Floats, energy: Floats) -> Floats:
    """Lay energies on the comparison grid.

    Each is shared between its two neighbouring grid points so that its mean position, in cents, is kept:
    the distance between two lines stays exact below one grid step. Energy outside 150–3600 Hz is left out.

    Args:
        frequencies_hz: (n,) or (frames, n) Hz.
        energy: (frames, n).

    Returns:
        (frames, GRID_BINS) energy.
    """
    frames = energy.shape[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        position = np.broadcast_to(GRID_PER_OCTAVE * np.log2(frequencies_hz / GRID_LOW_HZ), energy.shape)
    inside = (position >= 0) & (position < GRID_BINS - 1) & (energy > 0)
    row, _ = np.nonzero(inside)
    where, weight = position[inside], energy[inside]
    left = where.astype(np.intp)
    share = weight * (where - left)
    slot = row * GRID_BINS + left
    size = frames * GRID_BINS
    grid = np.bincount(slot, weight - share, size) + np.bincount(slot + 1, share, size)[:size]
    return np.asarray(grid, float).reshape(frames, GRID_BINS)


def normalise(grid: Floats) -> Floats:
    """Rows that sum to 1; an empty row becomes uniform, since it says nothing about where the energy is."""
    total = grid.sum(axis=1, keepdims=True)
    empty = total <= np.finfo(float).tiny
    return np.asarray(np.where(empty, 1 / grid.shape[1], grid / np.where(empty, 1, total)))


def distances(grid_a: Floats, grid_b: Floats) -> Floats:
    """Transport distance in cents between the rows of two grids, each (frames, GRID_BINS)."""
    gap = np.cumsum(normalise(grid_a) - normalise(grid_b), axis=1)
    return np.asarray(GRID_CENTS * np.abs(gap).sum(axis=1))


def renyi3(grid: Floats) -> Floats:
    """Rényi entropy of order 3 of every row, H = −½·log2 Σp³, in bits; log2(n) for n equal bins."""
    return np.asarray(-0.5 * np.log2((normalise(grid) ** 3).sum(axis=1)))


def transport(estimate: Estimate, lines: Lines, lags_s: Floats = LAGS_S, closer_than_hz: float = MERGE_HZ) -> Transport:
    """Score an estimate against the true lines, at the constant lag that suits it best.

    A lag L compares the frame stated for t + L with the truth at t. The reported lag includes the latency
    of the method, and so is the delay a listener or viewer would meet. True lines closer than `closer_than_hz` are one.
    """
    found = thinned(estimate)
    guess = np.cumsum(normalise(place(found.frequencies_hz, found.energy)), axis=1, dtype=np.float32)
    truth_grid = place(*lines.merged(closer_than_hz))
    truth = np.cumsum(normalise(truth_grid), axis=1, dtype=np.float32)
    judged = scored(lines, truth_grid)
    scores = np.array([_score(guess, found.times_s - lag, truth, lines.times_s, judged) for lag in lags_s])
    tied = np.flatnonzero(scores <= LAG_TIE * np.min(scores) + 1e-3)
    lag = float(lags_s[tied[np.argmin(np.abs(lags_s[tied]))]])
    frames = judged[nearest(found.times_s - lag, lines.times_s)]
    return Transport(
        cents=float(np.min(scores)),
        lag_s=lag + estimate.latency_s,
        at_zero_lag=_score(guess, found.times_s, truth, lines.times_s, judged),
        renyi_bits=float(renyi3(np.diff(guess[frames], axis=1, prepend=0).astype(float)).mean()),
        renyi_true_bits=float(renyi3(truth_grid[judged]).mean()),
    )


def thinned(estimate: Estimate) -> Estimate:
    """The estimate without so many frames that those left are less than about 128 samples apart."""
    if len(estimate.times_s) < 2:
        return estimate
    hop = float(np.median(np.diff(estimate.times_s)))
    step = max(1, round(FRAME_S / hop))
    return estimate.within(np.arange(len(estimate.times_s)) % step == 0)


def scored(lines: Lines, truth_grid: Floats) -> NDArray[np.bool_]:
    """Rows of the truth that count: within 40 dB of the loudest, past the warm-up, before the end."""
    energy = truth_grid.sum(axis=1)
    inside = (lines.times_s >= WARM_UP_S) & (lines.times_s <= lines.duration_s - COOL_DOWN_S)
    return np.asarray(inside & (energy > SOUNDING * energy.max()))


def nearest(times_s: Floats, grid_s: Floats) -> NDArray[np.intp]:
    """Index of the regular grid's point nearest to each time, clipped to the ends."""
    step = (grid_s[-1] - grid_s[0]) / (len(grid_s) - 1)
    index: NDArray[np.intp] = np.rint((times_s - grid_s[0]) / step).astype(np.intp)
    return np.clip(index, 0, len(grid_s) - 1)


def _score(
    guess: NDArray[np.float32], times_s: Floats, truth: NDArray[np.float32], grid_s: Floats, judged: NDArray[np.bool_]
) -> float:
    index = nearest(times_s, grid_s)
    keep = judged[index]
    if not keep.any():
        return float("inf")
    return float(GRID_CENTS * np.abs(guess[keep] - truth[index[keep]]).sum(axis=1).mean())
