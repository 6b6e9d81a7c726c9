"""Basins: from valley to valley all power of a spectral peak is one line."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend

from .basins_kernel import MOST_LINES, BasinOut, BasinTables, basins_process
from .hann_bank import HannDesign, HannFrames

LONE_TONE_SHARE = 2.0 / 3.0
"""Share of a lone tone's energy in the channel at its place where there is one channel a bin, of a Hann window."""


@dataclass(frozen=True)
class BasinLines:
    """Lines of every window in every frame, by frequency; zeros behind the last.

    count: (frames, streams, windows) int32, how many.
    hz: (frames, streams, windows, 128) float32, energy-weighted mean of the basin's instantaneous frequencies.
    energy: like it, the power of all channels of the basin: a cosine of amplitude A has A².
    concentration: like it, the peak's share of the energy, relative to that of a lone tone at the peak's centre: about
        1 for a lone tone, less for a moving one, for two and for noise.
    spread_hz: like it, root of the energy-weighted variance of the basin's instantaneous frequencies.
    peak: like it, int32, the window's channel that has most power.

    >>> from sharpear.dsp import HannBank
    >>> design = HannDesign(44100.0, 128)
    >>> lines = Basins(design).process(HannBank(design).process(np.zeros((4096, 1))))
    >>> lines.hz.shape, int(lines[-1:].count.sum())
    ((32, 1, 4, 128), 0)
    """

    count: NDArray[np.int32]
    hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    concentration: NDArray[np.float32]
    spread_hz: NDArray[np.float32]
    peak: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.count)

    def __getitem__(self, frames: slice) -> "BasinLines":
        return BasinLines(
            self.count[frames], self.hz[frames], self.energy[frames], self.concentration[frames],
            self.spread_hz[frames], self.peak[frames],
        )  # fmt: skip


class Basins:
    """Lines of a bank's frames: ``hz = Σ P f / Σ P`` and ``energy = Σ P`` from one valley up to the next.

    Valleys are where power has fallen and rises again; a valley's floor belongs to the basin above it, and below the
    lowest valley is a basin too. Lines below -110 dBFS, or 50 dB below the window's strongest within an octave either
    side, are left out, and of more than 128 the weakest; so are basins whose mean lies beyond the window's channels.

    Args:
        design: what the frames come from.
        backend: where it runs: the CPU, so far.

    >>> from sharpear.dsp import HannBank
    >>> design = HannDesign(44100.0, 128)
    >>> seconds = np.arange(22050) / 44100
    >>> sound = 0.5 * np.cos(2 * np.pi * 440 * seconds) + 0.2 * np.cos(2 * np.pi * 700 * seconds)
    >>> lines = Basins(design).process(HannBank(design).process(sound[:, None]))
    >>> loud = lines.energy[-1, 0, 3] > 1e-2
    >>> lines.hz[-1, 0, 3, loud].round(1), np.sqrt(lines.energy[-1, 0, 3, loud]).round(3)
    (array([440., 700.], dtype=float32), array([0.5, 0.2], dtype=float32))
    """

    def __init__(self, design: HannDesign, backend: Backend = CPU) -> None:
        self.design = design
        self.backend = backend
        self._tables = basin_tables(design, backend)
        self._run = backend.kernel(basins_process, blocks=1, threads=1)

    def process(self, frames: HannFrames) -> BasinLines:
        """Frames of the bank in, as many frames of lines out: nothing is remembered.

        Raises:
            ValueError: the frames are of another design.
        """
        count, streams, channels = frames.power.shape
        if channels != self.design.channels:
            raise ValueError(f"expected frames of {self.design.channels} channels, received {channels}")
        shape = (count, streams, len(self.design.windows))
        hz, energy, concentration, spread_hz = (self.backend.empty((*shape, MOST_LINES), np.float32) for _ in range(4))
        peak = self.backend.empty((*shape, MOST_LINES), np.int32)
        lines = BasinLines(self.backend.empty(shape, np.int32), hz, energy, concentration, spread_hz, peak)
        self._run(
            frames.power, frames.moment, self._tables,
            BasinOut(
                lines=lines.count, hz=lines.hz, energy=lines.energy, concentration=lines.concentration,
                spread_hz=lines.spread_hz, peak=lines.peak,
            ),
        )  # fmt: skip
        return lines


def basin_tables(design: HannDesign, backend: Backend = CPU) -> BasinTables:
    """Where each window's channels begin and end, and what makes a lone tone's share of a peak one."""
    points = np.array([window.points for window in design.windows])
    return BasinTables(
        first_channel=backend.array(np.cumsum([0, *design.counts]), np.int64),
        top_hz=backend.array((design.counts - 1) * design.spacing_hz, np.float64),
        per_share=backend.array(points / LONE_TONE_SHARE, np.float64),
    )
