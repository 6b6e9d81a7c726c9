"""Hann windows of several lengths, from one-pole resonators that are advanced by whole hops.

A resonator on a point of a window's DFT grid sums up its past, ``y(t) = Σ_m p^m x[t−m]``, and is advanced by a hop of H
samples at once. What is older than the window's N samples is its free decay, so that

    z_k(t) = y_k(t) − p_k^N y_k(t − N)

is the DFT of the last N samples, at no cost per sample. From time to time all resonators begin anew,

    y(t0) ← 0,    y(t0 − m) ← y(t0 − m) − p^−m y(t0),

which leaves every z as it is, but for rounding: a window later all that was before t0 is forgotten, to the last bit.
Three points make a Hann window's value, and with it its instantaneous frequency, as reassignment defines it (s points
of the grid lie between two bins of 1/N):

    v_k = z_k/2 − (z_{k+s} + z_{k−s})/4,    f = f_k − fs/(4N) Re((z_{k+s} − z_{k−s}) v_k*) / |v_k|²

Power and power times frequency are what is given: sums of them over a spectral peak are its energy and, divided, its
mean frequency.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sharpear.gpu import CPU, Backend, Record
from sharpear.gpu.arguments import check_audio
from sharpear.gpu.stateful import Stateful, fields_of, named

from .hann_bank_kernel import (
    APART,
    RESTART_HOPS,
    TOGETHER,
    BankParts,
    BankState,
    HannOut,
    HopFilters,
    Resonators,
    WindowTables,
    hann_process,
)
from .splitter_kernel import usable_samples

DAMPING = 0.02
"""Decay of the resonators over a window, Np: enough that rounding is forgotten, too little to shorten a window."""

HIGHEST_CENTER = 0.46
"""The highest channel, as a share of the sample rate: nearer to .5 it would see its own mirror image."""

TOLERANCE = 1e-7
"""Singular values of hop filters, relative to the largest, that single precision does not tell from zero."""


@dataclass(frozen=True)
class HannWindow:
    """A Hann window of whole hops, and where its channels stand.

    length_hops: N / H.
    points: channels per bin of 1/N, 1 or 2.
    top_hz: up to which frequency there are channels.

    >>> longest = HannDesign(44100.0, 128).windows[-1]
    >>> longest.length_hops, longest.points, longest.top_hz
    (32, 2, 4200.0)
    """

    length_hops: int
    points: int
    top_hz: float


LAYOUT = (HannWindow(4, 1, 16000.0), HannWindow(8, 2, 16000.0), HannWindow(16, 2, 8000.0), HannWindow(32, 2, 4200.0))
"""11.6, 23.2, 46.4 and 92.9 ms with hops of 2.9 ms: the shortest for the levels of bands, the longer ones for lines,
which two points a bin tell apart better than one, each as far up as it is of use."""


@dataclass(frozen=True)
class HannDesign:
    """Which windows a `HannBank` has, for one sample rate and hop.

    Args:
        sample_rate: Hz.
        hop: samples between frames.
        windows: from the shortest to the longest.

    Raises:
        ValueError: the hop is below 1 sample, or a window is not longer than the one before or has other points a bin.

    >>> design = HannDesign(44100.0, 128)
    >>> design.length_samples.tolist(), design.delay_hops.tolist(), design.channels
    ([512, 1024, 2048, 4096], [2.0, 4.0, 8.0, 16.0], 2455)
    >>> design.center_hz[design.channels_of(3)][:3].round(3)
    array([ 0.   ,  5.383, 10.767])
    """

    sample_rate: float
    hop: int
    windows: tuple[HannWindow, ...] = field(default=LAYOUT)

    def __post_init__(self) -> None:
        lengths = [window.length_hops for window in self.windows]
        if self.hop < 1 or not lengths or min(lengths) < 1:
            raise ValueError(f"expected a hop and windows of at least 1, received {self.hop} and {lengths}")
        if lengths != sorted(set(lengths)):
            raise ValueError(f"expected windows from the shortest to the longest, received {lengths} hops")
        if not {window.points for window in self.windows} <= {1, 2}:
            raise ValueError(f"expected 1 or 2 points a bin, received {self.windows}")

    @cached_property
    def length_samples(self) -> NDArray[np.int64]:
        """(windows,) N."""
        return np.array([window.length_hops for window in self.windows]) * self.hop

    @cached_property
    def delay_hops(self) -> NDArray[np.float64]:
        """(windows,) from a window's centre to the end of the frame that it ends with: N/2."""
        return np.array([window.length_hops / 2 for window in self.windows])

    @cached_property
    def spacing_hz(self) -> NDArray[np.float64]:
        """(windows,) distance of neighbouring channels, fs / (N s)."""
        return self.sample_rate / self.length_samples / [window.points for window in self.windows]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(windows,) number of channels, from 0 Hz to the window's top or to .46 of the sample rate."""
        top_hz = np.minimum([window.top_hz for window in self.windows], HIGHEST_CENTER * self.sample_rate)
        return (top_hz / self.spacing_hz).astype(np.int64) + 1

    @cached_property
    def channels(self) -> int:
        """Number of channels of all windows together."""
        return int(self.counts.sum())

    def channels_of(self, window: int) -> slice:
        """Where the channels of a window stand among all."""
        first = int(self.counts[:window].sum())
        return slice(first, first + int(self.counts[window]))

    @cached_property
    def center_hz(self) -> NDArray[np.float64]:
        """(channels,) centres of the channels of one window after the other."""
        return np.concatenate([np.arange(n) * d for n, d in zip(self.counts, self.spacing_hz, strict=True)])


