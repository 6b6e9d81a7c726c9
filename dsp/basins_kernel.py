"""Inner loops of `Basins`. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, ShortIntegers, kernel

MOST_LINES = 128
"""Lines of a window in a frame; of more the strongest are kept."""

FAINTEST_LINE = 1e-19
"""Energy (-190 dBFS) below which there is no line: 70 dB below the strongest where that has -120 dBFS."""

LOCAL_RANGE = 1e-5
"""Energy (-50 dB) of the strongest within an octave either side, below which a line is that one's skirt."""

OCTAVE = 2.0

LEAST_POWER = 1e-60
"""What moments are divided by where there is no power, and no moment."""


class BasinTables(NamedTuple):
    """Where each window's channels begin, up to where it has lines, and what makes a lone tone's share one."""

    first_channel: Annotated[NDArray[np.int64], "window ends"]
    top_hz: Annotated[NDArray[np.float64], "windows"]
    per_share: Annotated[NDArray[np.float64], "windows"]


class BasinOut(NamedTuple):
    """The fields of `BasinLines`; lines: how many there are."""

    lines: Annotated[NDArray[np.int32], "frames", "streams", "windows"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "windows", "lines"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "windows", "lines"]
    concentration: Annotated[NDArray[np.float32], "frames", "streams", "windows", "lines"]
    spread_hz: Annotated[NDArray[np.float32], "frames", "streams", "windows", "lines"]
    peak: Annotated[NDArray[np.int32], "frames", "streams", "windows", "lines"]


class Found(NamedTuple):
    """Basins of one window, one after the other: their channels, from `first` up to `past`, what they hold, their peak.

    square: Σ P f², of which the spread of the frequencies follows; order: by frequency; kept: room for the numbers of
    some, where threads choose them side by side.  spread, place_hz, covered: room for P f² of each channel, for the
    frequencies in order, and for the energies below which stronger lines cover others.
    """

    first: Annotated[NDArray[np.int64], "basins"]
    past: Annotated[NDArray[np.int64], "basins"]
    peak: Annotated[NDArray[np.int64], "basins"]
    energy: Annotated[NDArray[np.float64], "basins"]
    hz: Annotated[NDArray[np.float64], "basins"]
    square: Annotated[NDArray[np.float64], "basins"]
    order: Annotated[NDArray[np.int64], "basins"]
    kept: Annotated[NDArray[np.int64], "basins"]
    spread: Annotated[NDArray[np.float64], "window channels"]
    place_hz: Annotated[NDArray[np.float64], "basins"]
    covered: Annotated[NDArray[np.float64], "basins"]


@kernel
def basins_process(power: Floats, moment: Floats, tables: BasinTables, out: BasinOut) -> None:
    """The lines of every frame, stream and window."""
    rooms = power.shape[2] // 2 + 1  # between two peaks there is a valley
    edge = np.empty(rooms + 1, np.int64)
    found = Found(
        np.empty(rooms, np.int64), np.empty(rooms, np.int64), np.empty(rooms, np.int64), np.empty(rooms, np.float64),
        np.empty(rooms, np.float64), np.empty(rooms, np.float64), np.empty(rooms, np.int64), np.empty(rooms, np.int64),
        np.empty(power.shape[2], np.float64), np.empty(rooms, np.float64), np.empty(rooms, np.float64),
    )  # fmt: skip
    for f in range(power.shape[0]):
        for s in range(power.shape[1]):
            for w in range(tables.top_hz.size):
                a, b = tables.first_channel[w], tables.first_channel[w + 1]
                P, G = power[f, s, a:b], moment[f, s, a:b]
                kept = find_basins(P, G, tables.top_hz[w], edge, found)
                out.lines[f, s, w] = kept
                _write(
                    P, tables.per_share[w], kept, found, out.hz[f, s, w], out.energy[f, s, w],
                    out.concentration[f, s, w], out.spread_hz[f, s, w], out.peak[f, s, w],
                )  # fmt: skip


@kernel
def find_basins(P: Floats, G: Floats, top_hz: float, edge: Integers, found: Found) -> int:
    """The basins of one window in which there is a line, in `order` by frequency; returns how many."""
    lines = _sum_up(P, G, top_hz, edge, basin_edges(P, edge, found.peak), found)
    return int(_keep_strongest(_keep_local(lines, found), found))


