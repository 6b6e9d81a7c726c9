"""Singers made of sines: glides, vibrato that wavers, vowels and breath, each with the curve of its fundamental."""

from __future__ import annotations

import librosa
import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from benchmarks.sharpness.lines import Floats

CURVE_HZ = 200
"""Points a second of every curve."""
SYNTHESIS_HZ = 22050
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (530, 1840, 2480))
"""Middles of the first three formants, Hz (Peterson & Barney 1952)."""
BANDWIDTHS_HZ = (90, 110, 170)
SUNG_HZ = 5000.0
"""Partials above are left out."""


def sung(
    parts: list[list[tuple[float, float, int]]], rng: np.random.Generator, samples: int, rate: int
) -> tuple[Floats, Floats]:
    """The sound of parts of (onset s, offset s, key), a singer each, and their curves (times, parts), MIDI pitch."""
    points = round(samples / rate * CURVE_HZ)
    sound, curves = np.zeros(round(samples / rate * SYNTHESIS_HZ)), []
    for part in parts:
        voice, curve = _singer(part, rng, points, sound.size)
        sound += voice * 10 ** (rng.uniform(-4, 4) / 20)
        curves.append(curve)
    whole = librosa.resample(sound, orig_sr=SYNTHESIS_HZ, target_sr=rate)
    return np.pad(whole, (0, max(0, samples - whole.size)))[:samples], np.stack(curves, axis=1)


def _singer(
    part: list[tuple[float, float, int]], rng: np.random.Generator, points: int, samples: int
) -> tuple[Floats, Floats]:
    times = np.arange(points) / CURVE_HZ
    pitch, level, consonant = np.full(points, np.nan), np.zeros(points), np.zeros(points)
    for onset, offset, key in part:
        inside = (times >= onset) & (times < offset)
        gap_s = rng.uniform(0.03, 0.1) if rng.random() < 0.3 else 0.0
        pitch[inside] = key + rng.normal(0, 0.1)
        level[inside & (times >= onset + gap_s)] = 10 ** (rng.uniform(-8, 0) / 20)
        consonant[inside & (times < onset + gap_s)] = 10 ** (rng.uniform(-30, -12) / 20)
    known = np.flatnonzero(np.isfinite(pitch))
    pitch = np.interp(np.arange(points), known, pitch[known])
    pitch = gaussian_filter1d(pitch, rng.uniform(0.01, 0.035) * CURVE_HZ)
    swing = gaussian_filter1d(rng.standard_normal(points), 20) * rng.uniform(0, 1.2)
    depth = np.clip(rng.uniform(0, 0.5) + swing, 0, 0.8) * (level > 0)
    turn = 2 * np.pi * np.cumsum(rng.uniform(4.8, 6.6) + swing) / CURVE_HZ
    pitch += uniform_filter1d(depth, round(0.25 * CURVE_HZ)) * np.sin(turn)
    pitch += gaussian_filter1d(rng.standard_normal(points), 4) * rng.uniform(0.05, 0.25)
    sounding = level > 0
    level = gaussian_filter1d(level, rng.uniform(0.012, 0.03) * CURVE_HZ)
    level *= 10 ** (gaussian_filter1d(rng.standard_normal(points), 8) * rng.uniform(1, 8) / 20)
    return _voiced(pitch, level, consonant, rng, samples), np.where(sounding, pitch, np.nan)


def _voiced(pitch: Floats, level: Floats, consonant: Floats, rng: np.random.Generator, samples: int) -> Floats:
    """Partials under the formants of vowels that change, and breath."""
    points, size = len(pitch), rng.uniform(0.95, 1.2)
    hz = 440 * 2 ** ((pitch - 69) / 12)
    vowels = rng.integers(len(VOWELS_HZ), size=-(-points // CURVE_HZ) + 1)
    track = np.repeat(np.array(VOWELS_HZ, float)[vowels], CURVE_HZ, axis=0)[:points] * size
    track = gaussian_filter1d(track, 8, axis=0)
    at = np.arange(samples) * (points / samples)
    phase = 2 * np.pi * np.cumsum(np.interp(at, np.arange(points), hz)) / SYNTHESIS_HZ
    tilt, sound = rng.uniform(0.6, 1.6), np.zeros(samples)
    for h in range(1, int(SUNG_HZ / hz.min()) + 1):
        gain = _formants(h * hz, track) * h**-tilt * level * (h * hz < SUNG_HZ)
        sound += np.interp(at, np.arange(points), gain) * np.sin(h * phase + rng.uniform(0, 2 * np.pi))
    sound /= np.std(sound) + 1e-9
    breath = rng.standard_normal(samples) * np.interp(at, np.arange(points), level / (level.max() + 1e-9))
    hiss = rng.standard_normal(samples) * np.interp(at, np.arange(points), consonant)
    return sound + breath * 10 ** (rng.uniform(-45, -25) / 20) + hiss


def _formants(hz: Floats, track_hz: Floats) -> Floats:
    """Sum of resonances, as amplitudes."""
    gain = np.full(len(hz), 0.02)
    for n, (width, share) in enumerate(zip(BANDWIDTHS_HZ, (1.0, 0.6, 0.3), strict=True)):
        gain += share / np.sqrt(1 + ((hz - track_hz[:, n]) / width) ** 2)
    return gain
