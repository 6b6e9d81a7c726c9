"""Cues: what the windows of several lengths say of the lines of one moment, and of the levels around it.

Every window has lines of its own (its basins, and the longest one's pairs): each is right somewhere. Long windows tell
neighbours apart and smear what swells or moves, short ones do the opposite. Which to believe is to be decided from

- the levels of bands, a quarter of an octave apart, in all windows, before and after;
- corrections: ln of a band's level in a short window, over the same smeared in time as a long window smears it, so that
  a long window's level, times e to that power, is the level now;
- each line's own: its level, how concentrated it is, its neighbours, what other windows have at its place and time.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful, allocated, fields_of, named

from .basins import basin_tables
from .basins_kernel import MOST_LINES
from .cue_arrays import BandCues, BandCuesOut, Candidates, CandidatesOut, CueRoom, CueState, CueTables
from .cues_kernel import cues_process
from .hann_bank import HannDesign, HannFrames
from .line_cues_kernel import MOST_CLAIMS
from .lines import LineFrames
from .pairs import LOBE_BINS

BANDS_PER_OCTAVE = 4
LOWEST_BAND_HZ = 60.0
"""Centres of bands stand at ``60 Hz 2^(b/4)``, up to the highest channel."""

NARROWEST_HZ = 90.0
"""Half the least width of a band: what the shortest window for lines tells apart, about."""

OFFSETS = (-24, -16, -8, -4, -2, 0, 2, 4, 8, 12, 16)
LINE_OFFSETS = (-16, -8, -4, 4, 8, 12)
"""Hops before and after the middle at which levels are told: closer where more happens."""

TRUST_FRAMES = 17
"""Frames over which trust in the pairs is averaged: noise passes for a pair now and then, but not for long."""


class CueDesign:
    """What is read of a `HannDesign`'s windows, and when.

    Args:
        bank: the windows; the shortest has no lines, the longest has pairs.
        latency_hops: from the middle of what is told to the end of the frame that completes it.
        pair_hops: by how many hops the pairs are late against the longest window.

    Raises:
        ValueError: there are fewer than three windows, or less time than the longest and its pairs take.

    >>> design = CueDesign(HannDesign(44100.0, 128), latency_hops=20, pair_hops=2)
    >>> design.ahead_hops.tolist(), design.band_hz.size, design.band_cues, design.line_cues
    ([18, 16, 12, 4], 33, 63, 31)
    """

    def __init__(self, bank: HannDesign, latency_hops: int, pair_hops: int) -> None:
        self.bank = bank
        self.latency_hops = latency_hops
        self.ahead_hops: NDArray[np.int64] = latency_hops - bank.delay_hops.astype(np.int64)
        self.pair_ahead = int(self.ahead_hops[-1]) - pair_hops
        if len(bank.windows) < 3 or self.pair_ahead < 0:
            raise ValueError(
                f"expected at least 3 windows and {bank.delay_hops[-1] + pair_hops:g} hops for the longest and its "
                f"pairs, received {len(bank.windows)} windows and {latency_hops} hops"
            )

    @cached_property
    def band_hz(self) -> NDArray[np.float64]:
        """(bands,) centres of the bands, Hz."""
        top_hz = (self.bank.counts[1] - 1) * self.bank.spacing_hz[1]
        octaves = np.log2(top_hz / LOWEST_BAND_HZ)
        return LOWEST_BAND_HZ * 2 ** (np.arange(int(octaves * BANDS_PER_OCTAVE) + 1) / BANDS_PER_OCTAVE)

    @property
    def reach_hz(self) -> NDArray[np.float64]:
        """(windows with lines,) up to where they have them, Hz: of longer ones the whole main lobe is in the channels.

        It never rises, so that where a window has lines all shorter ones do.
        """
        bank = self.bank
        top_hz = ((bank.counts - 1) * bank.spacing_hz)[1:]
        lobe_hz = LOBE_BINS * bank.sample_rate / bank.length_samples[1:]
        lobe_hz[0] = 0.0
        return np.minimum.accumulate(top_hz - lobe_hz)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """(shorter, longer) windows, of which the longer has lines."""
        windows = range(len(self.bank.windows))
        return [(a, w) for a in windows for w in windows if a < w]

    @property
    def longer(self) -> list[int]:
        """(pairs,) the longer window of each pair, counted among those with lines."""
        return [w - 1 for _, w in self.pairs]

    @property
    def band_cues(self) -> int:
        """Number of cues a band."""
        windows = len(self.bank.windows)
        return self._compared_cues + 4 * (windows - 1) + 2 + 1 + (windows - 2)

    @property
    def level_cue(self) -> int:
        """Which cue of a band is its level in the longest window but one, a quarter of ln of the loudest band's."""
        return self._compared_cues + len(self.bank.windows) - 3

    @property
    def _compared_cues(self) -> int:
        """How many of a band's cues, the first ones, compare levels at two moments or in two windows."""
        return sum(1 for ahead in self.ahead_hops for o in OFFSETS if o <= ahead) + len(self.pairs)

    @property
    def missing_cue(self) -> int:
        """From which cue of a band on longer windows are said to have no channels there."""
        return self.band_cues - (len(self.bank.windows) - 2)

    @property
    def line_cues(self) -> int:
        """Number of cues a line."""
        return 2 * len(self.bank.windows) + 8 + 2 * len(LINE_OFFSETS) + 3

    def tables(self, backend: Backend = CPU) -> CueTables:
        """As the kernels take it."""
        bank = self.bank
        begins, channel, weights, total = [], [], [], 0
        for count, spacing_hz in zip(bank.counts, bank.spacing_hz, strict=True):
            begin, first = [], []
            for low, center, high in _edges(self.band_hz):
                k = np.arange(count)
                hz = k * spacing_hz
                slope = np.minimum((hz - low) / (center - low), (high - hz) / (high - center)).clip(0)
                inside = np.flatnonzero(slope)
                begin.append(total)
                first.append(inside[0] if inside.size else 0)
                weights.append(slope[inside])
                total += inside.size
            begins.append([*begin, total])
            channel.append(first)
        return CueTables(
            ahead=backend.array(self.ahead_hops, np.int64),
            spacing_hz=backend.array(bank.spacing_hz, np.float64),
            resolution_hz=backend.array(bank.sample_rate / bank.length_samples, np.float64),
            first_weight=backend.array(begins, np.int64),
            first_band_channel=backend.array(channel, np.int64),
            weight=backend.array(np.concatenate(weights), np.float32),
            band_hz=backend.array(self.band_hz, np.float64),
            offset=backend.array(OFFSETS, np.int64),
            line_offset=backend.array(LINE_OFFSETS, np.int64),
            shorter=backend.array([a for a, _ in self.pairs], np.int64),
            smear=backend.array([self._smear(a, w) for a, w in self.pairs], np.float32),
        )

    def _smear(self, short: int, long: int) -> NDArray[np.float64]:
        """How a Hann window weighs amplitudes over the hops that it spans, as far ahead as the short one may look."""
        half = int(self.bank.delay_hops[-1])
        o = np.arange(-half, half + 1)
        place = o / self.bank.windows[long].length_hops
        taps = np.cos(np.pi * place) ** 2
        taps[(abs(place) >= 0.5) | (o > self.ahead_hops[short])] = 0
        return np.asarray(taps / taps.sum())

    def memory(self, streams: int) -> list[tuple[object, ...]]:
        """The fields of `CueState`."""
        ahead, bank = int(self.ahead_hops[0]), self.bank
        lengths = {
            "streams": streams,
            "windows": len(bank.windows),
            "rows": ahead + max(-min(OFFSETS), int(bank.delay_hops[-1])) + 1,
            "moment rows": ahead + 1,
            "channels": bank.channels,
            "bands": self.band_hz.size,
            "pair rows": self.pair_ahead + 1,
            "trust rows": TRUST_FRAMES,
            "pair": 2,
            "longest channels": int(bank.counts[-1]),
        }
        return fields_of(CueState, lengths)

    def room(self, backend: Backend = CPU, streams: int = 1) -> CueRoom:
        """Room for one frame; on a GPU of every stream."""
        channels = int(self.bank.counts.max())
        basins = channels // 2 + 1
        lengths = {
            "window channels": channels,
            "basins": basins,
            "edges": basins + 1,
            "longest channels": int(self.bank.counts[-1]),
            "windows": len(self.bank.windows),
            "bands": self.band_hz.size,
            "bands around": self.band_hz.size + 3,
            "four": 4,
            "lines": MOST_LINES,
            "lines and two": MOST_LINES + 2,
            "candidates": self.most_candidates,
            "claims": MOST_CLAIMS,
        }
        return allocated(CueRoom, lengths, backend, streams)

    def told(self, backend: Backend = CPU, streams: int = 1) -> tuple[Candidates, BandCues]:
        """Room for what is read of one moment; on a GPU of every stream."""
        lengths = {"one": 1, "candidates": self.most_candidates, "line cues": self.line_cues}
        lengths |= {"bands": self.band_hz.size, "band cues": self.band_cues, "pairs": len(self.pairs)}
        return allocated(Candidates, lengths, backend, streams), allocated(BandCues, lengths, backend, streams)

    @property
    def most_candidates(self) -> int:
        """Lines a moment, at most: each window's, and the pairs of the longest."""
        return (len(self.bank.windows) - 1 + 3) * MOST_LINES


