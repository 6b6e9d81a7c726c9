"""Beliefs: a small learned network that says which window's lines to believe, and how far.

It looks at all bands at once, each with its neighbours (two convolutions over bands, and what all have in common), and
says of each band which window to trust, a softmax, and which corrections of levels to follow. Then it looks at each
line, with what its band says: energies are multiplied by e to the sum of both. Learned by the transport distance from
what is left to the truth, on synthetic scenes and on recorded voices sung again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import allocated

from .beliefs_kernel import PAD, BeliefRoom, BeliefWeights
from .voice_beliefs_kernel import VoiceWeights
from .weights import layers, learned


@dataclass(frozen=True)
class Beliefs:
    """What was learned, and what for.

    length_hops, points, top_hz: of each window, see `HannWindow`.
    latency_hops: from the middle of what is judged to the end of the frame that completes it.
    weights: of the layers.
    """

    length_hops: tuple[int, ...]
    points: tuple[int, ...]
    top_hz: tuple[float, ...]
    latency_hops: int
    weights: BeliefWeights


@cache
def load_beliefs(name: str) -> Beliefs:
    """What was learned under this name and comes with the package.

    Raises:
        FileNotFoundError: nothing was.
    """
    arrays = learned("sharpear.dynamics", f"beliefs_{name}.npz")
    return Beliefs(
        length_hops=tuple(map(int, arrays["length_hops"])),
        points=tuple(map(int, arrays["points"])),
        top_hz=tuple(map(float, arrays["top_hz"])),
        latency_hops=int(arrays["latency_hops"]),
        weights=BeliefWeights(**layers(arrays, BeliefWeights._fields)),
    )


def band_lengths(weights: BeliefWeights | VoiceWeights, bands: int) -> dict[str, int]:
    """Lengths of the axes of activities over bands."""
    return {
        "bands": bands,
        "padded bands": bands + 2 * PAD,
        "first": weights.cue_bias.size,
        "second": weights.near_bias.size,
        "one": 1,
        "two": 2,
        "told": weights.told_bias.size,
    }


BLOCK = 64
"""Lines that are judged together: their activities stay in the nearest cache."""


def belief_room(
    weights: BeliefWeights, bands: int, longer: Sequence[int], backend: Backend = CPU, streams: int = 1
) -> BeliefRoom:
    """Room for the activities of one moment, on a GPU of every stream.

    longer: which window, from 0, each correction is of.
    """
    windows, third = max(longer) + 1, weights.line_bias.size
    lengths = {
        **band_lengths(weights, bands),
        "windows": windows,
        "present windows": windows,
        "third": third,
        "fourth": weights.narrow_bias.size,
        "block": BLOCK,
    }
    room = allocated(BeliefRoom, lengths, backend, streams)
    room.first[...], room.near[...] = 0, 0  # the empty bands, which no kernel writes
    return room
