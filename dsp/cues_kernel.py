"""Inner loops of `Cues`: a frame is remembered, and a moment read. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, Integers, kernel
from sharpear.compiler.elementary import ln

from .band_cues_kernel import read_bands
from .basins_kernel import BasinTables
from .cue_arrays import (
    BAND_FLOOR,
    SILENCE,
    BandCues,
    BandCuesOut,
    Candidates,
    CandidatesOut,
    CueRoom,
    CueState,
    CueTables,
    row_of,
)
from .line_cues_kernel import read_lines


@kernel(apart=True)
def remember(power: Floats, moment: Floats, hz: Floats, energy: Floats, trust: Floats, first: Integers,
             tables: CueTables, frame: int, state: CueState, s: int) -> None:  # fmt: skip
    """Put a frame of one stream into the rings; hz, energy: (3, channels), of which the last two are the pair."""
    rows, moment_rows = state.power.shape[1], state.moment.shape[1]
    row = frame % rows
    kept = state.power[s, row]
    _copy(power, kept)  # and is summed up from there: sums in lanes round as the memory lies, and this always lies so
    _copy(moment, state.moment[s, frame % moment_rows])
    for w in range(first.size - 1):
        level, root = state.log_level[s, w, row], state.root[s, w, row]
        _sum_bands(
            kept[first[w] : first[w + 1]], tables.first_weight[w], tables.first_band_channel[w], tables.weight, level
        )
        loudest = np.float32(0)
        for b in range(level.size):
            loudest = max(loudest, level[b])
        state.loudest[s, w, row] = loudest
        _tell_levels(np.float32(BAND_FLOOR) * loudest + SILENCE, root, level)
    _copy(trust, state.trust[s, frame % state.trust.shape[1]])
    pair_row = frame % state.pair_hz.shape[1]
    for e in range(2):
        _copy(hz[1 + e], state.pair_hz[s, pair_row, e])
        _copy(energy[1 + e], state.pair_energy[s, pair_row, e])


@kernel
def _copy(values: Floats, kept: Floats) -> None:
    for k in range(kept.size):
        kept[k] = values[k]


@kernel(fastmath={"contract", "reassoc", "nsz"})
def _sum_bands(P: Floats, first_weight: Integers, first_channel: Integers, weights: Floats, total: Floats) -> None:
    """Power of each band."""
    for b in range(total.size):
        a, k = first_weight[b], first_channel[b]
        count = first_weight[b + 1] - a
        weight, inside = weights[a : a + count], P[k : k + count]
        power = np.float32(0)
        for i in range(count):
            power += weight[i] * inside[i]
        total[b] = power


@kernel
def _tell_levels(floor: np.float32, root: Floats, level: Floats) -> None:
    """Roots of the powers in `level`, and in their place ln of them and of the floor."""
    for b in range(level.size):
        root[b] = math.sqrt(level[b])
    for b in range(level.size):
        level[b] = ln(level[b] + floor)


@kernel
def read(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom,
    lines: Candidates, bands: BandCues,
) -> None:  # fmt: skip
    """The candidates and cues of the moment that frame `frame` completed."""
    _average_trust(state.trust[s], frame, room.mean_trust)
    room.purity[:] = 0.0
    read_lines(first, basins, tables, frame, state, s, room, lines)
    read_bands(first, tables, frame, state, s, room, bands)


@kernel
def _average_trust(trust: Floats, frame: int, mean: Floats) -> None:
    """Over the last frames, in the order of time."""
    rows = trust.shape[0]
    for k in range(mean.size):
        mean[k] = 0.0
    for lag in range(rows):
        row = row_of(frame, rows - 1 - lag, rows)
        for k in range(mean.size):
            mean[k] += trust[row, k]
    share = np.float32(1.0 / rows)
    for k in range(mean.size):
        mean[k] *= share


@kernel
def cues_process(
    power: Floats, moment: Floats, hz: Floats, energy: Floats, trust: Floats, first: Integers, basins: BasinTables,
    tables: CueTables, frame: int, state: CueState, room: CueRoom, found: Candidates, told: BandCues,
    chosen: Integers, lines: CandidatesOut, bands: BandCuesOut,
) -> None:  # fmt: skip
    """Remember all frames, and give what is read of the chosen ones, counted from 0."""
    for s in range(power.shape[1]):
        n = 0
        for f in range(power.shape[0]):
            remember(power[f, s], moment[f, s], hz[f, s], energy[f, s], trust[f, s], first, tables, frame + f, state,
                     s)  # fmt: skip
            if n < chosen.size and chosen[n] == f:
                read(first, basins, tables, frame + f, state, s, room, found, told)
                lines.number[n, s] = found.number
                lines.hz[n, s], lines.energy[n, s] = found.hz, found.energy
                lines.window[n, s], lines.cues[n, s] = found.window, found.cues.T
                bands.cues[n, s], bands.correction[n, s] = told.cues.T, told.correction.T
                n += 1
