"""What notes need of a recording: its voices' curves, and where something begins."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sharpear.config import PitchConfig
from sharpear.sharpening.frames import Frames

from .beginnings import EARLY, Readout, Strokes, expected
from .music_parts import faint_beside, in_parts, stretches
from .notes import Voices, log_odds
from .one_voice import OneVoice
from .onsets import Onsets
from .pitch_layer import PitchFrames, PitchLayer

HINDSIGHT_STEPS = 9
"""Steps of the pitch layer over which belief is averaged where all of a recording is known, 0.1 s."""


def in_hindsight(f0: NDArray[np.floating], belief: NDArray[np.floating]) -> NDArray[np.float64]:
    """(steps, voices): belief in each voice, as the steps beside tell: the mean log odds over `HINDSIGHT_STEPS`.

    f0: (steps, voices), 0 where silent.  belief: the same, of each step alone.

    >>> f0, belief = np.ones((7, 1)), np.array([0.9, 0.9, 0.9, 0.2, 0.9, 0.9, 0.9])[:, None]
    >>> round(float(in_hindsight(f0, belief)[3, 0]), 2)
    0.86
    """
    odds = log_odds(belief)
    out = np.zeros(f0.shape)
    for voice in range(f0.shape[1]):
        sounding = np.flatnonzero(f0[:, voice] > 0)
        for steps in np.split(sounding, np.flatnonzero(np.diff(sounding) > 1) + 1):
            if steps.size:
                mean = uniform_filter1d(odds[steps, voice].astype(float), HINDSIGHT_STEPS, mode="nearest")
                out[steps, voice] = 1 / (1 + np.exp(-mean))
    return out


class VoiceCurves:
    """Collects the first stream's voices at the pitch layer's own steps, and when something begins: what notes need."""

    def __init__(self, layer: PitchLayer, readout: Readout | None = None) -> None:
        self._layer, self._step_s = layer, layer.stride * layer.hop_s
        self._strokes = Strokes(layer.stride, self._step_s, readout)
        self._next = 0
        self._onsets = Onsets(layer.hop_s)
        self._pieces: list[tuple[NDArray[Any], ...]] = []
        self._outside = np.zeros(2, np.int64)

    def hear(self, frames: Frames) -> None:
        """Follow the voices in consecutive sharpened frames."""
        self.add(self._layer.process(frames))

    def end(self) -> None:
        """All frames have come: those still on their way follow."""
        self.add(self._layer.flush())

    def add(self, frames: PitchFrames) -> None:
        """Append consecutive frames."""
        self._onsets.add(frames)
        self._strokes.hear(frames)
        chosen = frames[self._next :: self._layer.stride]
        self._next = (self._next - len(frames)) % self._layer.stride
        followed = chosen.with_faint()
        amplitude = self._layer.amplitudes(followed)[:, 0]
        self._outside += chosen.outside[:, 0].sum(axis=0)
        self._pieces.append((chosen.times, followed.f0[:, 0], amplitude, chosen.belief[:, 0]))
        # Where a voice that others explain is not believed in, it claims nothing, and no note of its begins.
        self._strokes.follow(np.where(amplitude > 0, followed.f0[:, 0], 0), amplitude, chosen.belief[:, 0])

    @property
    def begins(self) -> NDArray[np.float64]:
        """Moments at which much begins, s."""
        return self._onsets.times()

    @property
    def outside_s(self) -> tuple[float, float]:
        """Seconds in which pitches below, and above, the range were left out."""
        below, above = self._outside * self._step_s
        return float(below), float(above)

    def voices(self) -> Voices:
        """All of them where they are believed in, a column for each part of the music, the lowest first."""
        times, f0, amplitude, belief = (np.concatenate(part) for part in zip(*self._pieces, strict=True))
        told = np.where(in_hindsight(f0, belief) > self._layer.config.believed, f0, np.float32(0))
        part, kept = in_parts(told, self._step_s)
        voices = np.zeros((2, len(times), max(1, int(part.max(initial=-1)) + 1)), np.float32)
        steps, places = np.nonzero(kept)
        voices[:, steps, part[kept]] = f0[steps, places], amplitude[steps, places]
        strokes = np.zeros_like(voices[0])
        for first, past, place in stretches(told > 0):
            own = strokes[max(0, first - EARLY) : past, part[first, place]]
            np.maximum(own, self.chances[max(0, first - EARLY) : past, place], out=own)
        faint = faint_beside(f0, part, voices[0])
        return Voices(times, voices[0], voices[1], faint, strokes=expected(strokes, self._step_s))

    @cached_property
    def chances(self) -> NDArray[np.float32]:
        """(steps, places): the probability that a note begins, when all frames have come."""
        return self._strokes.end()


def curves_of(config: PitchConfig, hop_s: float, layer: Callable[[], PitchLayer]) -> VoiceCurves | OneVoice:
    """What collects the voices that a layer is to follow, or the one, which is sought without it."""
    return OneVoice(config, hop_s) if config.voices == 1 else VoiceCurves(layer())
