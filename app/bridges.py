"""Bridges to source separation: sharpened lines and the complex mixture in the layouts that its tools take.

A separator needs two things: who each line belongs to, and the mixture in a form that masks can be put on. The first is
yours, as a function of the lines' frequencies (`Shares`); the rest is here. docs/bridges.md shows both tools at work.
"""

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .audio.blocks import as_count, as_streams
from .config import Config
from .errors import UsageError
from .sharpening.frames import Frames
from .sharpening.results import FrameResult, counted
from .sharpening.sharpener import Sharpener

Shares = Callable[[NDArray[np.float32]], ArrayLike]
"""Maps frequencies of lines (…), Hz, to the share of each source in each line, (sources, …), 0 to 1."""

LOBE_BINS = 2
"""Half of a Hann window's main lobe, in STFT bins."""

LEAST_POWER = 1e-12
"""Power below which (-120 dBFS) an STFT cell belongs to all sources alike."""


def by_harmonics(f0_hz: ArrayLike, tolerance_cents: float = 50.0) -> Shares:
    """Each line belongs to the source with the nearest harmonic; to all alike if that is beyond `tolerance_cents`.

    f0_hz: (sources,) fundamental frequencies, Hz.

    Raises:
        UsageError: they are not positive numbers.

    >>> by_harmonics([200.0, 310.0])(np.array([401.0, 619.0, 500.0])).tolist()
    [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]
    """
    given = np.asarray(f0_hz)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iuf" or not ((given > 0) & (given < np.inf)).all():
        raise UsageError(f"expected one fundamental above 0 Hz for each source, received {reprlib.repr(f0_hz)}")
    fundamentals = given.astype(np.float64)

    def shares(frequency_hz: NDArray[np.float32]) -> NDArray[np.float64]:
        f0 = fundamentals.reshape(-1, *(1,) * np.ndim(frequency_hz))
        line_hz = np.maximum(frequency_hz, 1.0)
        harmonic = np.maximum(np.rint(line_hz / f0), 1.0) * f0
        cents = np.abs(1200 * np.log2(line_hz / harmonic))
        nearest = np.arange(fundamentals.size).reshape(f0.shape) == cents.argmin(axis=0)
        return np.where(cents.min(axis=0) <= tolerance_cents, nearest, 1.0 / fundamentals.size)

    return shares


@dataclass(frozen=True, eq=False, repr=False)
class Bands(FrameResult):
    """Consecutive frames of the mixture on the filterbank's channels, and its sharpened lines.

    times: (frames,) s.  frequencies: (bands,) Hz.  sample_rate: Hz.  hop: samples.
    mixture: (frames, bands, channels) complex64, the ``x`` of `norbert.wiener`.
    lines: the sharpened `Frames`.  response: (atoms, bands) |H|²: what a line of unit power on an atom gives a band.

    >>> bands = BandStream(16000, "low-latency").push(np.zeros(1600))
    >>> bands.mixture.shape == (len(bands.times), bands.frequencies.size, 1)
    True
    >>> half = bands.magnitudes(lambda hz: np.stack([hz < 500, hz >= 500]))
    >>> half.shape == (*bands.mixture.shape, 2)
    True
    """

    FIXED: ClassVar[frozenset[str]] = frozenset({"frequencies", "sample_rate", "hop", "response"})

    times: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    sample_rate: float
    hop: int
    mixture: NDArray[np.complex64]
    lines: Frames
    response: NDArray[np.float32]

    def _summary(self) -> list[str]:
        channels, hz = np.shape(self.mixture)[-1], self.frequencies
        bands = f"{counted(hz.size, 'band')} of {hz[0]:.0f} to {hz[-1]:.0f} Hz"
        return [self._span(self.times), counted(channels, "channel"), bands]

    def magnitudes(self, shares: Shares) -> NDArray[np.float32]:
        """What each source gives each band, (frames, bands, channels, sources): the ``v`` of `norbert.wiener`."""
        part = np.asarray(shares(self.lines.instantaneous_frequency), dtype=np.float32)
        power = (part * np.square(self.lines.amplitude)) @ self.response
        magnitudes: NDArray[np.float32] = np.sqrt(np.moveaxis(power, (0, 3), (3, 1)))
        return magnitudes

    def save(self, path: str | Path) -> None:
        """Write an .npz with times, frequencies, sample_rate, hop, mixture and the lines."""
        np.savez(
            path,
            times=self.times,
            frequencies=self.frequencies,
            sample_rate=self.sample_rate,
            hop=self.hop,
            mixture=self.mixture,
            line_amplitude=self.lines.amplitude,
            line_frequency=self.lines.instantaneous_frequency,
        )


