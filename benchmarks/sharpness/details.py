"""What an error is made of: places or levels, ghosts, quiet frames; bristles; how late notes begin and end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness import metrics
from benchmarks.sharpness.estimate import Estimate
from benchmarks.sharpness.lines import MERGE_HZ, Floats, Lines

GHOST_CENTS = 30.0
"""Energy further than this from every true line is a ghost."""
LEVELS_DB = (0.0, -10.0, -20.0, -30.0, -40.0)
"""Edges of the classes of frames by level, in dB under the loudest."""
BRISTLE_FLOOR = 1e-6
"""Energy of a cosine at −60 dBFS."""
BRISTLE_CENTS = 20.0
NOTE_SPAN_S = 0.060
"""A note's line is silent for this long before its onset, and sounds for as long after it (mirrored at its offset)."""
SETTLED_S = 0.020
"""Its level is the median from here to `NOTE_SPAN_S` after the onset."""
NOTE_STEADY_CENTS = 25.0
"""Its frequency stays within this distance of its median meanwhile."""
NOTE_CENTS = 50.0
"""An estimate's energy within this distance of a line's frequency is counted as the line's."""
NOTE_ALONE_CENTS = 120.0
"""No other line may sound within this distance around an onset or offset."""


@dataclass(frozen=True)
class Details:
    """Parts of a transport distance, at the constant lag of the whole.

    Attributes:
        level_cents: the distance when the estimate's frequencies are moved to the nearest true line.
        place_cents: the distance when the estimate's levels are replaced by the true ones.
        ghosts: share of energy further than 30 cents from every true line, mean over frames.
        by_level_cents: distance of the frames 0 to 10, … 30 to 40 dB below the loudest; NaN where there are none.
    """

    level_cents: float
    place_cents: float
    ghosts: float
    by_level_cents: tuple[float, ...]


def details(estimate: Estimate, lines: Lines, lag_s: float, closer_than_hz: float = MERGE_HZ) -> Details:
    """Take a transport distance apart.

    Args:
        estimate: what a method made of a signal.
        lines: the truth.
        lag_s: constant lag in seconds, without the method's stated latency.
        closer_than_hz: true lines closer than this are one.
    """
    thinned = metrics.thinned(estimate)
    true_hz, true_energy = lines.merged(closer_than_hz)
    truth_grid = metrics.place(true_hz, true_energy)
    scored = metrics.scored(lines, truth_grid)
    row = metrics.nearest(thinned.times_s - lag_s, lines.times_s)
    kept = scored[row]
    row, found = row[kept], thinned.within(kept)
    if not len(row):
        return Details(math.nan, math.nan, math.nan, (math.nan,) * (len(LEVELS_DB) - 1))
    found_hz = np.broadcast_to(found.frequencies_hz, found.energy.shape)
    size = len(row), metrics.GRID_BINS
    moved, levelled, ghosts = np.zeros(size), np.zeros(size), np.zeros(len(row))
    for index, (frame, hz, energy) in enumerate(zip(row, found_hz, found.energy, strict=True)):
        parts = _apart(true_hz[frame], true_energy[frame], hz, energy)
        moved[index], levelled[index], ghosts[index] = parts
    distance = metrics.distances(metrics.place(found_hz, found.energy), truth_grid[row])
    level_db = 10 * np.log10(truth_grid.sum(axis=1)[row] / truth_grid[scored].sum(axis=1).max())
    return Details(
        level_cents=float(metrics.distances(moved, truth_grid[row]).mean()),
        place_cents=float(metrics.distances(levelled, truth_grid[row]).mean()),
        ghosts=float(ghosts.mean()),
        by_level_cents=tuple(
            float(distance[chosen].mean()) if (chosen := (level_db <= high) & (level_db > low)).any() else math.nan
            for high, low in pairwise(LEVELS_DB)
        ),
    )


def _apart(true_hz: Floats, true_energy: Floats, hz: Floats, energy: Floats) -> tuple[Floats, Floats, float]:
    """One frame: its energies at the true places, the true energies at its places, and its share of ghosts."""
    inside = (true_energy > 0) & (true_hz >= metrics.GRID_LOW_HZ) & (true_hz < metrics.GRID_HIGH_HZ)
    order = np.argsort(true_hz[inside])
    true_hz, true_energy = true_hz[inside][order], true_energy[inside][order]
    heard = (energy > 0) & (hz >= metrics.GRID_LOW_HZ) & (hz < metrics.GRID_HIGH_HZ)
    hz, energy = hz[heard], energy[heard]
    if not len(hz) or not len(true_hz):
        return np.zeros(metrics.GRID_BINS), np.zeros(metrics.GRID_BINS), 0.0
    owner = np.searchsorted(np.sqrt(true_hz[1:] * true_hz[:-1]), hz)
    cents = 1200 * np.abs(np.log2(hz / true_hz[owner]))
    owned = np.asarray(np.bincount(owner, energy, len(true_hz)), float)
    levelled = energy / owned[owner] * true_energy[owner]
    # A true line that nothing is near to goes to the nearest place that there is.
    missed = np.flatnonzero(owned == 0)
    nearest = np.abs(np.log2(hz[None, :] / true_hz[missed, None])).argmin(axis=1)
    np.add.at(levelled, nearest, true_energy[missed])
    return (
        metrics.place(true_hz[None], owned[None])[0],
        metrics.place(hz[None], levelled[None])[0],
        float(energy[cents > GHOST_CENTS].sum() / energy.sum()),
    )


