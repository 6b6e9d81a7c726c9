"""Inner loops of beliefs: which window's lines to believe, and how far. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.compiler.elementary import exp, ln
from sharpear.compiler.products import ANYTHING, add_products

LARGEST_GAIN = np.float32(4.0)
"""A window's bias is bounded to this, ln of energy, smoothly."""

LARGEST_BELIEF = np.float32(14.0)
"""The whole of a line's belief likewise: e^-14 is as good as gone."""

RECTIFIED = np.float32(0.0)
"""What the activities of hidden layers are at least."""

NOWHERE = np.float32(-1e4)
"""Logarithm of the share of a window that has no channels in a band."""


class BeliefWeights(NamedTuple):
    """Layers over bands (cues, neighbours and neighbours again, each bands' own), and over each line.

    Weights go from inputs to outputs; of `near` and `far` the first axis is the band, from below to above.
    """

    cue: Annotated[NDArray[np.float32], "band cues", "first"]
    cue_bias: Annotated[NDArray[np.float32], "first"]
    near: Annotated[NDArray[np.float32], "five", "first", "second"]
    near_bias: Annotated[NDArray[np.float32], "second"]
    whole: Annotated[NDArray[np.float32], "pooled", "second"]
    far: Annotated[NDArray[np.float32], "three", "second", "second"]
    far_bias: Annotated[NDArray[np.float32], "second"]
    told: Annotated[NDArray[np.float32], "second", "told"]
    told_bias: Annotated[NDArray[np.float32], "told"]
    line: Annotated[NDArray[np.float32], "line inputs", "third"]
    line_bias: Annotated[NDArray[np.float32], "third"]
    narrow: Annotated[NDArray[np.float32], "third", "fourth"]
    narrow_bias: Annotated[NDArray[np.float32], "fourth"]
    belief: Annotated[NDArray[np.float32], "fourth"]
    belief_bias: Annotated[NDArray[np.float32], "one"]


class BeliefRoom(NamedTuple):
    """Activities on the way, a row for each band or line: of bands, with empty ones at either end, of a block of lines.

    share: how much of the pooled activities each band is; level, gain: ln of what each window's energies in a band are
    to be multiplied by, as it is corrected, and as it is trusted, too; present: how many windows have channels there;
    context: what its lines' third layer is told.
    """

    first: Annotated[NDArray[np.float32], "padded bands", "first"]
    near: Annotated[NDArray[np.float32], "padded bands", "second"]
    second: Annotated[NDArray[np.float32], "bands", "second"]
    share: Annotated[NDArray[np.float32], "two", "bands"]
    pooled: Annotated[NDArray[np.float32], "two", "first"]
    common: Annotated[NDArray[np.float32], "one", "second"]
    told: Annotated[NDArray[np.float32], "bands", "told"]
    total: Annotated[NDArray[np.float32], "bands"]
    level: Annotated[NDArray[np.float32], "windows", "bands"]
    gain: Annotated[NDArray[np.float32], "present windows", "windows", "bands"]
    present: Annotated[NDArray[np.int64], "bands"]
    context: Annotated[NDArray[np.float32], "bands", "third"]
    third: Annotated[NDArray[np.float32], "block", "third"]
    fourth: Annotated[NDArray[np.float32], "block", "fourth"]
    belief: Annotated[NDArray[np.float32], "block"]


NO_LOUDNESS = np.float32(1e-6)
"""Stands for the loudness of all bands where there is none."""

PAD = 2
"""Empty bands below the lowest and above the highest, as far as a convolution reaches."""


@kernel(apart=True)
def judge_bands(
    cues: Floats, correction: Floats, level_cue: int, missing_cue: int, longer: Integers, weights: BeliefWeights,
    room: BeliefRoom,
) -> None:  # fmt: skip
    """What to think of each window in each band, from all bands' cues, (band cues, bands).

    A window's share is a softmax over the windows; its level is corrected by how far each correction is believed.
    """
    told, context, windows = room.told, room.context, room.level.shape[0]
    layers(cues, level_cue, weights, room)
    fill(told, weights.told_bias)
    add_products(room.second, weights.told, ANYTHING, told)
    for b in range(told.shape[0]):
        room.present[b] = 1
    for w in range(1, windows):
        for b in range(told.shape[0]):
            room.present[b] += cues[missing_cue + w - 1, b] == 0
    _correct(told, correction, longer, room.level)
    for m in range(windows):
        _trust(told, room.level, m, room.total, room.gain[m])
    begins = 2 * windows + longer.size
    own = weights.line.shape[0] - (told.shape[1] - begins)
    fill(context, weights.line_bias)
    add_products(told[:, begins:], weights.line[own:], ANYTHING, context)


@kernel(apart=True)
def layers(cues: Floats, level_cue: int, weights: BeliefWeights, room: BeliefRoom) -> None:
    """``h = relu(cue)``, ``y = relu(near ∗ h + whole)``, ``y + relu(far ∗ y)``, into room.second."""
    bands, first, near, second, common = room.second.shape[0], room.first, room.near, room.second, room.common
    h, y = first[PAD : PAD + bands], near[PAD : PAD + bands]
    fill(h, weights.cue_bias)
    add_products(cues[:, :bands].T, weights.cue, RECTIFIED, h)
    _weigh(cues[level_cue], room.share)
    room.pooled[:] = 0.0
    add_products(room.share, h, ANYTHING, room.pooled)
    fill(common, weights.near_bias)
    add_products(room.pooled, weights.whole, ANYTHING, common)
    fill(y, common[0])
    add_products(first, weights.near.reshape(-1, near.shape[1]), RECTIFIED, y)
    fill(second, weights.far_bias)
    add_products(near[PAD - 1 :], weights.far.reshape(-1, near.shape[1]), RECTIFIED, second)
    for b in range(bands):
        row, before = second[b], y[b]
        for m in range(row.size):
            row[m] += before[m]


