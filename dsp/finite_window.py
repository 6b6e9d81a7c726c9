"""Finite symmetric windows from a recursive bank: the tail of a gammatone, cut off exactly.

The stages of a cascade with pole p have the impulse responses ``g^j C(n+j−1, j−1) p^n``: five of them span every
``q(n/N) p^n`` with a polynomial q of degree up to 4. What such a response does after N samples is its free decay, which
is again a sum of the stages as they were N samples ago. So

    z(t) = Σ_j c_j y_j(t) − p^N Σ_j d_j y_j(t − N)

is the output of the finite filter ``q(n/N) p^n, 0 ≤ n < N``, for two short sums per frame and nothing per sample.
With ``q(u) = u²(1−u)²`` the window is smooth, nearly symmetric, and silent N samples after a note has stopped. A second
set of coefficients gives the window's derivative, and with it the instantaneous frequency, as reassignment defines it.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Annotated, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful

from .filterbank import SubbandFrames
from .gammatone import GammatoneDesign

STAGES = 5
SHAPE = Polynomial([0.0, 0.0, 1.0]) * Polynomial([1.0, -2.0, 1.0])
"""The windows' shape, q(u) = u² (1 − u)²."""

SILENT_WINDOW_POWER = np.float32(1e-28)
"""Powers below this (-280 dBFS) are silence, before they become denormal numbers."""

FARTHEST_OFFSET = 4.2
"""Instantaneous frequencies farther than this / window length from the centre are noise between the window's lobes."""


CALIBRATED_AT_ONCE = 2**22
"""Pairs of a frequency and a channel whose responses are computed together, in 64 MiB."""


