"""What is learned for each preset: the windows it has, and how late it may be."""

from __future__ import annotations

from dataclasses import dataclass

from sharpear.config import load_config
from sharpear.dsp import HannDesign, HannWindow
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.lines import LineFinder, LineRule
from sharpear.dsp.pairs import pair_finder
from sharpear.sharpening.line_code import line_rule

SAMPLE_RATE, HOP = 44100, 128
"""Hz, and samples between frames: what all presets learn for. Other rates run with hops that last about as long."""


@dataclass(frozen=True)
class Layout:
    """Windows from the shortest to the longest, and hops from the middle of what is judged to when it is judged."""

    latency_hops: int
    windows: tuple[HannWindow, ...]


LAYOUTS = {
    "music": Layout(
        20, (HannWindow(4, 1, 16e3), HannWindow(8, 2, 16e3), HannWindow(16, 2, 8e3), HannWindow(32, 2, 4200.0))
    ),
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
    >>> preset.cues.line_cues, preset.cues.ahead_hops.tolist()
    (31, [5, 4, 3, 1])
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.layout = LAYOUTS[name]
        self.bank = HannDesign(SAMPLE_RATE, HOP, self.layout.windows)
        self.rule: LineRule = line_rule(load_config(name).lines, HOP / SAMPLE_RATE)
        self.cues = CueDesign(self.bank, self.layout.latency_hops, self.finder().latency_hops)

    def finder(self) -> LineFinder:
        """What finds pairs in the longest window's frames, as new."""
        return pair_finder(self.bank, self.rule)