@dataclass(frozen=True)
class HannFrames:
    r"""What a `HannBank` says at the end of each hop.

    power: (frames, streams, channels) float32, \|v\|²; over the peak of a cosine of amplitude A it sums up to A².
    moment: (frames, streams, channels) float32, power times instantaneous frequency, Hz.
    subband: (frames, streams, channels of the longest window) complex64, v; it turns as the sound at its channel does.
    samples: (frames, streams, hop) float32, the hop that ends there, as far as it is usable.

    >>> design = HannDesign(44100.0, 128)
    >>> frames = HannBank(design, streams=2).process(np.zeros((1280, 2)))
    >>> frames.power.shape == (10, 2, design.channels), frames[:4].samples.shape
    (True, (4, 2, 128))
    """

    power: NDArray[np.float32]
    moment: NDArray[np.float32]
    subband: NDArray[np.complex64]
    samples: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.power)

    def __getitem__(self, frames: slice) -> "HannFrames":
        return HannFrames(self.power[frames], self.moment[frames], self.subband[frames], self.samples[frames])


class HannBank(Stateful):
    """Run a `HannDesign` over streams of audio, block by block.

    Args:
        design: which windows, for which sample rate and hop.
        streams: number of independent signals processed side by side.
        backend: where it runs; its frames stay there.

    Frame n ends with sample (n+1)·hop − 1, as all its windows do; their centres are `design.delay_hops` before that.
    Samples that are not finite, or beyond 120 dB over full scale, are replaced by zero and counted in `replaced`.

    >>> design = HannDesign(44100.0, 128)
    >>> tone = 0.5 * np.cos(2 * np.pi * 1000 / 44100 * np.arange(44100))
    >>> frames = HannBank(design).process(tone[:, None])
    >>> peak = design.channels_of(3)
    >>> energy = frames.power[-1, 0, peak].sum()
    >>> float(np.sqrt(energy).round(4)), float((frames.moment[-1, 0, peak].sum() / energy).round(2))
    (0.5, 1000.0)
    """

    def __init__(self, design: HannDesign, streams: int = 1, backend: Backend = CPU) -> None:
        if streams < 1:
            raise ValueError(f"expected at least 1 stream, received {streams}")
        self.design = design
        self.streams = streams
        self._filters, self._resonators, self._windows = _tables(design, backend)
        resonators = design.counts + [window.points for window in design.windows]
        units = int(resonators.sum())
        lengths = {"streams": streams, "parts": 2, "resonators": units}
        lengths["values"] = int((2 * resonators * [window.length_hops for window in design.windows]).sum())
        self._remember(
            [
                *fields_of(BankState, lengths),
                ("waiting", np.float32, (streams, design.hop)),
                ("replaced", np.int64, (streams,)),
                ("filled", np.int64),
                ("frame", np.int64),
            ],
            backend,
            below={"filled": design.hop},
        )
        rows, (_, carriers) = self._filters.basis.shape[0], self._filters.carrier.shape
        needed = 8 * units + 4 * (rows * carriers + rows // APART * carriers) + 4
        self._run = backend.kernel(hann_process, blocks=streams, threads=units, shared_bytes=needed)
        self._usable = backend.kernel(usable_samples, blocks=streams, threads=design.hop)

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) number of unusable input samples replaced by zero since the last reset."""
        return self.backend.numpy(self._state["replaced"]).copy()

    @property
    def period_hops(self) -> int:
        """Hops after which all stands as before: a run that begins at a multiple is this one, a window later."""
        return RESTART_HOPS

    @property
    def parts(self) -> BankParts:
        """What the kernels take, on the CPU always the same arrays."""
        return BankParts(self._filters, self._resonators, self._windows, named(BankState, self._state))

    @property
    def memory(self) -> Record:
        """All that is remembered: who runs the kernels keeps `waiting`, `filled` and `frame` as `process` does."""
        return self._state

    def frames_in(self, samples: int) -> int:
        """Number of frames that a block of `samples` will complete."""
        return int((self._state["filled"] + samples) // self.design.hop)

    def process(self, audio: NDArray[np.float32]) -> HannFrames:
        """Advance over `audio`, (samples, streams) float32, and return the frames completed by it.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = self.backend.array(audio, np.float32)
        check_audio(audio, self.streams)
        count, state = self.frames_in(audio.shape[0]), self._state
        recent = self._recent(audio)
        hops = recent[:, : count * self.design.hop].reshape(self.streams, count, self.design.hop)
        shape = (count, self.streams, self.design.channels)
        frames = HannFrames(
            self.backend.empty(shape, np.float32),
            self.backend.empty(shape, np.float32),
            self.backend.empty((count, self.streams, int(self.design.counts[-1])), np.complex64),
            hops.transpose(1, 0, 2),
        )
        if not audio.size:
            return frames
        if count:
            self._run(
                recent, self._filters, self._resonators, self._windows, named(BankState, state), int(state["frame"]),
                HannOut(power=frames.power, moment=frames.moment, subband=frames.subband),
            )  # fmt: skip
        left = recent[:, count * self.design.hop :]
        state["waiting"][:, : left.shape[1]] = left
        state["waiting"][:, left.shape[1] :] = 0.0
        state["filled"] = left.shape[1]
        state["frame"] += count
        return frames

    def _recent(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(streams, samples) usable samples: those that wait for their hop's end, then `audio`."""
        filled = int(self._state["filled"])
        recent = self.backend.empty((self.streams, filled + audio.shape[0]), np.float32)
        recent[:, :filled] = self._state["waiting"][:, :filled]
        usable = self.backend.empty((self.streams, audio.shape[0]), np.float32)
        self._usable(audio, self._state["replaced"], usable)
        recent[:, filled:] = usable
        return recent


def _tables(design: HannDesign, backend: Backend) -> tuple[HopFilters, Resonators, WindowTables]:
    """The coefficients of all windows' resonators, each window with `points` more at its upper end."""
    pole, past, gain = [], [], []
    for window, count, N in zip(design.windows, design.counts, design.length_samples, strict=True):
        k = np.arange(count + window.points)
        pole.append(np.exp(-DAMPING / N + 2j * np.pi * k / (N * window.points)))
        past.append(np.exp(-DAMPING) * np.cos(2 * np.pi * k / window.points).round())
        gain.append(_gain(int(N), window.points))
    p = np.concatenate(pole)
    turn, back = p**design.hop, p**-design.hop
    edges = np.cumsum([0, *map(len, pole)])
    windows = WindowTables(
        length_hops=backend.array([window.length_hops for window in design.windows], np.int64),
        points=backend.array([window.points for window in design.windows], np.int64),
        first_resonator=backend.array(edges, np.int64),
        first_channel=backend.array(np.cumsum([0, *design.counts]), np.int64),
        slope_hz=backend.array(design.sample_rate / (4 * design.length_samples), np.float32),
        center_hz=backend.array(design.center_hz, np.float32),
    )
    resonators = Resonators(
        turn=backend.array([turn.real, turn.imag], np.float64),
        back=backend.array([back.real, back.imag], np.float64),
        past=backend.array(np.concatenate(past), np.float64),
    )
    return _factored(design, gain, backend), resonators, windows


def _gain(N: int, points: int) -> float:
    """What makes the powers of a unit cosine's channels sum up to 1: of its energy half is at positive frequencies."""
    m = np.arange(N)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * m / N)) * np.exp(-DAMPING / N * m)
    return float(2 / np.sqrt((window**2).sum() * N * points))


