"""Line evidence: what one channel's recent past says about the partials inside it.

One line: all of the channel's power at its instantaneous frequency. Exact and prompt where one partial rules a channel.
Two lines: two partials that beat within a channel obey ``z(t) = c₁ z(t−D) + c₂ z(t−2D)`` whatever their phases; the
roots of ``r² = c₁ r + c₂`` are their turns per D (Prony 1795, in its least-squares form over a leaky memory and a few
neighbouring channels). How well that predicts, and how steadily the roots stand, says how far to trust it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import Stateful, fields_of, named

from .filterbank import SubbandFrames
from .lines_kernel import MOMENTS, FinderParts, FinderRule, FinderState, LinesOut, LineTables, lines_process


@dataclass(frozen=True)
class LineFrames:
    """Lines that the channels see, one and two at a time.

    frequency_hz: (frames, streams, 3, channels) float32: the one line, then the two of the pair.
    energy: like it; squared amplitudes in the channel.
    trust: (frames, streams, channels) float32, 0 to 1: how far the pair predicts the channel.
    """

    frequency_hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    trust: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.trust)


@dataclass(frozen=True)
class LineRule:
    """What the two-line evidence is drawn from, and when it is trusted.

    spacing_hops: D, hops between the three values that are compared.
    neighbors: channels on either side whose moments are pooled.
    memory_s: time constant of the moments.
    residual: relative residual of the prediction at which trust is halved.
    drift: movement of the pair's centre, over `drift_s` and relative to the pair's distance, that halves trust.
    drift_s: time over which movement is measured.
    change: how much the two lines swell, fade or move apart, relative to their distance, until trust is halved: the
        departure of the roots from the unit circle, and the change of their distance over `drift_s`.
    """

    spacing_hops: int
    neighbors: int
    memory_s: float
    residual: float
    drift: float
    drift_s: float
    change: float


class LineFinder(Stateful):
    """One- and two-line evidence from aligned subband frames, streaming.

    Args:
        center_hz: (channels,) centres of the channels.
        reach_hz: (channels,) how far from its centre a channel may place a line.
        frame_s: time between frames, s.
        rule: how the two-line evidence is drawn.
        streams: number of streams.
        backend: where it runs, and where its input is.

    Lines are late by `latency_hops` against the frames that come in.

    >>> from sharpear.dsp import Filterbank, GammatoneDesign
    >>> bank = Filterbank(GammatoneDesign(8000.0, np.linspace(400.0, 800.0, 9), np.full(9, 100.0)), hop=20)
    >>> rule = LineRule(spacing_hops=4, neighbors=1, memory_s=0.02, residual=0.1, drift=0.1, drift_s=0.02, change=0.1)
    >>> finder = LineFinder(bank.design.center_hz, np.full(9, 200.0), 20 / 8000, rule)
    >>> time_s = np.arange(8000) / 8000
    >>> two = np.cos(2 * np.pi * 590 * time_s) + np.cos(2 * np.pi * 610 * time_s)
    >>> lines = finder.process(bank.process(two[:, None]))
    >>> lines.frequency_hz[-1, 0, 1:, 4].round(1), bool(lines.trust[-1, 0, 4] > 0.99)
    (array([610., 590.], dtype=float32), True)
    """

    def __init__(
        self, center_hz: NDArray[np.float64], reach_hz: NDArray[np.float64], frame_s: float, rule: LineRule,
        streams: int = 1, backend: Backend = CPU,
    ) -> None:  # fmt: skip
        if rule.spacing_hops < 1 or rule.neighbors < 0:
            raise ValueError(f"expected spacing_hops >= 1 and neighbors >= 0, received {rule}")
        K = center_hz.size
        D = rule.spacing_hops
        turn = np.exp(2j * np.pi * center_hz * D * frame_s)
        self.latency_hops = D
        self._channels = K
        self._turn = backend.array(turn, np.complex128)
        self._tables = LineTables(
            center_hz=backend.array(center_hz, np.float64), reach_hz=backend.array(reach_hz, np.float64)
        )
        self._rule = numbers(
            FinderRule, memory=math.exp(-frame_s / rule.memory_s), neighbors=rule.neighbors, residual=rule.residual,
            drift=rule.drift, change=rule.change, rad_to_hz=1.0 / (2 * np.pi * D * frame_s),
        )  # fmt: skip
        drift_frames = max(1, round(rule.drift_s / frame_s))
        lengths = {"streams": streams, "channels": K, "depth": 2 * D + 1, "moments": MOMENTS}
        lengths |= {"drift frames": drift_frames, "centre and distance": 2}
        self._remember([*fields_of(FinderState, lengths), ("frame", np.int64)], backend)
        self._run = backend.kernel(lines_process, blocks=streams, threads=K)

    @property
    def parts(self) -> FinderParts:
        """What the kernels take, on the CPU always the same arrays."""
        return FinderParts(self._turn, self._tables, self._rule, named(FinderState, self._state))

    @property
    def frame(self) -> NDArray[np.int64]:
        """The number of the next frame, to be counted on by who runs the kernels."""
        return self._state["frame"]

    def process(self, frames: SubbandFrames) -> LineFrames:
        """Aligned frames in, as many line frames out."""
        count, streams = frames.power.shape[:2]
        shape = (count, streams, 3, self._channels)
        lines = LineFrames(
            self.backend.empty(shape, np.float32),
            self.backend.empty(shape, np.float32),
            self.backend.empty((count, streams, self._channels), np.float32),
        )
        state = self._state
        self._run(
            self.backend.array(frames.subband), frames.instantaneous_hz, self._turn, self._tables, self._rule,
            named(FinderState, state), int(state["frame"]),
            LinesOut(hz=lines.frequency_hz, energy=lines.energy, trust=lines.trust),
        )  # fmt: skip
        state["frame"] += count
        return lines