def _edges(band_hz: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """(low, centre, high) of each triangular band: a band to either side, and the least width."""
    step = 2 ** (1 / BANDS_PER_OCTAVE)
    return [(min(c / step, c - NARROWEST_HZ), c, max(c * step, c + NARROWEST_HZ)) for c in band_hz.tolist()]


class Cues(Stateful):
    """Candidates and cues of chosen frames, streaming.

    The signal path reads and judges a frame at a time; this gives what it reads, which training learns from.

    Args:
        design: what is read.
        streams: number of streams.
    """

    def __init__(self, design: CueDesign, streams: int = 1, backend: Backend = CPU) -> None:
        self.design = design
        self._streams = streams
        self._tables, self._basins = design.tables(backend), basin_tables(design.bank, backend)
        self._room, self._told = design.room(backend, streams), design.told(backend, streams)
        self._remember([*design.memory(streams), ("frame", np.int64)], backend)
        self._run = backend.kernel(cues_process, blocks=streams, threads=MOST_LINES, shared_bytes=4 * MOST_LINES)

    def process(
        self, frames: HannFrames, pairs: LineFrames, chosen: NDArray[np.int64]
    ) -> tuple[CandidatesOut, BandCuesOut]:
        """Advance over frames; what is read of those whose numbers, counted from 0 here, are chosen, ascending."""
        design, empty, state = self.design, self.backend.empty, self._state
        shape, most, bands = (chosen.size, self._streams), design.most_candidates, design.band_hz.size
        lines = CandidatesOut(
            number=empty((*shape, 1), np.int64),
            hz=empty((*shape, most), np.float32),
            energy=empty((*shape, most), np.float32),
            window=empty((*shape, most), np.int64),
            cues=empty((*shape, most, design.line_cues), np.float32),
        )
        told = BandCuesOut(
            cues=empty((*shape, bands, design.band_cues), np.float32),
            correction=empty((*shape, bands, len(design.pairs)), np.float32),
        )
        self._run(
            frames.power, frames.moment, pairs.frequency_hz, pairs.energy, pairs.trust, self._basins.first_channel,
            self._basins, self._tables, int(state["frame"]), named(CueState, state), self._room, *self._told,
            self.backend.array(chosen), lines, told,
        )  # fmt: skip
        state["frame"] += len(frames)
        return lines, told
