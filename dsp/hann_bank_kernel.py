"""Inner loops of `HannBank`. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Doubles, Floats, kernel
from sharpear.compiler.products import ANYTHING, add_products

APART = 4
"""Samples apart that are summed up together first: a carrier turns from one of them to the next as anywhere."""

TOGETHER = 8
"""Sums, and parts of resonators, that are made together: there are as many more as fill the last lanes."""

SMALLEST_RESONANCE = 1e-30
"""States below this are set to zero once a hop, before they become slow denormal numbers."""

RESTART_HOPS = 256
"""Hops, about .75 s, after which resonators begin anew. Turning their past once costs as much as some twenty hops'
advance: seldom enough to be cheap. A run that is to say the same as another begins at a multiple: often enough for
that to be near."""

SILENT_POWER = np.float32(1e-24)
"""Powers below this (-240 dBFS) are silence: what rounding leaves of sound that was loud has less (-260 dBFS)."""


class HopFilters(NamedTuple):
    """What a hop's samples add to the resonators, ``g Σ_n p^(H−1−n) x[n]``, band by band, each a turn a hop wide.

    All bands are alike but for their centre's oscillation: what is within one is made of the same few sums.

    hop: samples. Every `APART`th of them is first summed up alone, silence standing before the first ones.
    basis: what samples are weighed by, for the first of every `APART` each sum, then for the second; carrier: at the
    last of them the cosines of the bands' centres, then their sines; between: the same of how these turn from each to
    the last; mixing: of one window after the other how resonators within a band are made of its sums, real parts and
    then imaginary ones, each row filled up to whole lanes; first_mixing: where that begins.
    """

    hop: int
    basis: Annotated[NDArray[np.float32], "sums apart", "samples apart"]
    carrier: Annotated[NDArray[np.float32], "samples apart", "carriers"]
    between: Annotated[NDArray[np.float32], "apart", "carriers"]
    mixing: Annotated[NDArray[np.float32], "mixing values"]
    first_mixing: Annotated[NDArray[np.int64], "window ends"]


class Resonators(NamedTuple):
    """One-pole resonators, `points` at either end of each window only neighbours are made of: p^H, p^−H and p^N."""

    turn: Annotated[NDArray[np.float64], "parts", "resonators"]
    back: Annotated[NDArray[np.float64], "parts", "resonators"]
    past: Annotated[NDArray[np.float64], "resonators"]


class WindowTables(NamedTuple):
    """How long each window is and where its resonators and channels begin, and the centre of each channel, Hz.

    slope_hz: fs/(4N), Hz for what the two neighbours differ by.
    """

    length_hops: Annotated[NDArray[np.int64], "windows"]
    points: Annotated[NDArray[np.int64], "windows"]
    first_resonator: Annotated[NDArray[np.int64], "window ends"]
    first_channel: Annotated[NDArray[np.int64], "window ends"]
    slope_hz: Annotated[NDArray[np.float32], "windows"]
    center_hz: Annotated[NDArray[np.float32], "channels"]


class BankState(NamedTuple):
    """The resonators, and as they were a window ago: each window's rows, one a hop, behind the last window's."""

    resonators: Annotated[NDArray[np.float64], "streams", "parts", "resonators"]
    past: Annotated[NDArray[np.float64], "streams", "values"]


class BankParts(NamedTuple):
    """A `HannBank` as its kernels take it."""

    filters: HopFilters
    resonators: Resonators
    windows: WindowTables
    state: BankState


class HannOut(NamedTuple):
    """The fields of `HannFrames`."""

    power: Annotated[NDArray[np.float32], "frames", "streams", "channels"]
    moment: Annotated[NDArray[np.float32], "frames", "streams", "channels"]
    subband: Annotated[NDArray[np.complex64], "frames", "streams", "longest channels"]


class HannRoom(NamedTuple):
    """Room for a hop.

    sound, weighed: its samples, every `APART`th in a row, and weighed; carried, folded: their sums with carriers, and
    these over all rows, real parts and then imaginary ones; mixed, fresh: what a window makes of them, and all
    resonators receive; finite: windows.
    """

    sound: Annotated[NDArray[np.float32], "apart", "samples apart"]
    weighed: Annotated[NDArray[np.float32], "sums apart", "samples apart"]
    carried: Annotated[NDArray[np.float32], "sums apart", "carriers"]
    folded: Annotated[NDArray[np.float32], "parts of sums", "bands"]
    mixed: Annotated[NDArray[np.float32], "mixed values"]
    fresh: Annotated[NDArray[np.float32], "two", "resonators"]
    finite: Annotated[NDArray[np.float32], "two", "resonators and points"]


@kernel
def hann_room(filters: HopFilters, resonators: Resonators, windows: WindowTables) -> HannRoom:
    """Room for one hop after the other."""
    units, rows, (apart, carriers) = resonators.past.size, filters.basis.shape[0], filters.carrier.shape
    parts = 2 * (rows // APART)
    return HannRoom(
        np.zeros((APART, apart), np.float32),
        np.empty((rows, apart), np.float32),
        np.empty((rows, carriers), np.float32),
        np.empty((parts, carriers // 2), np.float32),
        np.empty(carriers // 2 * (filters.mixing.size // parts), np.float32),
        np.empty((2, units), np.float32),
        np.empty((2, units + windows.points.max()), np.float32),
    )


@kernel(apart=True)
def take_hop(sound: Floats, filters: HopFilters, windows: WindowTables, room: HannRoom) -> None:
    """What resonators receive of a hop: ``room.fresh``."""
    carried, folded = room.carried, room.folded
    _weigh(sound, filters.basis, room.sound, room.weighed)
    _clear(carried)
    add_products(room.weighed, filters.carrier, ANYTHING, carried)
    _fold(carried, filters.between, folded)
    for w in range(windows.points.size):
        a, b = windows.first_resonator[w], windows.first_resonator[w + 1]
        width = windows.length_hops[w] * windows.points[w]
        bands = (b - a + width - 1) // width
        mixing = filters.mixing[filters.first_mixing[w] : filters.first_mixing[w + 1]].reshape(folded.shape[0], -1)
        mixed = room.mixed[: bands * mixing.shape[1]].reshape(bands, -1)
        _clear(mixed)
        add_products(folded[:, :bands].T, mixing, ANYTHING, mixed)
        for part in range(2):
            _unfold(mixed, part * width, width, room.fresh[part, a:b])


@kernel
def _weigh(sound: Floats, basis: Floats, apart: Floats, weighed: Floats) -> None:
    missing = apart.size - sound.size
    for n in range(sound.size):
        apart[(missing + n) % APART, (missing + n) // APART] = sound[n]
    sums = basis.shape[0] // APART
    for row in range(basis.shape[0]):
        samples, weights, told = apart[row // sums], basis[row], weighed[row]
        for m in range(samples.size):
            told[m] = samples[m] * weights[m]


@kernel
def _clear(rows: Floats) -> None:
    for h in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            rows[h, k] = 0.0


@kernel
def _fold(carried: Floats, between: Floats, folded: Floats) -> None:
    """Sums over all samples of those over every `APART`th, each turned to where its samples are."""
    sums, bands = folded.shape[0] // 2, folded.shape[1]
    for j in range(sums):
        real, imaginary = folded[j], folded[sums + j]
        for g in range(bands):
            real[g] = imaginary[g] = 0.0
        for n in range(APART):
            re, im, row = between[n, :bands], between[n, bands:], carried[n * sums + j]
            row_re, row_im = row[:bands], row[bands:]
            for g in range(bands):
                real[g] += re[g] * row_re[g] - im[g] * row_im[g]
                imaginary[g] += re[g] * row_im[g] + im[g] * row_re[g]


@kernel
def _unfold(rows: Floats, first: int, width: int, values: Floats) -> None:
    """So many values of each row, from its `first` one on, behind those of the row before."""
    whole = values.size // width
    for g in range(whole):
        row, part = rows[g, first : first + width], values[g * width : (g + 1) * width]
        for i in range(width):
            part[i] = row[i]
    for i in range(values.size - whole * width):
        values[whole * width + i] = rows[whole, first + i]


@kernel(apart=True)
def hann_hop(
    fresh: Floats, resonators: Resonators, windows: WindowTables, frame: int, y: Doubles, past: Doubles,
    finite: Floats, power: Floats, moment: Floats, subband: Complexes,
) -> None:  # fmt: skip
    """Advance one stream over one hop, number `frame`, of which resonators receive `fresh`.

    y, past are its part of a `BankState`.
    """
    turn = resonators.turn
    if frame % RESTART_HOPS == 0:
        _restart(resonators.back, windows, frame, y, past)
    _advance(turn[0], turn[1], fresh[0], fresh[1], y[0], y[1])
    _windows(resonators.past, windows, frame, y, past, finite, power, moment, subband)


@kernel
def hann_process(
    recent: Floats, filters: HopFilters, resonators: Resonators, windows: WindowTables, state: BankState, frame: int,
    out: HannOut,
) -> None:  # fmt: skip
    """Advance every stream over the whole hops of `recent` (streams, samples), the first of them number `frame`."""
    hop, frames, room = filters.hop, out.power.shape[0], hann_room(filters, resonators, windows)
    for s in range(recent.shape[0]):
        for f in range(frames):
            take_hop(recent[s, f * hop : (f + 1) * hop], filters, windows, room)
            hann_hop(
                room.fresh, resonators, windows, frame + f, state.resonators[s], state.past[s], room.finite,
                out.power[f, s], out.moment[f, s], out.subband[f, s],
            )  # fmt: skip


@kernel
def _restart(back: Doubles, windows: WindowTables, frame: int, y: Doubles, before: Doubles) -> None:
    """From the end of the hop before on, t0, ``y ← 0``; m hops earlier ``y(t0−m) − p^−m y(t0)``, that windows stay.

    ``y(t) − p^N y(t−N)`` is then what it was, and after a window nothing is left of what was before t0, in no bit.
    """
    begins = 0
    for w in range(windows.length_hops.size):
        depth = windows.length_hops[w]
        a, b = windows.first_resonator[w], windows.first_resonator[w + 1]
        count = b - a
        for m in range(depth):
            row = begins + ((frame - 1 - m) % depth) * 2 * count
            _take_off(
                back[0, a:b], back[1, a:b], y[0, a:b], y[1, a:b], before[row : row + count],
                before[row + count : row + 2 * count],
            )  # fmt: skip
        begins += depth * 2 * count
    y[:] = 0.0


@kernel(fastmath={"contract"})
def _take_off(
    back_re: Doubles, back_im: Doubles, re: Doubles, im: Doubles, before_re: Doubles, before_im: Doubles
) -> None:
    """Take y(t0), as it was as many hops ago as the past is, off that, and turn it back by one more hop."""
    for k in range(re.size):
        before_re[k] -= re[k]
        before_im[k] -= im[k]
        earlier = back_re[k] * re[k] - back_im[k] * im[k]
        im[k] = back_re[k] * im[k] + back_im[k] * re[k]
        re[k] = earlier


@kernel(fastmath={"contract"})
def _advance(turn_re: Doubles, turn_im: Doubles, fresh_re: Floats, fresh_im: Floats, re: Doubles, im: Doubles) -> None:
    """``y ← p^H y + Σ_n p^(H−1−n) x[n]``."""
    for k in range(re.size):
        a = turn_re[k] * re[k] - turn_im[k] * im[k] + fresh_re[k]
        b = turn_re[k] * im[k] + turn_im[k] * re[k] + fresh_im[k]
        re[k] = a if abs(a) > SMALLEST_RESONANCE else 0.0
        im[k] = b if abs(b) > SMALLEST_RESONANCE else 0.0


@kernel
def _windows(
    past: Doubles, windows: WindowTables, frame: int, y: Doubles, before: Doubles, finite: Floats, power: Floats,
    moment: Floats, subband: Complexes,
) -> None:  # fmt: skip
    """Power and moment of every window's channels at a hop's end, and the longest window's values."""
    last = windows.length_hops.size - 1
    begins = 0
    for w in range(last + 1):
        points, depth = windows.points[w], windows.length_hops[w]
        a, b = windows.first_resonator[w], windows.first_resonator[w + 1]
        row = begins + (frame % depth) * 2 * (b - a)
        begins += depth * 2 * (b - a)
        for part in range(2):
            start = row + part * (b - a)
            _cut(past[a:b], y[part, a:b], before[start : start + b - a], finite[part, points : points + b - a])
        for k in range(points):  # the input is real
            finite[0, k], finite[1, k] = finite[0, 2 * points - k], -finite[1, 2 * points - k]
        a, b = windows.first_channel[w], windows.first_channel[w + 1]
        _hann(points, windows.slope_hz[w], windows.center_hz[a:b], finite, power[a:b], moment[a:b], subband, w == last)


