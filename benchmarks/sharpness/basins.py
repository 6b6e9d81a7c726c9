"""Basins: from valley to valley, all power of a spectral peak is one line at its mean instantaneous frequency."""

from __future__ import annotations

import math

import numpy as np
import scipy.fft

from benchmarks.sharpness import gammatone
from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.lines import Floats

HIGHEST_HZ = 5000.0
"""Bins above this lie off the comparison grid and are left out."""


def basins(audio: Audio, sample_rate: float, n_fft: int) -> Estimate:
    """One line a basin of the Hann spectrum, at Σ P_k·f_k / Σ P_k, with the energy Σ P_k of a cosine.

    P_k = abs(X_k)², f_k = k·fs/N − (fs/2π)·Im(X′_k·conj(X_k))/P_k, where X′ is taken with the window's derivative
    (Auger & Flandrin 1995); the energy of a steady cosine of amplitude A is A².

    Args:
        audio: (samples,).
        sample_rate: in Hz.
        n_fft: length of the window at 44.1 kHz, in samples; at other rates it lasts about as long.
    """
    n_fft = int(2 ** round(math.log2(n_fft * sample_rate / 44100)))
    hop = gammatone.hop_of(sample_rate)
    angle = 2 * np.pi * np.arange(n_fft) / n_fft
    window, slope = 0.5 - 0.5 * np.cos(angle), np.pi / n_fft * np.sin(angle)
    padded = np.pad(np.asarray(audio, float), n_fft // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    bins = min(n_fft // 2 + 1, int(HIGHEST_HZ * n_fft / sample_rate) + 2)
    spectrum = scipy.fft.rfft(pieces * window, axis=1)[:, :bins]
    derived = scipy.fft.rfft(pieces * slope, axis=1)[:, :bins]
    power = np.abs(spectrum) ** 2
    turning = -(derived * spectrum.conj()).imag * sample_rate / (2 * np.pi)
    moment = power * (np.arange(bins) * sample_rate / n_fft) + turning
    frequencies, energy = _gathered(power, moment)
    energy /= n_fft * float((window**2).sum()) / 4
    times = np.arange(len(energy)) * hop / sample_rate
    return Estimate(times, frequencies, energy, False, n_fft / sample_rate / 2, n_fft / sample_rate)


def _gathered(power: Floats, moment: Floats) -> tuple[Floats, Floats]:
    """Frequencies and energies (frames, most basins in a frame) of the basins between valleys."""
    frames = len(power)
    starts = np.zeros(power.shape, bool)
    starts[:, 1:-1] = (power[:, 1:-1] < power[:, :-2]) & (power[:, 1:-1] <= power[:, 2:])
    basin = np.cumsum(starts, axis=1)
    most = int(basin.max()) + 1
    slot = (np.arange(frames)[:, None] * most + basin).ravel()
    energy = np.bincount(slot, power.ravel(), frames * most)
    total = np.bincount(slot, moment.ravel(), frames * most)
    frequencies = np.maximum(total / np.maximum(energy, np.finfo(float).tiny), 0.0)
    return np.asarray(frequencies.reshape(frames, most)), np.asarray(energy.reshape(frames, most), float)
