"""Two tones in one peak of the longest window: what its channels say of their pairs, as lines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers

from .basins_kernel import MOST_LINES
from .filterbank import SubbandFrames
from .hann_bank import HannDesign, HannFrames
from .lines import LineFinder, LineFrames, LineRule
from .pairs_kernel import PairOut, PairRule, pairs_process

LOBE_BINS = 2
"""Bins of 1/N from the middle of a Hann window's main lobe to its end."""

APART_BINS = 0.25
"""Bins from which two lines are two: channels agree on a tone's place far better, and none tells closer pairs apart."""


@dataclass(frozen=True)
class PairLines:
    """Lines of the basins whose channels see pairs, by frequency; zeros behind the last.

    count: (frames, streams) int32, how many.
    hz: (frames, streams, 128) float32.
    energy: like it; a cosine of amplitude A has A².
    trust: like it, 0 to 1: how far the pairs predict the lobe that the line is in.
    lobe_trust: (frames, streams, channels of the longest window) float32, the same around every channel: basins whose
        peak's is at least `least_trust` are made of these lines and of no other.
    """

    count: NDArray[np.int32]
    hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    trust: NDArray[np.float32]
    lobe_trust: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.count)

    def __getitem__(self, frames: slice) -> "PairLines":
        return PairLines(
            self.count[frames], self.hz[frames], self.energy[frames], self.trust[frames], self.lobe_trust[frames]
        )


def pair_finder(design: HannDesign, rule: LineRule, streams: int = 1, backend: Backend = CPU) -> LineFinder:
    """What finds the pairs of the longest window's channels, in `longest_window`'s frames."""
    channels = design.channels_of(len(design.windows) - 1)
    reach_hz = np.full(int(design.counts[-1]), LOBE_BINS * design.sample_rate / design.length_samples[-1])
    return LineFinder(design.center_hz[channels], reach_hz, design.hop / design.sample_rate, rule, streams, backend)


def longest_window(design: HannDesign, frames: HannFrames) -> SubbandFrames:
    """The longest window's channels, as a `LineFinder` takes them."""
    channels = design.channels_of(len(design.windows) - 1)
    power, moment = frames.power[:, :, channels], frames.moment[:, :, channels]
    center_hz = design.center_hz[channels].astype(np.float32)
    sounds = power > 0
    hz = np.where(sounds, moment / np.where(sounds, power, np.float32(1)), center_hz)
    return SubbandFrames(frames.subband[:, :, None], np.ascontiguousarray(power), hz)


class Pairs:
    """Make lines of what the channels of a lobe say of their pairs. Nothing is remembered.

    A pair's prediction is worst where the channel has little of it, so that trust is averaged by energy over the main
    lobe. Where it is high at a basin's peak all of the basin's energy is its channels' pairs', and the places that they
    claim are merged: each tone of a resolved pair is one line.

    Args:
        design: what the frames come from.
        least_trust: from which trust on basins are pairs.
        backend: where it runs: the CPU, so far.

    >>> from sharpear.dsp import HannBank
    >>> design, rule = HannDesign(44100.0, 128), LineRule(2, 1, 0.032, 0.01, 0.06, 0.035, 0.15)
    >>> seconds = np.arange(22050) / 44100
    >>> sound = 0.5 * np.cos(2 * np.pi * 440 * seconds) + 0.2 * np.cos(2 * np.pi * 452 * seconds)
    >>> finder = pair_finder(design, rule)
    >>> frames = longest_window(design, HannBank(design).process(sound[:, None]))
    >>> lines = Pairs(design, least_trust=0.7).process(finder.process(frames))
    >>> loud = lines.energy[-1, 0] > 1e-3
    >>> lines.hz[-1, 0, loud].round(1), np.sqrt(lines.energy[-1, 0, loud]).round(1)
    (array([440., 452.], dtype=float32), array([0.5, 0.2], dtype=float32))
    """

    def __init__(self, design: HannDesign, least_trust: float, backend: Backend = CPU) -> None:
        self.design = design
        self.backend = backend
        bin_hz = design.sample_rate / design.length_samples[-1]
        self._rule = numbers(
            PairRule, least_trust=least_trust, lobe=LOBE_BINS * design.windows[-1].points, apart_hz=APART_BINS * bin_hz
        )
        self._run = backend.kernel(pairs_process, blocks=1, threads=1)

    def process(self, found: LineFrames) -> PairLines:
        """Frames of `pair_finder` in, as many frames of lines out, as late as they.

        Raises:
            ValueError: the frames are not of the longest window.
        """
        count, streams, channels = found.trust.shape
        if channels != self.design.counts[-1]:
            raise ValueError(f"expected frames of {self.design.counts[-1]} channels, received {channels}")
        hz, energy, trust = (self.backend.empty((count, streams, MOST_LINES), np.float32) for _ in range(3))
        lines = PairLines(
            self.backend.empty((count, streams), np.int32), hz, energy, trust,
            self.backend.empty((count, streams, channels), np.float32),
        )  # fmt: skip
        self._run(
            found.frequency_hz, found.energy, found.trust, self._rule,
            PairOut(lines=lines.count, hz=hz, energy=energy, trust=trust, lobe_trust=lines.lobe_trust),
        )  # fmt: skip
        return lines