# On several threads, on a busy machine, these small matrices wait for each other: 30 s where one takes 0.3.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _factored(design: HannDesign, gains: list[float], backend: Backend) -> HopFilters:
    """``g p^(H−1−n)`` as a band's oscillation times what all bands have in common, by singular values of this.

    Within a band a turn a hop wide, a window of N samples has as many resonators as whole numbers of them fill it.
    """
    hop, bands, near = design.hop, 0, []
    apart = -(-hop // APART)
    earlier = np.arange(apart * APART)[::-1]  # before the hop is silence
    for window, count, N in zip(design.windows, design.counts, design.length_samples, strict=True):
        width = window.length_hops * window.points
        bands = max(bands, -(-(int(count) + window.points) // width))
        turns = (np.arange(width) / width - 0.5) / hop
        near.append(np.exp((-DAMPING / N + 2j * np.pi * turns[:, None]) * earlier))
    response = np.concatenate([part for each in near for part in (each.real, each.imag)])
    squares, basis = np.linalg.eigh(response.T @ response)  # in half the time of singular values of `response`
    basis = basis[:, squares > TOLERANCE**2 * squares[-1]]
    basis = np.pad(basis, ((0, 0), (0, -basis.shape[1] % TOGETHER)))
    mixing = []
    for each, gain in zip(near, gains, strict=True):
        factor = gain * (each @ basis).T
        parts = np.block([[factor.real, factor.imag], [-factor.imag, factor.real]])
        mixing.append(np.pad(parts, ((0, 0), (0, -parts.shape[1] % TOGETHER))).ravel())
    center = (np.arange(-(-bands // TOGETHER) * TOGETHER) + 0.5) / hop

    def carrier(samples: NDArray[np.int64]) -> NDArray[np.float32]:
        turned = np.exp(2j * np.pi * center * samples[:, None])
        return backend.array(np.concatenate([turned.real, turned.imag], axis=1), np.float32)

    return HopFilters(
        hop=hop,
        basis=backend.array(basis.reshape(apart, -1).T, np.float32),
        carrier=carrier(earlier[APART - 1 :: APART]),
        between=carrier(earlier[-APART:]),
        mixing=backend.array(np.concatenate(mixing), np.float32),
        first_mixing=backend.array(np.cumsum([0, *map(len, mixing)]), np.int64),
    )