@kernel(fastmath={"contract"})
def _cut(past: Doubles, y: Doubles, before: Doubles, finite: Floats) -> None:
    """``z = y(t) − p^N y(t−N)``, real or imaginary part; then y(t) is kept."""
    for k in range(y.size):
        finite[k] = y[k] - past[k] * before[k]
        before[k] = y[k]


@kernel(fastmath={"contract"})
def _hann(
    points: int, slope_hz: np.float32, center_hz: Floats, finite: Floats, power: Floats, moment: Floats,
    subband: Complexes, keep: bool,
) -> None:  # fmt: skip
    r"""``v = z_k/2 − (z_{k+s} + z_{k−s})/4``, \|v\|², and \|v\|² f with the f that reassignment defines."""
    half, quarter = np.float32(0.5), np.float32(0.25)
    channels = center_hz.size
    below_re, below_im = finite[0, :channels], finite[1, :channels]
    here_re, here_im = finite[0, points : points + channels], finite[1, points : points + channels]
    above_re, above_im = finite[0, 2 * points : 2 * points + channels], finite[1, 2 * points : 2 * points + channels]
    for k in range(channels):
        re = half * here_re[k] - quarter * (above_re[k] + below_re[k])
        im = half * here_im[k] - quarter * (above_im[k] + below_im[k])
        size = re * re + im * im
        across = (above_re[k] - below_re[k]) * re + (above_im[k] - below_im[k]) * im
        sounds = size >= SILENT_POWER
        power[k] = size if sounds else np.float32(0)
        moment[k] = size * center_hz[k] - slope_hz * across if sounds else np.float32(0)
        if keep:
            subband[k] = complex(re, im) if sounds else complex(np.float32(0), np.float32(0))