def bristles(estimate: Estimate) -> float:
    """Share of local maxima above −60 dBFS that no maximum is within 20 cents of in the frame before or after.

    Energies are laid on the comparison grid, frames at least 2.9 ms apart; a maximum lies where the energies of its
    grid point and of the two beside it have their mean. NaN where no maximum is that strong, and where frames are so
    far apart that they were picked out.
    """
    found = metrics.thinned(estimate)
    if len(found.times_s) < 2 or float(np.median(np.diff(found.times_s))) > 3 * metrics.FRAME_S:
        return math.nan
    grid = np.pad(metrics.place(found.frequencies_hz, found.energy), ((0, 0), (1, 1)))
    middle, left, right = grid[:, 1:-1], grid[:, :-2], grid[:, 2:]
    peaks = (middle > left) & (middle >= right) & (middle + left + right >= BRISTLE_FLOOR)
    frame, point = np.nonzero(peaks)
    total = (middle + left + right)[peaks]
    place = metrics.GRID_CENTS * (point + (right - left)[peaks] / total)
    # Frames lie one after another on one axis, far enough apart that neighbours in it are neighbours in a frame.
    stride = 10 * metrics.GRID_CENTS * metrics.GRID_BINS
    axis = np.concatenate([[-np.inf], np.sort(frame * stride + place), [np.inf]])
    alone = np.ones(len(frame), bool)
    for step in (-1, 1):
        wanted = (frame + step) * stride + place
        above = np.searchsorted(axis, wanted)
        alone &= np.minimum(axis[above] - wanted, wanted - axis[above - 1]) > BRISTLE_CENTS
    return float(alone.mean()) if len(frame) else math.nan


def delays_s(estimate: Estimate, lines: Lines) -> tuple[Floats, Floats]:
    """How much later than the truth notes' lines begin and end in an estimate, by its stated times, in seconds.

    A line begins where its power crosses half the median of the 20 to 60 ms after its onset; in the estimate that is
    the energy within 50 cents. Lines count that were silent for 60 ms, sound for 60 ms without a glide, and are alone
    within 120 cents. Ends are measured alike, in reversed time.

    Returns:
        delays of onsets and of offsets; NaN where an estimate never crosses half its level.
    """
    turned = Lines(lines.times_s, lines.frequencies_hz[::-1], lines.amplitudes[::-1], lines.phases[::-1])
    end = lines.times_s[-1]
    moving = estimate.frequencies_hz.ndim == 2
    back = Estimate(
        (end - estimate.times_s)[::-1],
        estimate.frequencies_hz[::-1] if moving else estimate.frequencies_hz,
        estimate.energy[::-1],
        estimate.causal,
    )
    return _onset_delays_s(estimate, lines), -_onset_delays_s(back, turned)


def _onset_delays_s(estimate: Estimate, lines: Lines) -> Floats:
    hop = float(lines.times_s[1] - lines.times_s[0])
    span = round(NOTE_SPAN_S / hop)
    energy = lines.amplitudes**2
    loudest = energy.max(axis=0)
    sounding = energy > 1e-2 * loudest
    found = []
    for line in np.flatnonzero(loudest > 1e-3 * loudest.max()):
        for start in np.flatnonzero(sounding[1:, line] & ~sounding[:-1, line]) + 1:
            window = slice(start - span, start + span)
            if start < span or start + span > len(energy) or energy[window.start : start - span // 2, line].max() > 0:
                continue
            hz = float(np.median(lines.frequencies_hz[start : window.stop, line]))
            if hz < metrics.GRID_LOW_HZ or hz > metrics.GRID_HIGH_HZ or not sounding[start : window.stop, line].all():
                continue
            glide = np.log2(lines.frequencies_hz[start : window.stop, line] / hz)
            if 1200 * np.abs(glide).max() > NOTE_STEADY_CENTS:
                continue
            near = 1200 * np.abs(np.log2(np.maximum(lines.frequencies_hz[window], 1.0) / hz)) < NOTE_ALONE_CENTS
            near[:, line] = False
            if (energy[window] * near).max() > 1e-4 * loudest[line]:
                continue
            truth = _crossing_s(lines.times_s[window], energy[window, line], lines.times_s[start])
            seen = np.abs(estimate.times_s - lines.times_s[start]) <= NOTE_SPAN_S
            part = estimate.within(seen)
            distance = 1200 * np.abs(np.log2(np.maximum(part.frequencies_hz, 1.0) / hz))
            band = np.where(distance < NOTE_CENTS, part.energy, 0.0).sum(axis=1)
            found.append(_crossing_s(part.times_s, band, lines.times_s[start]) - truth)
    return np.array(found)


def _crossing_s(times_s: Floats, power: Floats, onset_s: float) -> float:
    """When power first rises through half its settled median; NaN where it does not."""
    settled: NDArray[np.bool_] = times_s >= onset_s + SETTLED_S
    if not settled.any():
        return math.nan
    half = 0.5 * float(np.median(power[settled]))
    above = np.flatnonzero(power >= half)
    if not half > 0 or not len(above) or above[0] == 0:
        return math.nan
    after = above[0]
    share = (half - power[after - 1]) / (power[after] - power[after - 1])
    return float(times_s[after - 1] + share * (times_s[after] - times_s[after - 1]))
