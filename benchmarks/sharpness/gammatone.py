"""A plain gammatone filterbank, written apart from the package as an independent reference.

Complex gammatone of order 4 (Hohmann 2002, Acta Acustica 88):
H_k(f) = (1−λ_k)⁴ · (1 − λ_k·exp(i2π(f_k−f)/fs))⁻⁴, λ_k = exp(−2π·b_k/(a·fs)), b_k = s·ERB(f_k).
The response is applied in the frequency domain, which equals the recursive filter and yields only the
frames that are wanted: taking every hop-th sample in time is folding the spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.lines import Floats

ORDER = 4
ORDER_FACTOR = np.pi * 720 * 2.0**-6 / 36
"""a_γ = π(2γ−2)!·2^−(2γ−2)/((γ−1)!)² for γ = 4."""
PER_OCTAVE = 48
LOW_HZ = 60.0
HIGH_HZ = 5000.0
MAX_DELAY_S = 0.05
"""Slower channels are aligned only so far, so that the whole picture is not held back by the lowest."""
LEAST_GAIN = 1e-5
"""Responses below this are taken as zero."""

Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class Bank:
    """Channels of a design: centres and bandwidths in Hz, delays in s, `calibration` Σ_k abs(H_k(f_j))²."""

    sample_rate: float
    centers_hz: Floats
    decay: Floats
    delays_s: Floats
    calibration: Floats

    def response(self, frequencies_hz: Floats, channel: int) -> Complexes:
        """H_k(f) of one channel, group delay advanced by `delays_s`, so that envelopes line up."""
        decay = self.decay[channel]
        turn = np.exp(2j * np.pi * (self.centers_hz[channel] - frequencies_hz) / self.sample_rate)
        ahead = np.exp(2j * np.pi * frequencies_hz * self.delays_s[channel])
        return np.asarray(((1 - decay) / (1 - decay * turn)) ** ORDER * ahead)

    @property
    def latency_s(self) -> float:
        """Seconds by which a frame's stated time precedes the input it needs."""
        return float(self.delays_s.max())

    def window_s(self, frequency_hz: float) -> float:
        """Span of input that holds 99 % of the energy of the impulse response at a frequency."""
        index = int(np.argmin(np.abs(self.centers_hz - frequency_hz)))
        rate = -2 * np.log(self.decay[index]) * self.sample_rate
        # The energy t⁶·exp(−rate·t) is a gamma density of shape 7, whose 99 % point is at 14.57.
        return float(14.57 / rate)


@lru_cache(maxsize=8)
def design(sample_rate: float, erb: float) -> Bank:
    """48 channels an octave from 60 Hz to 5 kHz (or 0.45 of the sample rate), `erb` ERB wide."""
    top = min(HIGH_HZ, 0.45 * sample_rate)
    centers = LOW_HZ * 2 ** (np.arange(int(PER_OCTAVE * np.log2(top / LOW_HZ))) / PER_OCTAVE)
    bandwidths = erb * 24.7 * (4.37 * centers / 1000 + 1)
    decay = np.exp(-2 * np.pi * bandwidths / (ORDER_FACTOR * sample_rate))
    delays = np.minimum((ORDER - 1) * ORDER_FACTOR / (2 * np.pi * bandwidths), MAX_DELAY_S)
    bank = Bank(sample_rate, centers, decay, delays, np.ones_like(centers))
    power = sum(np.abs(bank.response(centers, k)) ** 2 for k in range(len(centers)))
    return Bank(sample_rate, centers, decay, delays, np.asarray(power))


def hop_of(sample_rate: float) -> int:
    """Samples between frames: 128 at 44.1 kHz, about the same time at other rates."""
    return max(1, round(sample_rate * 128 / 44100))


@lru_cache(maxsize=4)
def _bands(bank_key: tuple[float, float], size: int) -> list[tuple[int, Complexes, Complexes]]:
    """First bin, response, and response one sample later, of every channel, where it is not zero."""
    bank = design(*bank_key)
    reach = LEAST_GAIN ** (-1 / ORDER)
    bands = []
    for k, center in enumerate(bank.centers_hz):
        half = reach * (1 - bank.decay[k]) * bank.sample_rate / (2 * np.pi)
        first = max(0, int((center - half) * size / bank.sample_rate))
        last = min(size // 2, int((center + half) * size / bank.sample_rate) + 2)
        frequencies = np.arange(first, last) * bank.sample_rate / size
        response = bank.response(frequencies, k)
        bands.append((first, response, response * np.exp(2j * np.pi * frequencies / bank.sample_rate)))
    return bands


def _fold(spectrum: Complexes, first: int, frames: int) -> Complexes:
    """Inverse transform at the frames only: bins a multiple of `frames` apart fall on one another."""
    start = first % frames
    padded = np.zeros(-(-(start + len(spectrum)) // frames) * frames, complex)
    padded[start : start + len(spectrum)] = spectrum
    return np.asarray(scipy.fft.ifft(padded.reshape(-1, frames).sum(axis=0)))


def subbands(audio: Audio, sample_rate: float, erb: float, later: bool = False) -> tuple[Complexes, Complexes]:
    """Aligned complex subbands (frames, channels), amplitude of the cosine, and the same one sample later."""
    hop = hop_of(sample_rate)
    frames = -(-len(audio) // hop)
    # Half a second of zeros keeps the filters' ringing from wrapping around.
    padded = scipy.fft.next_fast_len(frames + int(0.5 * sample_rate / hop) + 1)
    size = padded * hop
    # Twice the positive half of the spectrum: a real cosine counts with its full amplitude.
    spectrum = 2 * scipy.fft.rfft(np.asarray(audio, float), size) / hop
    now, soon = [], []
    for first, response, advanced in _bands((sample_rate, erb), size):
        part = spectrum[first : first + len(response)]
        now.append(_fold(part * response, first, padded)[:frames])
        soon.append(_fold(part * advanced, first, padded)[:frames] if later else now[-1])
    return np.stack(now, axis=1), np.stack(soon, axis=1)


def plain(audio: Audio, sample_rate: float, erb: float) -> Estimate:
    """Power of every channel at its centre, calibrated for tones."""
    bank = design(sample_rate, erb)
    bands, _ = subbands(audio, sample_rate, erb)
    times = np.arange(len(bands)) * hop_of(sample_rate) / sample_rate
    energy = np.abs(bands) ** 2 / bank.calibration
    return Estimate(times, bank.centers_hz, energy, True, bank.latency_s, bank.window_s(1000.0))


def moved(audio: Audio, sample_rate: float, erb: float) -> Estimate:
    """Power of every channel moved to the channel's instantaneous frequency, calibrated there."""
    bank = design(sample_rate, erb)
    bands, later = subbands(audio, sample_rate, erb, later=True)
    times = np.arange(len(bands)) * hop_of(sample_rate) / sample_rate
    frequencies = np.angle(later * bands.conj()) * sample_rate / (2 * np.pi)
    energy = np.abs(bands) ** 2 / np.interp(frequencies, bank.centers_hz, bank.calibration)
    return Estimate(times, frequencies, energy, True, bank.latency_s, bank.window_s(1000.0))
