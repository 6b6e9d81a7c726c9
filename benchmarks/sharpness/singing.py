"""Voices made of measured partials: a piece of a recording, moved in time and pitch, and the sound of lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Floats, Lines
from benchmarks.sharpness.partials import FLOOR_DB, HOP, Partials

VOICED = 0.35
"""A piece of a recording must sound in this share of its rows."""


@dataclass(frozen=True)
class Voice:
    """Partials of one voice, a row every `LINE_HOP` samples.

    Attributes:
        frequencies_hz: (rows, partials) Hz.
        amplitudes: (rows, partials) peak amplitudes, 0 where silent.
    """

    frequencies_hz: Floats
    amplitudes: Floats

    def median_hz(self) -> float:
        """Median of the fundamental where the voice sounds, in Hz."""
        sounding = (self.amplitudes > 0).any(axis=1)
        return float(np.median(self.frequencies_hz[sounding, 0]))

    def power(self) -> float:
        """Mean power where the voice is within 40 dB of its loudest."""
        power = (self.amplitudes**2).sum(axis=1) / 2
        return float(power[power > 1e-4 * power.max()].mean())


def piece(partials: Partials, rng: np.random.Generator, rows: int, speed: float) -> Voice | None:
    """A random piece of a recording that mostly sounds, played at a speed; None where there is none.

    Args:
        partials: what was measured of the recording.
        rng: chooses the place.
        rows: length in steps of `LINE_HOP` samples.
        speed: 2 plays twice as fast, at the same pitch.
    """
    step = speed * LINE_HOP / HOP
    span = int(rows * step) + 2
    loud = (partials.loudest_db > max(float(partials.loudest_db.max()) - 40, FLOOR_DB)).astype(float)
    total = np.concatenate([[0.0], np.cumsum(np.pad(loud, (0, span)))])
    share = (total[span : span + len(loud)] - total[: len(loud)]) / span
    places = np.flatnonzero(share >= VOICED)
    if not len(places):
        return None
    first = int(rng.choice(places))
    part = partials.between(first, first + span)
    missing = span - len(part.fundamental_hz)
    fundamental = np.pad(part.fundamental_hz.astype(float), (0, missing))
    level = np.pad(part.level_db.astype(float), ((0, missing), (0, 0)), constant_values=FLOOR_DB)
    cents = np.pad(part.cents.astype(float), ((0, missing), (0, 0)))
    amplitude = np.where(level > FLOOR_DB, 10 ** (level / 20), 0.0)
    sounding = np.flatnonzero(fundamental > 0)
    fundamental = np.interp(np.arange(span), sounding, fundamental[sounding])
    frequency = fundamental[:, None] * np.arange(1, level.shape[1] + 1) * 2 ** (cents / 1200)
    at = np.arange(rows) * step
    left = at.astype(int)
    right_share = (at - left)[:, None]
    return Voice(*((1 - right_share) * v[left] + right_share * v[left + 1] for v in (frequency, amplitude)))


def transposed(voice: Voice, ratio: Floats | float, keep_formants: bool) -> Voice:
    """Every frequency times `ratio`, a number or one a row.

    With `keep_formants` a partial gets the level that was measured at its new frequency, between the two
    partials there; otherwise the spectral envelope moves along.
    """
    frequencies = voice.frequencies_hz * np.reshape(ratio, (-1, 1))
    if not keep_formants:
        return Voice(frequencies, voice.amplitudes)
    count = voice.amplitudes.shape[1]
    at = np.arange(1, count + 1) * float(np.median(ratio)) - 1
    inside = np.clip(at, 0, count - 1)
    left = np.minimum(inside.astype(int), max(count - 2, 0))
    share = inside - left
    level = (1 - share) * voice.amplitudes[:, left] + share * voice.amplitudes[:, np.minimum(left + 1, count - 1)]
    return Voice(frequencies, np.where(at <= count - 1, level, 0.0))


def sung(voice: Voice, rng: np.random.Generator) -> Voice:
    """A spoken voice that sings: every voiced stretch on a note of its own, with vibrato."""
    sounding = (voice.amplitudes > 0).any(axis=1).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sounding, [0]]))).reshape(-1, 2)
    pitch = voice.frequencies_hz[:, 0]
    times = np.arange(len(pitch)) * LINE_HOP / SAMPLE_RATE
    wanted = pitch.copy()
    depth, rate, own = rng.uniform(0, 100), rng.uniform(4, 7.5), rng.uniform(0, 0.5)
    middle = voice.median_hz()
    for first, last in edges:
        note = middle * 2 ** (np.round(12 * np.log2(np.median(pitch[first:last]) / middle) + rng.uniform(-3, 3)) / 12)
        age = times[first:last] - times[first]
        swing = depth * np.clip(age / rng.uniform(0.05, 0.4), 0, 1)
        cents = swing * np.sin(2 * np.pi * rate * age + rng.uniform(0, 2 * np.pi))
        kept = own * 1200 * np.log2(pitch[first:last] / np.median(pitch[first:last]))
        wanted[first:last] = note * 2 ** ((cents + kept) / 1200)
    return transposed(voice, wanted / pitch, keep_formants=rng.random() < 0.5)


def together(
    voices: list[Voice], rng: np.random.Generator, samples: int, floor_db: float, most: int
) -> tuple[Floats, Lines]:
    """The sound of voices, and its lines.

    Lines are linear in frequency and amplitude between rows, φ(t) = φ₀ + 2π∫f dt, and sound = Σ A·cos φ.

    Args:
        voices: each of the same number of rows, the last of which lies at or after the last sample.
        rng: draws the starting phases.
        samples: length.
        floor_db: what is weaker than this below the strongest line is taken off every amplitude.
        most: at most so many lines are kept, the strongest.
    """
    frequencies = np.concatenate([voice.frequencies_hz for voice in voices], axis=1)
    amplitudes = np.concatenate([voice.amplitudes for voice in voices], axis=1)
    amplitudes = np.maximum(amplitudes - 10 ** (floor_db / 20) * amplitudes.max(), 0.0)
    amplitudes[(frequencies < 20) | (frequencies > 0.45 * SAMPLE_RATE)] = 0.0
    strength = (amplitudes**2).sum(axis=0)
    kept = np.sort(np.argsort(-strength)[:most])
    kept = kept[strength[kept] > 0]
    frequencies, amplitudes = np.ascontiguousarray(frequencies[:, kept]), np.ascontiguousarray(amplitudes[:, kept])
    turn = np.pi * LINE_HOP / SAMPLE_RATE * (frequencies[1:] + frequencies[:-1])
    phases = np.concatenate([np.zeros((1, len(kept))), np.cumsum(turn, axis=0)])
    phases += rng.uniform(0, 2 * np.pi, len(kept))
    audio = _sound(frequencies, amplitudes, phases, samples)
    rows = -(-samples // LINE_HOP)
    times = np.arange(rows) * LINE_HOP / SAMPLE_RATE
    return audio, Lines(times, frequencies[:rows], amplitudes[:rows], phases[:rows])


@njit(cache=True, fastmath=True)
def _sound(frequencies: Floats, amplitudes: Floats, phases: Floats, samples: int) -> NDArray[np.float64]:
    """Oscillators that turn by a factor which itself turns: linear frequency, exact at every row."""
    rows, count = frequencies.shape
    audio = np.zeros((rows - 1) * LINE_HOP)
    state = np.empty((6, count))
    level = np.empty((2, count))
    for row in range(rows - 1):
        used = 0
        for j in range(count):
            if amplitudes[row, j] > 0 or amplitudes[row + 1, j] > 0:
                bend = 2 * np.pi * (frequencies[row + 1, j] - frequencies[row, j]) / (LINE_HOP * SAMPLE_RATE)
                speed = 2 * np.pi * frequencies[row, j] / SAMPLE_RATE + bend / 2
                state[0, used], state[1, used] = np.cos(phases[row, j]), np.sin(phases[row, j])
                state[2, used], state[3, used] = np.cos(speed), np.sin(speed)
                state[4, used], state[5, used] = np.cos(bend), np.sin(bend)
                level[0, used] = amplitudes[row, j]
                level[1, used] = (amplitudes[row + 1, j] - amplitudes[row, j]) / LINE_HOP
                used += 1
        for n in range(LINE_HOP):
            total = 0.0
            for j in range(used):
                total += (level[0, j] + n * level[1, j]) * state[0, j]
                real = state[0, j] * state[2, j] - state[1, j] * state[3, j]
                state[1, j] = state[0, j] * state[3, j] + state[1, j] * state[2, j]
                state[0, j] = real
                real = state[2, j] * state[4, j] - state[3, j] * state[5, j]
                state[3, j] = state[2, j] * state[5, j] + state[3, j] * state[4, j]
                state[2, j] = real
            audio[row * LINE_HOP + n] = total
    return audio[:samples]