@dataclass(frozen=True)
class WindowDesign:
    """Coefficients of finite windows over the stages of a bank of order 5.

    Args:
        bank: the bank.
        length_hops: (channels,) window lengths N in hops.
        hop: samples between frames.

    Raises:
        ValueError: the bank's order is not 5, or a length is below 1 hop.

    Attributes:
        present: (2, 5, channels) c_j of the window and of its derivative.
        past: (2, 5, channels) complex, p^N d_j.
        centroid_samples: (channels,) centre of gravity of the window: its delay.

    >>> bank = GammatoneDesign(8000.0, np.linspace(400.0, 800.0, 9), np.full(9, 10.0), order=5)
    >>> design = WindowDesign.over(bank, np.full(9, 16), hop=20)
    >>> design.centroid_samples.round().tolist()[0]
    128.0
    """

    bank: GammatoneDesign
    length_hops: NDArray[np.int64]
    hop: int
    present: NDArray[np.float64]
    past: NDArray[np.complex128]
    centroid_samples: NDArray[np.float64]

    @classmethod
    def over(cls, bank: GammatoneDesign, length_hops: NDArray[np.int64], hop: int) -> "WindowDesign":
        """Compute the coefficients for a bank and its window lengths."""
        if bank.order != STAGES:
            raise ValueError(f"expected a bank of order {STAGES}, received {bank.order}")
        if length_hops.shape != bank.center_hz.shape or length_hops.min() < 1:
            raise ValueError(f"expected one length of at least 1 hop per channel, received {length_hops!r}")
        K = bank.channels
        present, past = np.zeros((2, STAGES, K)), np.zeros((2, STAGES, K), np.complex128)
        centroid = np.zeros(K)
        solved = lru_cache(_solve)  # few lengths, many channels
        for k, N in enumerate(length_hops * hop):
            c, d, centroid[k] = solved(bank.damping[k], int(N))
            carrier = np.exp(2j * np.pi * bank.center_hz[k] * N / bank.sample_rate)
            present[:, :, k], past[:, :, k] = c, d * carrier
        return cls(bank, length_hops, hop, present, past, centroid)

    def response(self, frequency_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Steady state of every channel for a unit cosine at each frequency: (frequencies, channels) complex.

        Beyond 8 / window length from a channel's centre its response is below -60 dB and taken as zero.
        """
        out = np.zeros((frequency_hz.size, self.bank.channels), np.complex128)
        for k, N in enumerate(self.length_hops * self.hop):
            step = max(1, N // 64)  # the window is so smooth that 64 of its samples carry all of it
            n = np.arange(0, N, step)
            window = SHAPE(n / N) * self.bank.damping[k] ** n
            offset_hz = frequency_hz - self.bank.center_hz[k]
            near = np.flatnonzero(np.abs(offset_hz) < 8 * self.bank.sample_rate / N)
            turn = np.exp(-2j * np.pi * step / self.bank.sample_rate * offset_hz[near])
            out[near, k] = spectrum(window / window.sum(), turn)
        return out

    def calibration(self, frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """``Σ_k |H_k(f)|²``: what a unit cosine at each frequency gives in all channels together."""
        parts = np.array_split(frequency_hz, max(1, frequency_hz.size * self.bank.channels // CALIBRATED_AT_ONCE))
        return np.concatenate([np.square(np.abs(self.response(part))).sum(axis=1) for part in parts])


@kernel
def spectrum(window: NDArray[np.float64], turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """``Σ_n w_n t^n`` for each t of `turn`, |t| = 1, by Horner's rule: the window's spectrum, one turn per sample."""
    out = np.zeros_like(turn)
    for n in range(window.size - 1, -1, -1):
        for f in range(turn.size):
            out[f] = out[f] * turn[f] + window[n]
    return out


def _solve(damping: float, N: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Coefficients of a window of N samples and of its derivative, and the window's centre of gravity."""
    n = np.arange(N)
    window = SHAPE(n / N) * damping**n
    scale = 1.0 / window.sum()
    slope = SHAPE.deriv() + np.log(damping) * N * SHAPE
    c, d = _coefficients(damping, N, [SHAPE * scale, slope * scale])
    return c, d, float((window * n).sum() * scale)


def _coefficients(damping: float, N: int, shapes: list[Polynomial]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """c_j with ``Σ_j c_j g^j C(n+j−1, j−1) = q(n/N)``, and d_j (times λ^N) of the same response N samples on."""
    g = 1.0 - damping
    at = np.arange(STAGES) * N // (STAGES - 1)
    basis = np.array([[comb(int(n) + j, j) * g ** (j + 1) for j in range(STAGES)] for n in at])
    c = np.array([np.linalg.solve(basis, q(at / N)) for q in shapes])
    # h_j[n + N] = Σ_{i≤j} C(N−1+j−i, j−i) g^(j−i) λ^N h_i[n]
    shift = np.array(
        [[comb(N - 1 + j - i, j - i) * g ** (j - i) if i <= j else 0.0 for i in range(STAGES)] for j in range(STAGES)]
    )
    return c, damping**N * (c @ shift)


class WindowTuning(NamedTuple):
    """How a window tells frequencies: its centre, Hz per radian over its length, and how far from the centre."""

    center_hz: Annotated[NDArray[np.float32], "channels"]
    rad_to_hz: Annotated[NDArray[np.float32], "channels"]
    limit_hz: Annotated[NDArray[np.float32], "channels"]


class WindowParts(NamedTuple):
    """The windows as kernels take them: coefficients, lengths, tuning, and the stages of the past."""

    coefficients: Annotated[NDArray[np.float32], "sets", "stages", "channels"]
    length_hops: Annotated[NDArray[np.int64], "channels"]
    tuning: WindowTuning
    ring: Annotated[NDArray[np.complex64], "streams", "rows", "stages", "channels"]


class WindowOut(NamedTuple):
    r"""The windows' outputs z, their power \|z\|² and their instantaneous frequencies, Hz."""

    z: Annotated[NDArray[np.complex64], "frames", "streams", "stages", "channels"]
    power: Annotated[NDArray[np.float32], "frames", "streams", "channels"]
    instantaneous_hz: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


class FiniteWindow(Stateful):
    """Turn frames of a bank of order 5 into frames of finite windows, streaming.

    Args:
        design: the windows.
        streams: number of streams.
        backend: where it runs, and where its input is.

    >>> from sharpear.dsp import Filterbank
    >>> bank = GammatoneDesign(8000.0, np.linspace(400.0, 800.0, 9), np.full(9, 10.0), order=5)
    >>> window = FiniteWindow(WindowDesign.over(bank, np.full(9, 16), hop=20))
    >>> tone = np.cos(2 * np.pi * 500 / 8000 * np.arange(8000))[:, None]
    >>> frames = window.process(Filterbank(bank, 20).process(tone))
    >>> int(frames.power[-1, 0].argmax()), float(frames.instantaneous_hz[-1, 0, 2].round(1))
    (2, 500.0)
    """

    def __init__(self, design: WindowDesign, streams: int = 1, backend: Backend = CPU) -> None:
        self.design = design
        K, depth = design.bank.channels, int(design.length_hops.max())
        self._coefficients = backend.array(
            np.concatenate([design.present, design.past.real, design.past.imag]), np.float32
        )
        self._length_hops = backend.array(design.length_hops, np.int64)
        length_s = design.length_hops * design.hop / design.bank.sample_rate
        self._tuning = WindowTuning(
            center_hz=backend.array(design.bank.center_hz, np.float32),
            rad_to_hz=backend.array(1.0 / (2 * np.pi * length_s), np.float32),
            limit_hz=backend.array(FARTHEST_OFFSET / length_s, np.float32),
        )
        self._remember([("ring", np.complex64, (streams, depth, STAGES, K)), ("row", np.int64)], backend)
        self._run = backend.kernel(window_process, blocks=streams, threads=K)

    @property
    def latency_samples(self) -> NDArray[np.float64]:
        """(channels,) delay of each window's centre of gravity."""
        return self.design.centroid_samples

    @property
    def parts(self) -> WindowParts:
        """What the kernels take, on the CPU always the same arrays."""
        return WindowParts(self._coefficients, self._length_hops, self._tuning, self._state["ring"])

    @property
    def row(self) -> int:
        """Row of the ring that the next frame takes."""
        return int(self._state["row"])

    def pass_on(self, frames: int) -> None:
        """So many frames have been taken in by who runs the kernels."""
        self._state["row"] = (self.row + frames) % self._state["ring"].shape[1]

    def process(self, frames: SubbandFrames) -> SubbandFrames:
        """Frames of the bank in, as many frames of the windows out, each with one stage."""
        count, streams, _, K = frames.stages.shape
        out = SubbandFrames.allocate(count, streams, 1, K, self.backend)
        made = WindowOut(z=out.stages, power=out.power, instantaneous_hz=out.instantaneous_hz)
        self._run(frames.stages, *self.parts, self.row, made)
        self.pass_on(count)
        return out


@kernel
def window_process(
    stages: Complexes, coefficients: Floats, length_hops: Integers, tuning: WindowTuning, ring: Complexes, row: int,
    out: WindowOut,
) -> None:  # fmt: skip
    """`window_frame` over stages (frames, streams, order, channels)."""
    window = WindowParts(coefficients, length_hops, tuning, ring)
    for f in range(stages.shape[0]):
        for s in range(stages.shape[1]):
            window_frame(
                stages[f, s], window, row + f, s, out.z[f, s, 0], out.power[f, s], out.instantaneous_hz[f, s]
            )  # fmt: skip


@kernel(fastmath={"contract"})
def window_frame(
    stages: Complexes, window: WindowParts, row: int, s: int, z: Complexes, power: Floats, instantaneous_hz: Floats
) -> None:  # fmt: skip
    r"""z, \|z\|² and ``f = f_k + Im(z'/z) / (2πT)`` of every channel of a frame of stream `s`, the row-th of all."""
    coefficients, length_hops, tuning, ring = window.coefficients, window.length_hops, window.tuning, window.ring
    center_hz, rad_to_hz, limit_hz = tuning.center_hz, tuning.rad_to_hz, tuning.limit_hz
    depth, order, channels = ring.shape[1:]
    now = row % depth
    for k in range(channels):
        then = (now - length_hops[k]) % depth  # a full ring's oldest row is the one about to be overwritten
        re, im, d_re, d_im = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for j in range(order):
            y, old = stages[j, k], ring[s, then, j, k]
            c, d = coefficients[0, j, k], coefficients[1, j, k]
            a, b = coefficients[2, j, k], coefficients[4, j, k]
            re += c * y.real - (a * old.real - b * old.imag)
            im += c * y.imag - (a * old.imag + b * old.real)
            a, b = coefficients[3, j, k], coefficients[5, j, k]
            d_re += d * y.real - (a * old.real - b * old.imag)
            d_im += d * y.imag - (a * old.imag + b * old.real)
        size = re * re + im * im
        offset = np.float32(0)
        if size < SILENT_WINDOW_POWER:
            re, im, size = np.float32(0), np.float32(0), np.float32(0)
        else:
            offset = (d_im * re - d_re * im) / size * rad_to_hz[k]
        z[k], power[k] = complex(re, im), size
        if abs(offset) > limit_hz[k]:
            offset = np.float32(0)
        instantaneous_hz[k] = center_hz[k] + offset
    for j in range(order):
        for k in range(channels):
            ring[s, now, j, k] = stages[j, k]
