"""Inner loops of beliefs: which window's lines to believe, and how far. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

LARGEST_GAIN = np.float32(4.0)
"""A window's bias is bounded to this, ln of energy, smoothly."""

LARGEST_BELIEF = np.float32(14.0)
"""The whole of a line's belief likewise: e^-14 is as good as gone."""

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
    """Activities on the way, a row for each unit: of bands, with empty ones at either end, and of a block of lines.

    level, share: ln of what each window's energies in a band are to be multiplied by, as it is corrected and as it is
    trusted; present: how many windows have channels there; context: what its lines' third layer is told.
    """

    cues: Annotated[NDArray[np.float32], "band cues", "padded bands"]
    first: Annotated[NDArray[np.float32], "first", "padded bands"]
    near: Annotated[NDArray[np.float32], "second", "padded bands"]
    second: Annotated[NDArray[np.float32], "second", "padded bands"]
    pooled: Annotated[NDArray[np.float32], "pooled", "one"]
    told: Annotated[NDArray[np.float32], "told", "padded bands"]
    level: Annotated[NDArray[np.float32], "windows", "padded bands"]
    share: Annotated[NDArray[np.float32], "present windows", "windows", "padded bands"]
    present: Annotated[NDArray[np.int64], "padded bands"]
    context: Annotated[NDArray[np.float32], "third", "padded bands"]
    lines: Annotated[NDArray[np.float32], "line cues", "block"]
    third: Annotated[NDArray[np.float32], "third", "block"]
    fourth: Annotated[NDArray[np.float32], "fourth", "block"]
    belief: Annotated[NDArray[np.float32], "block"]


PAD, NOTHING = np.int64(2), np.int64(0)
"""Empty bands below the lowest, as far as a convolution reaches, and none; literals would compile for each value."""


@kernel(fastmath={"contract"})
def add_rows(weights: Floats, unit: int, rows: Floats, begin: int, out: Floats) -> None:
    """``out += Σ_n weights[n, unit] rows[n, begin:]``, eight rows at a time, so that `out` is loaded less."""
    count, end = weights.shape[0], begin + out.size
    together = count - count % 8
    for n in range(0, together, 8):
        a, b, c, d = weights[n, unit], weights[n + 1, unit], weights[n + 2, unit], weights[n + 3, unit]
        e, f, g, h = weights[n + 4, unit], weights[n + 5, unit], weights[n + 6, unit], weights[n + 7, unit]
        row_a, row_b = rows[n, begin:end], rows[n + 1, begin:end]
        row_c, row_d = rows[n + 2, begin:end], rows[n + 3, begin:end]
        row_e, row_f = rows[n + 4, begin:end], rows[n + 5, begin:end]
        row_g, row_h = rows[n + 6, begin:end], rows[n + 7, begin:end]
        for k in range(out.size):
            out[k] += (
                a * row_a[k] + b * row_b[k] + c * row_c[k] + d * row_d[k]
                + e * row_e[k] + f * row_f[k] + g * row_g[k] + h * row_h[k]
            )  # fmt: skip
    for n in range(together, count):
        a, row_a = weights[n, unit], rows[n, begin:end]
        for k in range(out.size):
            out[k] += a * row_a[k]


@kernel
def judge_bands(
    cues: Floats, correction: Floats, level_cue: int, missing_cue: int, longer: Integers, weights: BeliefWeights,
    room: BeliefRoom,
) -> None:  # fmt: skip
    """What to think of each window in each band, from all bands' cues.

    A window's share is a softmax over the windows; its level is corrected by how far each correction is believed.
    """
    bands, told, context = cues.shape[0], room.told, room.context
    _layers(cues, level_cue, weights, room)
    for m in range(told.shape[0]):
        for k in range(bands):
            told[m, k] = weights.told_bias[m]
        add_rows(weights.told, m, room.second, PAD, told[m, :bands])
    for b in range(bands):
        _trust(b, cues, correction, missing_cue, longer, told, room.level, room.share, room.present)
    own, begins = room.lines.shape[0], 2 * room.level.shape[0] + longer.size
    for m in range(context.shape[0]):
        for k in range(bands):
            context[m, k] = weights.line_bias[m]
        add_rows(weights.line[own:], m, told[begins:], NOTHING, context[m, :bands])


