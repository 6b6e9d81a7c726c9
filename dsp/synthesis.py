"""Resynthesis: delay, phase and gain of each channel, so that the channels' sum is the input, late."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from .gammatone import GammatoneDesign

RIDGE = 1e-3
"""Share of the mean squared response added to the diagonal, so that gains of neighbours that respond alike do not grow
against each other."""


@dataclass(frozen=True)
class SynthesisDesign:
    """Weights that turn a bank's subbands back into sound: ``x(n − D) ≈ Σ_k Re( w_k y_k(n − d_k) )``.

    Each channel waits until its envelope's peak stands at D (slower ones do not wait), as in Hohmann 2002. The complex
    weights, phase and gain at once, minimise the squared error of the whole response against a pure delay on a grid
    even in channels, negative frequencies included: linear least squares instead of the alternating steps of Hohmann
    2002 and the gradient of Chen & Hohmann 2015.

    bank: the analysis bank.
    latency_samples: D.
    delay_samples: (channels,) d_k.
    weight: (channels,) complex w_k.

    References: Hohmann 2002, Acta Acustica 88; Chen & Hohmann 2015, arXiv 1503.07015.

    >>> bank = GammatoneDesign.from_scale(16000.0, low_hz=60, high_hz=7000, channels=60, scale="erb")
    >>> design = SynthesisDesign.over(bank, latency_s=0.016)
    >>> bool(design.snr_db(200.0, 5000.0) > 45)
    True
    """

    bank: GammatoneDesign
    latency_samples: int
    delay_samples: NDArray[np.int64]
    weight: NDArray[np.complex128]

    @classmethod
    def over(cls, bank: GammatoneDesign, latency_s: float | None = None) -> "SynthesisDesign":
        """Optimise the weights for a latency in seconds; None waits for the slowest channel.

        Raises:
            ValueError: the latency is negative.
        """
        peak = bank.envelope_delay_s * bank.sample_rate
        latency = ceil(peak.max()) if latency_s is None else round(latency_s * bank.sample_rate)
        if latency < 0:
            raise ValueError(f"expected a latency of 0 s or more, received {latency_s:g} s")
        delay = np.rint(latency - peak).clip(0).astype(np.int64)
        design = cls(bank, latency, delay, np.zeros(bank.channels, np.complex128))
        weight = _least_squares(design, _grid_hz(bank))
        return cls(bank, latency, delay, weight)

    def response(self, frequency_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
        """(frequencies,) complex: what the sum makes of a unit cosine, relative to the pure delay; ideally 1."""
        positive, negative = self._parts(frequency_hz)
        total: NDArray[np.complex128] = positive @ self.weight + negative @ self.weight.conj()
        return total

    def snr_db(self, low_hz: float, high_hz: float) -> float:
        """Signal-to-error ratio of white noise between two frequencies, resynthesised."""
        error = self.response(np.linspace(low_hz, high_hz, 8192)) - 1.0
        return float(-10 * np.log10(np.square(np.abs(error)).mean()))

    def _parts(self, frequency_hz: NDArray[np.float64]) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """What each channel does at f and, conjugated, at −f, both relative to the delay D."""
        turn = np.exp(2j * np.pi * np.outer(frequency_hz, self.latency_samples - self.delay_samples) / self._rate)
        return self.bank.response(frequency_hz) * turn, self.bank.response(-frequency_hz).conj() * turn

    @property
    def _rate(self) -> float:
        return self.bank.sample_rate


def _grid_hz(bank: GammatoneDesign) -> NDArray[np.float64]:
    """Four frequencies per channel spacing, and some beyond both ends, as far as the outer channels respond."""
    center = bank.center_hz
    inner = np.interp(np.arange(0, bank.channels - 1, 0.25), np.arange(bank.channels), center)
    below = center[0] - 0.5 * bank.bandwidth_hz[0] * np.array([1.0, 0.5])
    above = center[-1] + 0.5 * bank.bandwidth_hz[-1] * np.array([0.0, 0.5, 1.0])
    grid = np.concatenate([below, inner, above])
    return grid[(grid > 0) & (grid < bank.sample_rate / 2)]


def _least_squares(design: SynthesisDesign, grid_hz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Weights of the smallest squared error; real and imaginary parts apart, because −f brings in their conjugates."""
    positive, negative = design._parts(grid_hz)
    columns = np.hstack([positive + negative, 1j * (positive - negative)])
    A = np.vstack([columns.real, columns.imag])
    target = np.concatenate([np.ones(grid_hz.size), np.zeros(grid_hz.size)])
    normal = A.T @ A
    normal[np.diag_indices_from(normal)] += RIDGE * normal.trace() / len(normal)
    solution = np.linalg.solve(normal, A.T @ target)
    channels = design.bank.channels
    return np.asarray(solution[:channels] + 1j * solution[channels:], dtype=np.complex128)
