"""How far each pitch that is heard is believed to be a voice's own, and not another one's harmonic or its end."""

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu.stateful import Stateful, fields_of, named
from sharpear.pitch import PitchFrames

from .pitch_beliefs_kernel import FEATURES, NoteMemory, Readout, believe

WEIGHTS = "pitch_beliefs.npz"
AGE_S = 0.05
"""Unit in which a note's age is told to the network."""


class PitchBeliefs(Stateful):
    r"""Weigh the pitches that sound together: ``b = ln P(a voice's) / P(nobody's)`` = ``o · tanh(H x)``.

    Of each pitch, x holds its strength, level and age, the first harmonics, how many others there are, and, where it is
    a whole multiple of another pitch, how far the harmonics that it would have rise above their neighbours. The network
    was fitted to 18 rendered chorales by ``python -m benchmarks.separation.fit_pitch_beliefs``.

    Args:
        places: pitches that a frame holds.
        hop_s: time between frames, s.
        streams: independent signals.
        readout: other weights.

    >>> from sharpear.pitch import Transcriber
    >>> t = np.arange(16000) / 16000
    >>> tone = sum(0.1 / h * np.sin(2 * np.pi * 220 * h * t) for h in range(1, 8))
    >>> frames = Transcriber(16000).process(tone[:, None])
    >>> belief = PitchBeliefs(8, hop_s=frames.times[1] - frames.times[0]).process(frames)
    >>> bool((belief[-1, 0][frames.f0[-1, 0] > 0] > 0).all())
    True
    """

    def __init__(self, places: int, hop_s: float, streams: int = 1, readout: Readout | None = None) -> None:
        self._aging = hop_s / AGE_S
        self._readout = readout or _readout()
        self._remember(fields_of(NoteMemory, {"streams": streams, "places": places}))

    def process(self, pitches: PitchFrames) -> NDArray[np.float32]:
        """(frames, streams, places): b, 0 where a place is silent."""
        belief = np.empty_like(pitches.f0)
        believe(
            pitches.f0, pitches.strength, pitches.amplitude, pitches.instantaneous_frequency, self._aging,
            self._readout, named(NoteMemory, self._state), belief,
        )  # fmt: skip
        return belief


def _readout() -> Readout:
    with resources.files(__package__).joinpath(WEIGHTS).open("rb") as file, np.load(file) as weights:
        readout = Readout(weights["hidden"], weights["output"])
    assert readout.hidden.shape[1] == FEATURES + 1, "the readout was fitted to other features"
    return readout