@kernel
def basin_edges(P: Floats, edge: Integers, peak: Integers) -> int:
    """Where basins begin, the first channel of each valley's floor, and where the last one ends; their number.

    peak: of each the first channel with its largest power, up to which power rises.
    """
    basins, floor, top, falling = 0, 0, 0, False
    edge[0] = peak[0] = 0
    for k in range(1, P.size):  # without a branch: which way power turns cannot be predicted
        falls, rises = P[k] < P[k - 1], P[k] > P[k - 1]
        edge[basins + 1] = floor
        basins += falling & rises
        floor = k if falls else floor
        top = k if rises else top
        peak[basins] = top
        falling = falls | (falling & (not rises))
    edge[basins + 1] = P.size
    return basins + 1


@kernel
def _sum_up(P: Floats, G: Floats, top_hz: float, edge: Integers, basins: int, found: Found) -> int:
    """Energy and frequencies of each basin in which there is a line; returns how many there are."""
    first, past, peak, energy, hz, squares = found.first, found.past, found.peak, found.energy, found.hz, found.square
    lines, spread = 0, found.spread
    for k in range(P.size):  # divisions apart from the sums, which go on one by one: these run in lanes
        spread[k] = np.float64(G[k]) * G[k] / max(np.float64(P[k]), LEAST_POWER)
    for basin in range(basins):
        total, moment, square = 0.0, 0.0, 0.0
        for k in range(edge[basin], edge[basin + 1]):
            total += P[k]
            moment += G[k]
            square += spread[k]
        if total >= FAINTEST_LINE and 0.0 < moment <= top_hz * total:
            first[lines], past[lines], peak[lines] = edge[basin], edge[basin + 1], peak[basin]
            energy[lines], hz[lines], squares[lines] = total, moment / total, square
            lines += 1
    return lines


@kernel
def _keep_local(lines: int, found: Found) -> int:
    """Sort by frequency and drop what a stronger one within an octave covers; returns how many are left in `order`."""
    hz, energy, order, place_hz, covered = found.hz, found.energy, found.order, found.place_hz, found.covered
    weakest = math.inf
    for i in range(lines):  # they nearly are sorted
        j = i
        while j > 0 and hz[order[j - 1]] > hz[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
        weakest = min(energy[i], weakest)
    for i in range(lines):
        place_hz[i], covered[i] = hz[order[i]], 0.0
    first, past = 0, 0
    for i in range(lines):
        covers = LOCAL_RANGE * energy[order[i]]
        if covers <= weakest:
            continue
        while OCTAVE * place_hz[first] < place_hz[i]:
            first += 1
        while past < lines and place_hz[past] <= OCTAVE * place_hz[i]:
            past += 1
        for j in range(first, past):
            covered[j] = max(covered[j], covers)
    kept = 0
    for i in range(lines):
        order[kept] = order[i]
        kept += energy[order[i]] >= covered[i]
    return kept


@kernel
def _keep_strongest(kept: int, found: Found) -> int:
    """Keep the strongest where there is no room for all; of equally strong ones the lower."""
    if kept <= MOST_LINES:
        return kept
    energy, order = found.energy, found.order
    stronger = np.zeros(kept, np.int64)
    for i in range(kept):
        for j in range(i):
            if energy[order[i]] > energy[order[j]]:
                stronger[j] += 1
            else:
                stronger[i] += 1
    room = 0
    for i in range(kept):
        if stronger[i] < MOST_LINES:
            order[room] = order[i]
            room += 1
    return room


@kernel(inline=True)
def spread_of(found: Found, line: int) -> float:
    """Hz, the root of the variance ``Σ P f² / Σ P − mean²``."""
    return math.sqrt(max(found.square[line] / found.energy[line] - found.hz[line] ** 2, 0.0))


@kernel
def _write(
    P: Floats, per_share: float, kept: int, found: Found, hz: Floats, energy: Floats, concentration: Floats,
    spread_hz: Floats, peak: ShortIntegers,
) -> None:  # fmt: skip
    """The lines in order, zeros behind the last."""
    for i in range(kept):
        line = found.order[i]
        hz[i], energy[i], peak[i] = found.hz[line], found.energy[line], found.peak[line]
        concentration[i] = P[found.peak[line]] * per_share / found.energy[line]
        spread_hz[i] = spread_of(found, line)
    hz[kept:], energy[kept:], concentration[kept:], spread_hz[kept:], peak[kept:] = 0.0, 0.0, 0.0, 0.0, 0