@kernel
def fill(rows: Floats, values: Floats) -> None:
    """The values in every row."""
    for b in range(rows.shape[0]):
        row = rows[b]
        for m in range(row.size):
            row[m] = values[m]


@kernel
def _weigh(level: Floats, share: Floats) -> None:
    """How much bands are of their means: by the roots of their energies, as levels are quarters of ln, and plainly."""
    loudness = NO_LOUDNESS
    for b in range(level.size):
        share[0, b] = exp(np.float32(2) * level[b])
    for b in range(level.size):
        loudness += share[0, b]
    for b in range(level.size):
        share[0, b] /= loudness
        share[1, b] = np.float32(1) / np.float32(level.size)


@kernel
def _correct(told: Floats, correction: Floats, longer: Integers, level: Floats) -> None:
    """Levels of the windows, smoothly bounded and corrected; longer: which window each correction is of."""
    windows, bands = level.shape
    for w in range(windows):
        for b in range(bands):
            level[w, b] = bounded(told[b, windows + w], LARGEST_GAIN)
    for q in range(longer.size):
        own = level[longer[q]]
        for b in range(bands):
            own[b] += told[b, 2 * windows + q] * correction[q, b]


@kernel
def bounded(x: np.float32, most: np.float32) -> np.float32:
    """``most tanh(x / most)``."""
    return np.float32(most - np.float32(2) * most / (exp(np.float32(2) * x / most) + np.float32(1)))


@kernel
def _trust(told: Floats, level: Floats, last: int, total: Floats, gain: Floats) -> None:
    """The levels, and ln of each window's share among those up to `last`: where there are no lines of longer ones.

    total: ln of the sum of e to what is told of the windows before; this one is added.
    """
    windows, bands = level.shape
    for b in range(bands):
        new = told[b, last]
        both = max(total[b], new) + ln(np.float32(1) + exp(-abs(total[b] - new)))
        total[b] = both if last > 0 else new
    for w in range(windows):
        for b in range(bands):
            gain[w, b] = told[b, w] - total[b] + level[w, b] if w <= last else NOWHERE


@kernel(apart=True)
def judge_lines(
    count: int, hz: Floats, place: Floats, energy: Floats, window: Integers, cues: Floats, reach_hz: Doubles,
    weights: BeliefWeights, room: BeliefRoom, believed: Floats,
) -> None:  # fmt: skip
    """Energies of the lines, times e to what their bands and their own cues, (line cues, lines), say of them.

    place: on the axis of bands, below the last; reach_hz: up to where each window, the shortest first, has lines; what
    it has beyond is nobody's.
    """
    block = room.third.shape[0]
    for begin in range(0, count, block):
        end = min(begin + block, count)
        lines = end - begin
        _context(hz[begin:end], place[begin:end], window[begin:end], reach_hz, room)
        third, fourth, belief = room.third[:lines], room.fourth[:lines], room.belief[:lines]
        add_products(cues[:, begin:end].T, weights.line[: cues.shape[0]], RECTIFIED, third)
        fill(fourth, weights.narrow_bias)
        add_products(third, weights.narrow, RECTIFIED, fourth)
        _conclude(fourth, weights.belief, weights.belief_bias[0], belief)
        _believe(belief, energy[begin:end], believed[begin:end])


@kernel
def _context(hz: Floats, place: Floats, window: Integers, reach_hz: Doubles, room: BeliefRoom) -> None:
    """What the bands around lines tell them: the gain of their window, and where the third layer starts."""
    gain, context, third = room.gain, room.context, room.third
    for i in range(hz.size):
        b, m, w = int(place[i]), 0, window[i]
        above = place[i] - np.float32(b)
        while m < reach_hz.size and hz[i] < reach_hz[m]:
            m += 1
        if room.present[b + 1] < m:  # the band above knows nothing of the longest window here
            above = np.float32(0)
        below = np.float32(1) - above
        room.belief[i] = below * gain[m - 1, w, b] + above * gain[m - 1, w, b + 1] if w < m else NOWHERE
        lower, upper, row = context[b], context[b + 1], third[i]
        for n in range(row.size):
            row[n] = below * lower[n] + above * upper[n]


@kernel(fastmath={"contract", "reassoc"})
def _conclude(fourth: Floats, weight: Floats, bias: np.float32, belief: Floats) -> None:
    """``belief += w · fourth + bias``."""
    for i in range(belief.size):
        total, row = bias, fourth[i]
        for m in range(weight.size):
            total += weight[m] * row[m]
        belief[i] += total


@kernel
def _believe(belief: Floats, energy: Floats, believed: Floats) -> None:
    """The energies, times e to what is believed, within bounds."""
    for i in range(belief.size):
        believed[i] = energy[i] * exp(bounded(belief[i], LARGEST_BELIEF))
