"""Design of complex gammatone filters: a cascade of identical complex one-poles (Hohmann 2002, Acta Acustica 88)."""

from dataclasses import dataclass
from functools import cached_property
from math import factorial, pi
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .scales import Scale, erb_hz, space_frequencies

BandwidthUnit = Literal["erb", "q", "hz"]


def erb_per_decay(order: int) -> float:
    """The constant a_γ by which a gammatone of order γ has the equivalent rectangular bandwidth b = a_γ·decay/2π.

    ``a_γ = π (2γ−2)! 2^−(2γ−2) / ((γ−1)!)²``

    >>> round(erb_per_decay(4), 5)
    0.98175
    """
    return pi * factorial(2 * order - 2) * 2.0 ** -(2 * order - 2) / factorial(order - 1) ** 2


def bandwidths_hz(center_hz: NDArray[np.float64], bandwidth: float, unit: BandwidthUnit) -> NDArray[np.float64]:
    """Bandwidths of channels at `center_hz`: `bandwidth` × ERB ("erb"), centre / `bandwidth` ("q"), or in Hz ("hz").

    >>> bandwidths_hz(np.array([1000.0]), 50.0, "q").tolist()
    [20.0]
    """
    if not bandwidth > 0:
        raise ValueError(f"expected a positive bandwidth, received {bandwidth:g} {unit}")
    if unit == "erb":
        return bandwidth * erb_hz(center_hz)
    return center_hz / bandwidth if unit == "q" else np.full_like(center_hz, bandwidth)


@dataclass(frozen=True)
class GammatoneDesign:
    """Coefficients of a gammatone filterbank, in double precision.

    Channel k with centre f_k and equivalent rectangular bandwidth b_k is γ passes of
    ``y[n] = p_k y[n−1] + (1 − λ_k) x[n]`` with ``λ_k = exp(−2π b_k / (a_γ f_s))`` and ``p_k = λ_k exp(i2π f_k / f_s)``,
    doubled once so that a real cosine of amplitude A at f_k gives |y| = A.

    Args:
        sample_rate: Hz.
        center_hz: (channels,) centre frequencies, rising, below half the sample rate.
        bandwidth_hz: (channels,) equivalent rectangular bandwidths b_k, Hz.
        order: number of one-pole stages γ, 1 to 5.

    Raises:
        ValueError: a centre, bandwidth or order is out of range.

    Reference: Hohmann 2002, "Frequency analysis and synthesis using a Gammatone filterbank", Acta Acustica 88.

    >>> design = GammatoneDesign(16276.0, np.array([1000.0]), erb_hz([1000.0]))
    >>> complex(design.pole[0].round(6))
    (0.87933+0.357389j)
    """

    sample_rate: float
    center_hz: NDArray[np.float64]
    bandwidth_hz: NDArray[np.float64]
    order: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 5:
            raise ValueError(f"expected an order of 1 to 5, received {self.order}")
        if not self.sample_rate > 0:
            raise ValueError(f"expected a positive sample rate in Hz, received {self.sample_rate:g}")
        if self.center_hz.ndim != 1 or self.center_hz.shape != self.bandwidth_hz.shape or not self.center_hz.size:
            raise ValueError(
                f"expected one bandwidth per centre, received {self.center_hz.shape} and {self.bandwidth_hz.shape}"
            )
        if not (self.center_hz.min() > 0 and self.center_hz.max() < self.sample_rate / 2):
            raise ValueError(
                f"expected centres between 0 and {self.sample_rate / 2:g} Hz (half the sample rate), "
                f"received {self.center_hz.min():g} to {self.center_hz.max():g} Hz"
            )
        if not self.bandwidth_hz.min() > 0:
            raise ValueError(f"expected positive bandwidths in Hz, received {self.bandwidth_hz.min():g}")

    @classmethod
    def from_scale(
        cls,
        sample_rate: float,
        *,
        low_hz: float,
        high_hz: float,
        channels: int,
        scale: Scale = "log",
        bandwidth: float = 1.0,
        bandwidth_unit: BandwidthUnit = "erb",
        min_bandwidth_hz: float = 0.0,
        order: int = 4,
    ) -> Self:
        """Space `channels` centres on `scale` and give each a bandwidth.

        Bandwidths as `bandwidths_hz`; never less than `min_bandwidth_hz`, which bounds the lowest channels' delay.

        >>> GammatoneDesign.from_scale(44100.0, low_hz=55, high_hz=880, channels=5).center_hz.round(6).tolist()
        [55.0, 110.0, 220.0, 440.0, 880.0]
        """
        center_hz = space_frequencies(low_hz, high_hz, channels, scale)
        bandwidth_hz = bandwidths_hz(center_hz, bandwidth, bandwidth_unit)
        return cls(sample_rate, center_hz, np.maximum(bandwidth_hz, min_bandwidth_hz), order)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.center_hz.size

    @cached_property
    def damping(self) -> NDArray[np.float64]:
        """(channels,) λ_k, the modulus of each pole."""
        return np.exp(-2 * pi * self.bandwidth_hz / (erb_per_decay(self.order) * self.sample_rate))

    @cached_property
    def pole(self) -> NDArray[np.complex128]:
        """(channels,) complex poles p_k."""
        turn: NDArray[np.complex128] = np.exp(2j * pi * self.center_hz / self.sample_rate)
        return self.damping * turn

    @cached_property
    def normalization(self) -> NDArray[np.float64]:
        """(channels,) gain 2 (1 − λ_k)^γ of the whole cascade, as Hohmann tabulates it."""
        return 2.0 * (1.0 - self.damping) ** self.order

    @cached_property
    def envelope_delay_s(self) -> NDArray[np.float64]:
        """(channels,) time from an impulse to the peak of the envelope, ``(γ−1) a_γ / (2π b_k)``, in seconds."""
        return (self.order - 1) * erb_per_decay(self.order) / (2 * pi * self.bandwidth_hz)

    def response(self, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
        """Steady state of every channel for a unit cosine at each frequency: (frequencies, channels) complex.

        ``H_k(f) = (1−λ_k)^γ (1 − p_k e^{−i2πf/f_s})^{−γ}``; the cosine's negative frequency, far outside every pass
        band, is left out.
        """
        return self._one_pole_response(frequency_hz) ** self.order

    def group_delay_s(self, frequency_hz: ArrayLike) -> NDArray[np.float64]:
        """Group delay −dφ/dω of every channel at each frequency: (frequencies, channels), seconds.

        For one pole ``Re( p z⁻¹ / (1 − p z⁻¹) ) / f_s``, times γ.
        """
        turned = self._turned_pole(frequency_hz)
        delay_samples: NDArray[np.float64] = self.order * (turned / (1.0 - turned)).real
        return delay_samples / self.sample_rate

    def _turned_pole(self, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
        frequency = np.atleast_1d(np.asarray(frequency_hz, dtype=np.float64))
        turned: NDArray[np.complex128] = self.pole * np.exp(-2j * pi * frequency / self.sample_rate)[:, None]
        return turned

    def _one_pole_response(self, frequency_hz: ArrayLike) -> NDArray[np.complex128]:
        response: NDArray[np.complex128] = (1.0 - self.damping) / (1.0 - self._turned_pole(frequency_hz))
        return response
