"""The truth: which sinusoids a test signal holds at every moment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 44100
"""Sample rate of every synthetic signal, in Hz."""
LINE_HOP = 64
"""Samples between two rows of the truth (1.45 ms)."""
MERGE_HZ = 2.0
"""True lines closer than this are one line: no method of a useful latency can tell them apart."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """Frequencies, amplitudes and phases of the sinusoids of a signal.

    Attributes:
        times_s: (frames,) seconds.
        frequencies_hz: (frames, lines) instantaneous frequencies in Hz.
        amplitudes: (frames, lines) peak amplitudes of the cosines, 0 where a line is silent.
        phases: (frames, lines) phases in radians, needed to add coinciding lines coherently.
    """

    times_s: Floats
    frequencies_hz: Floats
    amplitudes: Floats
    phases: Floats

    @property
    def duration_s(self) -> float:
        """Length of the signal in seconds."""
        return float(self.times_s[-1] + self.times_s[1] - self.times_s[0])

    def merged(self, closer_than_hz: float = MERGE_HZ) -> tuple[Floats, Floats]:
        """Lines with their energies, where neighbours closer than a limit became one.

        A chain of sounding lines whose gaps are all below `closer_than_hz` becomes one line with the
        coherent energy abs(sum(A_i exp(i phi_i)))**2 at the amplitude-weighted mean frequency.

        Returns:
            frequencies in Hz and energies (squared amplitudes), both (frames, lines); entries of energy 0
            are unused.
        """
        frames, count = self.frequencies_hz.shape
        sounding = self.amplitudes > 0
        order = np.argsort(np.where(sounding, self.frequencies_hz, np.inf), axis=1)
        frequencies = np.take_along_axis(self.frequencies_hz, order, axis=1)
        amplitudes = np.take_along_axis(self.amplitudes, order, axis=1)
        phasors = amplitudes * np.exp(1j * np.take_along_axis(self.phases, order, axis=1))
        # Silent lines were sorted last, so a group that begins before them may swallow them at no cost.
        starts = np.diff(frequencies, axis=1, prepend=-np.inf) >= closer_than_hz
        group = np.cumsum(starts, axis=1) - 1
        slot = (np.arange(frames)[:, None] * count + group).ravel()
        size = frames * count
        coherent = np.bincount(slot, phasors.real.ravel(), size) + 1j * np.bincount(slot, phasors.imag.ravel(), size)
        weight = np.bincount(slot, amplitudes.ravel(), size)
        moment = np.bincount(slot, (amplitudes * frequencies).ravel(), size)
        centre = moment / np.maximum(weight, np.finfo(float).tiny)
        return centre.reshape(frames, count), (np.abs(coherent) ** 2).reshape(frames, count)


class Mixer:
    """Adds sinusoids to a signal and writes down the truth beside it.

    Args:
        duration_s: length of the signal in seconds.
        rng: source of the starting phases and of the noise.
    """

    def __init__(self, duration_s: float, rng: np.random.Generator) -> None:
        self.samples = round(duration_s * SAMPLE_RATE)
        self.times_s: Floats = np.arange(self.samples) / SAMPLE_RATE
        self._rng = rng
        self._audio: Floats = np.zeros(self.samples)
        self._rows: list[tuple[Floats, Floats, Floats]] = []

    def add(self, frequency_hz: Floats | float, amplitude: Floats | float) -> None:
        """Add A(t)·cos(2π∫f dt + φ), φ random; both arguments are constants or (samples,) arrays."""
        frequency = np.broadcast_to(np.asarray(frequency_hz, float), (self.samples,))
        envelope = np.broadcast_to(np.asarray(amplitude, float), (self.samples,))
        phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE + self._rng.uniform(0, 2 * np.pi)
        self._audio += envelope * np.cos(phase)
        self._rows.append((frequency[::LINE_HOP], envelope[::LINE_HOP], phase[::LINE_HOP]))

    def finish(self, snr_db: float = 30.0, peak: float = 0.5) -> tuple[NDArray[np.float32], Lines]:
        """Scale to a peak, add white noise over the whole band, and return (audio, truth).

        `snr_db` compares the powers of signal and noise where the signal sounds, so that pauses do not
        make the notes between them noisier.
        """
        gain = peak / max(float(np.abs(self._audio).max()), np.finfo(float).tiny)
        frequencies, envelopes, phases = (np.stack(part, axis=1) for part in zip(*self._rows, strict=True))
        power = (envelopes**2).sum(axis=1) / 2
        mean_power = float(power[power > 1e-4 * power.max()].mean()) * gain**2
        noise = self._rng.standard_normal(self.samples) * np.sqrt(mean_power * 10 ** (-snr_db / 10))
        audio = (gain * self._audio + noise).astype(np.float32)
        return audio, Lines(self.times_s[::LINE_HOP], frequencies, gain * envelopes, phases)
