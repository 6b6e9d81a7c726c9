"""What every method returns, and what a method is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.floating]


@dataclass(frozen=True)
class Estimate:
    """Energy over time and frequency.

    Attributes:
        times_s: (frames,) seconds on the input's clock.
        frequencies_hz: (n,) Hz when the bins stand still, (frames, n) Hz when each frame places its own.
        energy: (frames, n) squared amplitude of the cosine at that frequency, ≥ 0.
        causal: whether a frame depends on no input later than `times_s + latency_s`.
        latency_s: seconds of input after its stated time that a frame needs.
        window_s: span of input in seconds that shapes a frame; NaN when the method states none.
    """

    times_s: NDArray[np.float64]
    frequencies_hz: NDArray[np.float64]
    energy: NDArray[np.float64]
    causal: bool
    latency_s: float = 0.0
    window_s: float = math.nan

    def __post_init__(self) -> None:
        frames, n = self.energy.shape
        if self.times_s.shape != (frames,):
            raise ValueError(f"expected times_s of shape ({frames},), received {self.times_s.shape}")
        if self.frequencies_hz.shape not in ((n,), (frames, n)):
            raise ValueError(f"expected frequencies_hz ({n},) or ({frames}, {n}), received {self.frequencies_hz.shape}")

    def within(self, keep: NDArray[np.bool_]) -> Estimate:
        """The estimate reduced to the frames where `keep` is true."""
        fixed = self.frequencies_hz.ndim == 1
        frequencies = self.frequencies_hz if fixed else self.frequencies_hz[keep]
        return Estimate(self.times_s[keep], frequencies, self.energy[keep], self.causal, self.latency_s, self.window_s)


def coherent_energy(amplitudes: NDArray[np.complexfloating], reach: int) -> NDArray[np.float64]:
    """Energy of complex amplitudes that several neighbouring bins hold of one tone.

    E_j = max(0, Re(conj(a_j)·Σ_{abs(i−j) ≤ reach} a_i)). Where bins add up to the tone, as in synchrosqueezing and
    sparse codes, abs(a_j)² loses energy whenever a tone falls between bins or moves across them: 3 dB for two
    equal halves. These energies sum to abs(Σa)², whatever the share of each bin.

    Args:
        amplitudes: (frames, n) complex.
        reach: bins to either side that may belong to the same tone.
    """
    padded = np.pad(amplitudes, ((0, 0), (reach, reach)))
    neighbourhood = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1).sum(axis=-1)
    return np.asarray(np.maximum((amplitudes.conj() * neighbourhood).real, 0.0), np.float64)


@dataclass(frozen=True)
class Method:
    """A named way from (audio, sample rate in Hz) to an `Estimate`."""

    name: str
    run: Callable[[Audio, float], Estimate]
