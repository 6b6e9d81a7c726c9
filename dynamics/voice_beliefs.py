"""Beliefs in voices: a small learned network that says, band by band, whether windows or voices tell what is there.

Its layers over bands are those of `sharpear.dynamics.beliefs`. Of each band it tells the shares of the two, a softmax,
and how far the level of each is to be corrected. Learned as those are, by the transport distance from what is left to
the truth.
"""

from functools import cache

from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import allocated

from .beliefs import band_lengths
from .voice_beliefs_kernel import PICTURES, VoiceRoom, VoiceWeights
from .weights import layers, learned


@cache
def load_voice_beliefs(name: str) -> VoiceWeights:
    """What was learned under this name and comes with the package.

    Raises:
        FileNotFoundError: nothing was.
    """
    return VoiceWeights(**layers(learned("sharpear.dynamics", f"voices_{name}.npz"), VoiceWeights._fields))


def voice_room(weights: VoiceWeights, bands: int, backend: Backend = CPU, streams: int = 1) -> VoiceRoom:
    """Room for the activities of one moment, on a GPU of every stream."""
    room = allocated(VoiceRoom, {**band_lengths(weights, bands), "pictures": PICTURES}, backend, streams)
    room.first[...], room.near[...] = 0, 0  # the empty bands, which no kernel writes
    return room
