"""Inner loops of beliefs in voices. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.compiler.elementary import exp, ln
from sharpear.compiler.products import ANYTHING, add_products

from .beliefs_kernel import LARGEST_GAIN, bounded, fill, layers

PICTURES = 2
"""What windows say, and what voices say."""

WINDOWS, VOICES = 0, 1


class VoiceWeights(NamedTuple):
    """Layers over bands, as those of `BeliefWeights`; told: two shares, two levels."""

    cue: Annotated[NDArray[np.float32], "band cues", "first"]
    cue_bias: Annotated[NDArray[np.float32], "first"]
    near: Annotated[NDArray[np.float32], "five", "first", "second"]
    near_bias: Annotated[NDArray[np.float32], "second"]
    whole: Annotated[NDArray[np.float32], "pooled", "second"]
    far: Annotated[NDArray[np.float32], "three", "second", "second"]
    far_bias: Annotated[NDArray[np.float32], "second"]
    told: Annotated[NDArray[np.float32], "second", "told"]
    told_bias: Annotated[NDArray[np.float32], "told"]


class VoiceRoom(NamedTuple):
    """Activities on the way, as those of `BeliefRoom`; gain: ln of what each picture's energies are multiplied by."""

    first: Annotated[NDArray[np.float32], "padded bands", "first"]
    near: Annotated[NDArray[np.float32], "padded bands", "second"]
    second: Annotated[NDArray[np.float32], "bands", "second"]
    share: Annotated[NDArray[np.float32], "two", "bands"]
    pooled: Annotated[NDArray[np.float32], "two", "first"]
    common: Annotated[NDArray[np.float32], "one", "second"]
    told: Annotated[NDArray[np.float32], "bands", "told"]
    gain: Annotated[NDArray[np.float32], "pictures", "bands"]


@kernel(apart=True)
def judge_voices(cues: Floats, level_cue: int, weights: VoiceWeights, room: VoiceRoom) -> None:
    """``log softmax_p(s_bp) + 4 tanh(l_bp / 4)`` of both pictures p in every band b, from (cues, bands)."""
    told = room.told
    layers(cues, level_cue, weights, room)
    fill(told, weights.told_bias)
    add_products(room.second, weights.told, ANYTHING, told)
    for b in range(told.shape[0]):
        windows, voices = told[b, WINDOWS], told[b, VOICES]
        both = max(windows, voices) + ln(np.float32(1) + exp(-abs(windows - voices)))
        for p in range(PICTURES):
            room.gain[p, b] = told[b, p] - both + bounded(told[b, PICTURES + p], LARGEST_GAIN)


@kernel
def weigh_lines(count: int, place: Floats | Doubles, gain: Floats, energy: Floats) -> None:
    """Energies of a picture's lines, times e to its gain at their places between bands; those placed below 0 stay."""
    for i in range(count):
        if place[i] < 0:
            continue
        b = int(place[i])
        above = np.float32(place[i] - b)
        energy[i] *= exp((np.float32(1) - above) * gain[b] + above * gain[b + 1])
