"""Beliefs in voices: a small learned network that says, band by band, whether windows or voices tell what is there.

Its layers over bands are those of `sharpear.dynamics.beliefs`. Of each band it tells the shares of the two, a softmax,
and how far the level of each is to be corrected. Learned as those are, by the transport distance from what is left to
the truth.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu.stateful import allocated

from .beliefs_kernel import PAD
from .voice_beliefs_kernel import PICTURES, VoiceRoom, VoiceWeights


@cache
def load_voice_beliefs(name: str) -> VoiceWeights:
    """What was learned under this name and comes with the package.

    Raises:
        FileNotFoundError: nothing was.
    """
    with resources.files("sharpear.dynamics").joinpath(f"voices_{name}.npz").open("rb") as file:
        arrays: Mapping[str, NDArray[Any]] = dict(np.load(file))
    return VoiceWeights(**{field: np.ascontiguousarray(arrays[field], np.float32) for field in VoiceWeights._fields})


def voice_room(weights: VoiceWeights, bands: int) -> VoiceRoom:
    """Room for the activities of one moment."""
    lengths = {
        "bands": bands,
        "padded bands": bands + 2 * PAD,
        "first": weights.cue_bias.size,
        "second": weights.near_bias.size,
        "one": 1,
        "two": 2,
        "told": weights.told_bias.size,
        "pictures": PICTURES,
    }
    room = allocated(VoiceRoom, lengths)
    room.first[...], room.near[...] = 0, 0  # the empty bands, which no kernel writes
    return room
