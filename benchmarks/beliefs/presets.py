"""What is learned for each preset: the windows it has, and how late it may be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import load_config
from sharpear.dsp import HannBank, HannDesign, HannFrames, HannWindow, LineFrames
from sharpear.dsp.cue_arrays import BandCuesOut, CandidatesOut
from sharpear.dsp.cues import CueDesign, Cues
from sharpear.dsp.hann_bank import LAYOUT
from sharpear.dsp.pairs import longest_window, pair_finder
from sharpear.sharpening.belief_code import line_rule

SAMPLE_RATE, HOP = 44100, 128
"""Hz, and samples between frames: what all presets learn for. Other rates run with hops that last about as long."""


@dataclass(frozen=True)
class Layout:
    """Windows from the shortest to the longest, and hops from the middle of what is judged to when it is judged."""

    latency_hops: int
    windows: tuple[HannWindow, ...]


LAYOUTS = {
    "music": Layout(20, LAYOUT),
    "speech": Layout(
        13, (HannWindow(4, 1, 16e3), HannWindow(8, 2, 16e3), HannWindow(16, 2, 8e3), HannWindow(22, 2, 8e3))
    ),
    "low-latency": Layout(
        6, (HannWindow(2, 1, 16e3), HannWindow(4, 2, 16e3), HannWindow(6, 2, 16e3), HannWindow(10, 2, 16e3))
    ),
}
"""58, 38 and 17 ms. Half of the longest window is late at least: 46, 32 and 15 ms; its pairs take what is left."""


class Preset:
    """What a preset reads.

    Args:
        name: one of `LAYOUTS`.

    >>> preset = Preset("low-latency")
    >>> preset.design.line_cues, preset.design.ahead_hops.tolist()
    (31, [5, 4, 3, 1])
    """

    def __init__(self, name: str) -> None:
        self.layout = LAYOUTS[name]
        self._windows = HannDesign(SAMPLE_RATE, HOP, self.layout.windows)
        self._finder = pair_finder(self._windows, line_rule(load_config(name).lines, HOP / SAMPLE_RATE))
        self.design = CueDesign(self._windows, self.layout.latency_hops, self._finder.latency_hops)

    @cached_property
    def _bank(self) -> HannBank:
        """Kept, for it takes longer to design than to run over a scene."""
        return HannBank(self._windows)

    def read(self, audio: NDArray[np.float32], hops: NDArray[np.integer[Any]]) -> tuple[CandidatesOut, BandCuesOut]:
        """What the product reads where these hops begin.

        Args:
            audio: (samples,), a sound from its beginning.
            hops: ascending.
        """
        frames, pairs = self.listen(audio)
        # Frame n ends after n + 1 hops, and judges what was `latency` hops before.
        return Cues(self.design).process(frames, pairs, hops.astype(np.int64) + self.layout.latency_hops - 1)

    def listen(self, audio: NDArray[np.float32]) -> tuple[HannFrames, LineFrames]:
        """What the windows say of (samples,) of a sound from its beginning, and their pairs."""
        self._bank.reset()
        self._finder.reset()
        silence = (self.layout.latency_hops + 1) * HOP
        frames = self._bank.process(np.pad(audio.astype(np.float32), (0, silence))[:, None])
        return frames, self._finder.process(longest_window(self._windows, frames))