@kernel
def _layers(cues: Floats, level_cue: int, weights: BeliefWeights, room: BeliefRoom) -> None:
    """``h = relu(cue)``, ``y = relu(near ∗ h + whole)``, ``y + relu(far ∗ y)``, into room.second."""
    bands, first, near, second, pooled = cues.shape[0], room.first, room.near, room.second, room.pooled
    width = first.shape[0]
    for n in range(cues.shape[1]):
        for b in range(bands):
            room.cues[n, b] = cues[b, n]
    loudness = np.float32(1e-6)
    weight = np.empty(bands, np.float32)
    for b in range(bands):
        weight[b] = np.float32(math.exp(2.0 * cues[b, level_cue]))
        loudness += weight[b]
    for m in range(width):
        for b in range(bands):
            first[m, PAD + b] = weights.cue_bias[m]
        add_rows(weights.cue, m, room.cues, NOTHING, first[m, PAD : PAD + bands])
        loud, plain = np.float32(0), np.float32(0)
        for b in range(PAD, PAD + bands):
            first[m, b] = max(first[m, b], np.float32(0))
            loud += weight[b - PAD] * first[m, b]
            plain += first[m, b]
        pooled[m, 0], pooled[width + m, 0] = loud / loudness, plain / np.float32(bands)
    common = np.empty(1, np.float32)
    for m in range(near.shape[0]):
        common[0] = weights.near_bias[m]
        add_rows(weights.whole, m, pooled, NOTHING, common)
        for b in range(PAD, PAD + bands):
            near[m, b] = common[0]
        for d in range(5):
            add_rows(weights.near[d], m, first, d, near[m, PAD : PAD + bands])
        for b in range(PAD, PAD + bands):
            near[m, b] = max(near[m, b], np.float32(0))
    for m in range(second.shape[0]):
        for b in range(PAD, PAD + bands):
            second[m, b] = weights.far_bias[m]
        for d in range(3):
            add_rows(weights.far[d], m, near, PAD - 1 + d, second[m, PAD : PAD + bands])
        for b in range(PAD, PAD + bands):
            second[m, b] = near[m, b] + max(second[m, b], np.float32(0))


@kernel
def _trust(
    b: int, cues: Floats, correction: Floats, missing_cue: int, longer: Integers, told: Floats, level: Floats,
    share: Floats, present: Integers,
) -> None:  # fmt: skip
    """What each window's energies are multiplied by in one band; longer: which window each correction is of.

    share[m - 1, w]: ln of window w's share among the first m windows: where there are no lines of longer ones.
    """
    windows = level.shape[0]
    present[b] = 1
    for w in range(1, windows):
        present[b] += cues[b, missing_cue + w - 1] == 0
    for w in range(windows):
        level[w, b] = LARGEST_GAIN * np.float32(math.tanh(told[windows + w, b] / LARGEST_GAIN))
    for q in range(longer.size):
        level[longer[q], b] += told[2 * windows + q, b] * correction[b, q]
    for m in range(1, windows + 1):
        highest, total = told[0, b], 0.0
        for w in range(m):
            highest = max(highest, told[w, b])
        for w in range(m):
            total += math.exp(told[w, b] - highest)
        rest = highest + np.float32(math.log(total))
        for w in range(windows):
            share[m - 1, w, b] = told[w, b] - rest if w < m else NOWHERE


@kernel
def judge_lines(
    count: int, hz: Floats, energy: Floats, window: Integers, cues: Floats, lowest_hz: float, per_octave: float,
    bands: int, reach_hz: Doubles, weights: BeliefWeights, room: BeliefRoom, believed: Floats,
) -> None:  # fmt: skip
    """Energies of the lines, times e to what their bands and their own cues say of them.

    reach_hz: up to where each window, the shortest first, has lines; what it has beyond is nobody's.
    """
    level, share, present, context = room.level, room.share, room.present, room.context
    lines, third = room.lines, room.third
    most, block = float(LARGEST_BELIEF), lines.shape[1]
    for begin in range(0, count, block):
        end = min(begin + block, count)
        for i in range(begin, end):
            place = min(max(per_octave * math.log2(hz[i] / lowest_hz), 0.0), bands - 1.001)
            b = int(place)
            above, m, w = np.float32(place - b), 0, window[i]
            while m < reach_hz.size and hz[i] < reach_hz[m]:
                m += 1
            if present[b + 1] < m:  # the band above knows nothing of the longest window here
                above = np.float32(0)
            below = np.float32(1) - above
            told = below * (level[w, b] + share[m - 1, w, b]) + above * (level[w, b + 1] + share[m - 1, w, b + 1])
            room.belief[i - begin] = told if w < m else NOWHERE
            for m in range(third.shape[0]):
                third[m, i - begin] = below * context[m, b] + above * context[m, b + 1]
            for n in range(lines.shape[0]):
                lines[n, i - begin] = cues[i, n]
        _line_layers(weights, room)
        for i in range(begin, end):
            belief = room.belief[i - begin]
            believed[i] = energy[i] * np.float32(math.exp(most * math.tanh(belief / most)))


@kernel(fastmath={"contract"})
def _line_layers(weights: BeliefWeights, room: BeliefRoom) -> None:
    """``belief += w · relu(narrow · relu(line · cues + context))`` for a whole block."""
    third, fourth, belief = room.third, room.fourth, room.belief
    own, block = room.lines.shape
    for m in range(third.shape[0]):
        add_rows(weights.line[:own], m, room.lines, NOTHING, third[m])
        for k in range(block):
            third[m, k] = max(third[m, k], np.float32(0))
    for k in range(block):
        belief[k] += weights.belief_bias[0]
    for m in range(fourth.shape[0]):
        for k in range(block):
            fourth[m, k] = weights.narrow_bias[m]
        add_rows(weights.narrow, m, third, NOTHING, fourth[m])
        for k in range(block):
            belief[k] += weights.belief[m] * max(fourth[m, k], np.float32(0))