class BandStream:
    """Audio in, `Bands` out, block by block; they are late by `latency_s`.

    Args:
        sample_rate, preset, streams, overrides: as `Sharpener`.

    >>> stream = BandStream(16000, "low-latency")
    >>> bands = stream.push(np.zeros(4000))
    >>> bands.mixture.shape == (bands.times.size, bands.frequencies.size, 1)
    True
    """

    def __init__(
        self,
        sample_rate: float,
        preset: str | Config = "music",
        streams: int = 1,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self._sharpener = Sharpener(sample_rate, preset, streams, overrides, phases=True)
        self._response = self._sharpener.power_response().astype(np.float32)

    @property
    def latency_s(self) -> float:
        """Time from a sound to its frame, s."""
        return self._sharpener.latency_s

    def push(self, block: ArrayLike) -> Bands:
        """Advance over audio, (samples,) or (samples, streams); the frames completed by it.

        Raises:
            UsageError: as `Sharpener.process`.
        """
        return self._bands(self._sharpener.process(as_streams(block, self._sharpener.streams)))

    def finish(self) -> Bands:
        """The frames still on their way."""
        return self._bands(self._sharpener.flush())

    def _bands(self, lines: Frames) -> Bands:
        assert lines.subband is not None, "phases=True"
        sharpener = self._sharpener
        return Bands(
            lines.times,
            sharpener.channel_frequencies,
            sharpener.sample_rate,
            sharpener.hop,
            np.ascontiguousarray(np.moveaxis(lines.subband, 1, 2)),
            lines,
            self._response,
        )


class StftMasks:
    """Audio in, masks on an STFT grid out, for tools that know nothing else, such as nussl.

    A mask is a source's share of the lines' power in a cell, drawn with a Hann window's main lobe at the lines' own
    frequencies: it is as sharp as the lines are, whatever the grid. Column m stands at ``m hop_length / sample_rate``
    (centred frames, as librosa and nussl count them). Masks sum to one.

    Args:
        shares: whose the lines are.
        n_fft, hop_length: the grid.
        sample_rate, preset, streams, overrides: as `Sharpener`.

    Raises:
        UsageError: as `Sharpener`, or the grid is not of whole numbers.

    >>> masks = StftMasks(by_harmonics([220.0, 330.0]), 512, 128, 16000, "low-latency")
    >>> masks.push(np.zeros(4000)).shape[:2], round(masks.latency_s, 3)
    ((2, 257), 0.025)
    """

    def __init__(
        self,
        shares: Shares,
        n_fft: int,
        hop_length: int,
        sample_rate: float,
        preset: str | Config = "music",
        streams: int = 1,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self._sharpener = Sharpener(sample_rate, preset, streams, overrides)
        self._shares = shares
        self._bins = as_count(as_count(n_fft, "sample a grid's window (n_fft)") // 2, "bin above 0 Hz (n_fft // 2)") + 1
        self._bins_per_hz = n_fft / sample_rate
        self._column_s = as_count(hop_length, "sample a column (hop_length)") / sample_rate
        self._sources = len(np.asarray(shares(np.zeros(0, np.float32))))
        self._hop_length = hop_length
        self._samples = self._column = 0
        self._pending: list[NDArray[np.float64]] = []
        self._latest = np.zeros((self._sources, self._bins, streams))

    @property
    def latency_s(self) -> float:
        """Time from a sound to its column, s: the lines' latency and one column, which collects its frames."""
        return self._sharpener.latency_s + self._column_s

    def push(self, block: ArrayLike) -> NDArray[np.float32]:
        """Advance over audio, (samples,) or (samples, streams); (sources, bins, columns, streams) completed by it.

        Raises:
            UsageError: as `Sharpener.process`.
        """
        audio = as_streams(block, self._sharpener.streams)
        frames = self._sharpener.process(audio)
        self._samples += len(audio)
        return self._collect(frames)

    def finish(self) -> NDArray[np.float32]:
        """The columns still on their way: 1 + samples // hop_length in all."""
        rest = self._collect(self._sharpener.flush())
        missing = 1 + self._samples // self._hop_length - (self._column - rest.shape[2])
        last = [self._close_column() for _ in range(missing - rest.shape[2])]
        return np.concatenate([rest, *last], axis=2)[:, :, :missing]

    def _collect(self, frames: Frames) -> NDArray[np.float32]:
        """Frames go to the column nearest in time; a column is closed by the first frame of the next."""
        columns = [np.zeros((self._sources, self._bins, 0, self._sharpener.streams), np.float32)]
        for n, time_s in enumerate(frames.times):
            drawn = self._draw(frames[n : n + 1])
            while math.floor(time_s / self._column_s + 0.5) > self._column:
                columns.append(self._close_column())
            self._pending.append(drawn)
        return np.concatenate(columns, axis=2)

    def _draw(self, frames: Frames) -> NDArray[np.float64]:
        """One frame's power by source, (sources, bins, streams)."""
        amplitude, hz = frames.amplitude[0], frames.instantaneous_frequency[0]
        stream, atom = np.nonzero(amplitude)
        shares = np.asarray(self._shares(hz[stream, atom]))
        position = hz[stream, atom] * self._bins_per_hz
        power = np.zeros((len(shares), self._bins, len(amplitude)))
        for offset in range(-LOBE_BINS, LOBE_BINS + 1):
            cell = np.rint(position).astype(np.int64) + offset
            inside = (cell >= 0) & (cell < self._bins)
            lobe = np.square(amplitude[stream, atom] * _hann_lobe(cell - position))
            for s, share in enumerate(shares):
                np.add.at(power[s], (cell[inside], stream[inside]), (share * lobe)[inside])
        return power

    def _close_column(self) -> NDArray[np.float32]:
        """Masks (sources, bins, 1, streams) of the pending frames; one without frames is as the one before."""
        if self._pending:
            self._latest = np.sum(self._pending, axis=0)
            self._pending = []
        power = self._latest + LEAST_POWER
        self._column += 1
        masks: NDArray[np.float32] = (power / power.sum(axis=0))[:, :, None].astype(np.float32)
        return masks


def _hann_lobe(offset_bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Hann window's transform, 1 at its centre: ``sinc(x) / (1 − x²)``, and nothing beyond its main lobe."""
    x = np.abs(offset_bins)
    lobe = np.sinc(x) / np.where(np.abs(1 - x * x) < 1e-6, math.inf, 1 - x * x)
    return np.where(np.abs(1 - x * x) < 1e-6, 0.5, np.where(x < 2, lobe, 0.0))
