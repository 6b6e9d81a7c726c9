"""Inner loops of beliefs: which window's lines to believe, and how far. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel

LARGEST_GAIN = np.float32(4.0)
"""A window's bias is bounded to this, ln of energy, smoothly."""

LARGEST_BELIEF = np.float32(14.0)
"""The whole of a line's belief likewise: e^-14 is as good as gone."""

NOWHERE = np.float32(-1e4)
"""ln of the share of a window that has no channels in a band."""


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
    """Activities on the way: of bands, with empty ones at either end, and of a line.

    trust: ln of what each window's energies in a band are to be multiplied by; context: what its lines are told.
    """

    first: Annotated[NDArray[np.float32], "padded bands", "first"]
    second: Annotated[NDArray[np.float32], "padded bands", "second"]
    sum: Annotated[NDArray[np.float32], "second"]
    pooled: Annotated[NDArray[np.float32], "pooled"]
    told: Annotated[NDArray[np.float32], "told"]
    trust: Annotated[NDArray[np.float32], "bands", "windows"]
    context: Annotated[NDArray[np.float32], "bands", "context"]
    input: Annotated[NDArray[np.float32], "line inputs"]
    third: Annotated[NDArray[np.float32], "third"]
    fourth: Annotated[NDArray[np.float32], "fourth"]


@kernel(fastmath={"contract"})
def add_rows(weight: Floats, rows: Floats, out: Floats) -> None:
    """``out += Σ_n weight[n] rows[n]``, without those whose weight is zero: half of what is rectified."""
    for n in range(weight.size):
        w = weight[n]
        if w != 0:
            row = rows[n]
            for k in range(out.size):
                out[k] += w * row[k]


@kernel
def rectify(x: Floats) -> None:
    """``max(x, 0)`` in place."""
    for k in range(x.size):
        x[k] = max(x[k], np.float32(0))


@kernel
def judge_bands(
    cues: Floats, correction: Floats, level_cue: int, missing_cue: int, longer: Integers, weights: BeliefWeights,
    room: BeliefRoom,
) -> None:  # fmt: skip
    """What to think of each window in each band, from all bands' cues.

    A window's share is a softmax over the windows; its level is corrected by how far each correction is believed.
    """
    bands = cues.shape[0]
    _first_layers(cues, level_cue, weights, room)
    for b in range(bands):
        room.told[:] = weights.told_bias
        add_rows(room.second[b + 1], weights.told, room.told)
        _trust(cues[b], correction[b], missing_cue, longer, room.told, room.trust[b])
        room.context[b, :] = room.told[2 * room.trust.shape[1] + longer.size :]


@kernel
def _first_layers(cues: Floats, level_cue: int, weights: BeliefWeights, room: BeliefRoom) -> None:
    """``h = relu(cue)``, ``y = relu(near ∗ h + whole)``, ``y + relu(far ∗ y)``, into room.second from its row 1 on."""
    bands, width = cues.shape[0], weights.cue.shape[1]
    room.pooled[:] = 0.0
    loudness = np.float32(1e-6)
    for b in range(bands):
        h = room.first[b + 2]
        h[:] = weights.cue_bias
        add_rows(cues[b], weights.cue, h)
        rectify(h)
        weight = np.float32(math.exp(2.0 * cues[b, level_cue]))
        loudness += weight
        for k in range(width):
            room.pooled[k] += weight * h[k]
            room.pooled[width + k] += h[k]
    for k in range(width):
        room.pooled[k] /= loudness
        room.pooled[width + k] /= np.float32(bands)
    for b in range(bands):
        y = room.second[b + 1]
        y[:] = weights.near_bias
        add_rows(room.pooled, weights.whole, y)
        for d in range(5):
            add_rows(room.first[b + d], weights.near[d], y)
        rectify(y)
    before = np.zeros(weights.far_bias.size, np.float32)
    for b in range(bands):
        room.sum[:] = weights.far_bias
        add_rows(before, weights.far[0], room.sum)
        add_rows(room.second[b + 1], weights.far[1], room.sum)
        add_rows(room.second[b + 2], weights.far[2], room.sum)
        rectify(room.sum)
        for k in range(before.size):
            before[k] = room.second[b + 1, k]
            room.second[b + 1, k] += room.sum[k]


@kernel
def _trust(cues: Floats, correction: Floats, missing_cue: int, longer: Integers, told: Floats, trust: Floats) -> None:
    """ln of each window's share and level in one band; longer: which window each correction is of."""
    windows = trust.size
    highest = np.float32(-1e30)
    for w in range(windows):
        trust[w] = told[w]
        if w > 0 and cues[missing_cue + w - 1] > 0:
            trust[w] += NOWHERE
        highest = max(highest, trust[w])
    total = 0.0
    for w in range(windows):
        total += math.exp(trust[w] - highest)
    for w in range(windows):
        trust[w] -= highest + np.float32(math.log(total))
        trust[w] += LARGEST_GAIN * np.float32(math.tanh(told[windows + w] / LARGEST_GAIN))
    for q in range(longer.size):
        trust[longer[q]] += told[2 * windows + q] * correction[q]


@kernel
def judge_lines(
    count: int, hz: Floats, energy: Floats, window: Integers, cues: Floats, lowest_hz: float, per_octave: float,
    weights: BeliefWeights, room: BeliefRoom, believed: Floats,
) -> None:  # fmt: skip
    """Energies of the lines, times e to what their bands and their own cues say of them."""
    bands, own = room.trust.shape[0], cues.shape[1]
    for i in range(count):
        place = min(max(per_octave * math.log2(hz[i] / lowest_hz), 0.0), bands - 1.001)
        b = int(place)
        above = np.float32(place - b)
        below = np.float32(1) - above
        room.input[:own] = cues[i]
        for k in range(room.context.shape[1]):
            room.input[own + k] = below * room.context[b, k] + above * room.context[b + 1, k]
        room.third[:] = weights.line_bias
        add_rows(room.input, weights.line, room.third)
        rectify(room.third)
        room.fourth[:] = weights.narrow_bias
        add_rows(room.third, weights.narrow, room.fourth)
        rectify(room.fourth)
        belief = weights.belief_bias[0]
        for k in range(room.fourth.size):
            belief += room.fourth[k] * weights.belief[k]
        belief = belief + below * room.trust[b, window[i]] + above * room.trust[b + 1, window[i]]
        believed[i] = energy[i] * np.float32(math.exp(LARGEST_BELIEF * math.tanh(belief / LARGEST_BELIEF)))
