"""Families of test signals, drawn from a seed: a new seed is a new test."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness.lines import SAMPLE_RATE, Floats, Lines, Mixer

Signal = tuple[NDArray[np.float32], Lines]
Family = Callable[[np.random.Generator], Signal]

FADE_S = 0.005
"""Length of the raised-cosine flanks of a note, in seconds."""


def draw(family: str, seed: int) -> Signal:
    """The signal of a family for a seed: (audio float32 at 44.1 kHz, its true lines)."""
    if family not in FAMILIES:
        raise ValueError(f"expected one of {', '.join(FAMILIES)}; received {family!r}")
    # Families that differ in one number share their draws: noisy_40 and noisy_10 hold the same tones.
    kind = family.rstrip("_0123456789")
    return FAMILIES[family](np.random.default_rng([zlib.crc32(kind.encode()), seed]))


def gate(times_s: Floats, onset_s: float, offset_s: float, fade_s: float = FADE_S) -> Floats:
    """1 between onset and offset, 0 outside, with raised-cosine flanks that lie inside the two."""
    rise = np.clip((times_s - onset_s) / fade_s, 0, 1)
    fall = np.clip((offset_s - times_s) / fade_s, 0, 1)
    return np.asarray(0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall)))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high, uniform on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _harmonics(mixer: Mixer, f0_hz: Floats, count: int, envelope: Floats | float, rolloff: float = 1.0) -> None:
    for h in range(1, count + 1):
        mixer.add(h * f0_hz, np.asarray(envelope) / h**rolloff)


def _wobble(times_s: Floats, f0_hz: float, cents: float, rate_hz: float, phase: float) -> Floats:
    return np.asarray(f0_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * times_s + phase)))


def two_tones_fixed(rng: np.random.Generator, spacing_hz: float) -> Signal:
    """440 Hz and 440 Hz + spacing, equally strong."""
    mixer = Mixer(1.5, rng)
    mixer.add(440.0, 1.0)
    mixer.add(440.0 + spacing_hz, 1.0)
    return mixer.finish()


def two_tones(rng: np.random.Generator) -> Signal:
    """Two tones about a centre of 150–2000 Hz, 5–50 Hz apart, up to 6 dB different."""
    mixer = Mixer(1.5, rng)
    spacing = rng.uniform(5, 50)
    # The lower tone stays on the comparison grid, which begins at 150 Hz.
    centre = max(log_uniform(rng, 150, 2000), 155 + spacing / 2)
    levels = rng.permutation([1.0, 10 ** (-rng.uniform(0, 6) / 20)])
    mixer.add(centre - spacing / 2, float(levels[0]))
    mixer.add(centre + spacing / 2, float(levels[1]))
    return mixer.finish()


def vibrato_design(rng: np.random.Generator) -> Signal:
    """Three voices of 10 harmonics at 220, 277 and 330 Hz, vibrato of 40 cents at 5.5 Hz."""
    mixer = Mixer(1.5, rng)
    for f0_hz in (220.0, 277.0, 330.0):
        phase = rng.uniform(0, 2 * np.pi)
        _harmonics(mixer, _wobble(mixer.times_s, f0_hz, 40, 5.5, phase), 10, 1.0)
    return mixer.finish()


def vibrato(rng: np.random.Generator) -> Signal:
    """2–4 voices of 5–12 harmonics, vibrato of 20–80 cents at 4–7 Hz."""
    mixer = Mixer(1.5, rng)
    for _ in range(rng.integers(2, 5)):
        f0_hz = log_uniform(rng, 155, 500)
        f0 = _wobble(mixer.times_s, f0_hz, rng.uniform(20, 80), rng.uniform(4, 7), rng.uniform(0, 2 * np.pi))
        _harmonics(mixer, f0, int(rng.integers(5, 13)), rng.uniform(0.5, 1), rng.uniform(0.5, 1.5))
    return mixer.finish()


def chirps_design(rng: np.random.Generator) -> Signal:
    """Two crossing linear chirps, 300 to 800 Hz and back, in 1.5 s."""
    mixer = Mixer(1.5, rng)
    sweep = 500 * mixer.times_s / 1.5
    mixer.add(300 + sweep, 1.0)
    mixer.add(800 - sweep, 1.0)
    return mixer.finish()


def chirps(rng: np.random.Generator, exponential: bool) -> Signal:
    """Two crossing chirps between random ends, 0.5–1.5 octaves apart."""
    mixer = Mixer(rng.uniform(1.2, 1.8), rng)
    position = mixer.times_s / mixer.times_s[-1]
    low = log_uniform(rng, 200, 1000)
    for start, end in ((0.0, rng.uniform(0.5, 1.5)), (rng.uniform(0.5, 1.5), 0.0)):
        first, last = low * 2**start, low * 2**end
        curve = first * (last / first) ** position if exponential else first + (last - first) * position
        mixer.add(curve, rng.uniform(0.5, 1))
    return mixer.finish()


def notes_design(rng: np.random.Generator) -> Signal:
    """Two voices of 6 harmonics, a new pair of notes every 200 ms."""
    mixer = Mixer(1.6, rng)
    for start in np.arange(8) * 0.2:
        for pitch in rng.choice(np.arange(48, 73), 2, replace=False):
            f0 = np.full(mixer.samples, 440 * 2 ** ((pitch - 69) / 12))
            _harmonics(mixer, f0, 6, gate(mixer.times_s, start, start + 0.2))
    return mixer.finish()


def notes(rng: np.random.Generator) -> Signal:
    """1–3 voices, notes of 80–300 ms with pauses now and then, 3–8 harmonics."""
    mixer = Mixer(1.8, rng)
    for _ in range(rng.integers(1, 4)):
        harmonics, rolloff = int(rng.integers(3, 9)), rng.uniform(0.5, 1.5)
        for onset, offset in _note_times(rng, 1.8):
            f0 = np.full(mixer.samples, 440 * 2 ** ((rng.integers(51, 80) - 69) / 12))
            _harmonics(mixer, f0, harmonics, rng.uniform(0.4, 1) * gate(mixer.times_s, onset, offset), rolloff)
    return mixer.finish()


def _note_times(rng: np.random.Generator, end_s: float) -> Iterator[tuple[float, float]]:
    now = rng.uniform(0, 0.1)
    while now < end_s - 0.1:
        offset = now + rng.uniform(0.08, 0.3)
        yield now, min(offset, end_s)
        now = offset + (rng.uniform(0.02, 0.1) if rng.random() < 0.3 else 0.0)


def tremolo(rng: np.random.Generator) -> Signal:
    """2–4 steady tones whose amplitudes swing by 30–90 % at 3–8 Hz."""
    mixer = Mixer(1.5, rng)
    for frequency in _spread(rng, int(rng.integers(2, 5)), 160, 3000):
        swing = np.sin(2 * np.pi * rng.uniform(3, 8) * mixer.times_s + rng.uniform(0, 2 * np.pi))
        mixer.add(frequency, rng.uniform(0.5, 1) * (1 + rng.uniform(0.3, 0.9) * swing))
    return mixer.finish()


def noisy(rng: np.random.Generator, snr_db: float) -> Signal:
    """3–5 steady tones under white noise of a given level."""
    mixer = Mixer(1.5, rng)
    for frequency in _spread(rng, int(rng.integers(3, 6)), 160, 3000):
        mixer.add(frequency, rng.uniform(0.5, 1))
    return mixer.finish(snr_db)


def _spread(rng: np.random.Generator, count: int, low: float, high: float) -> list[float]:
    """Random frequencies at least 60 Hz and two semitones apart: how close tones may be is another family's test."""
    found: list[float] = []
    while len(found) < count:
        candidate = log_uniform(rng, low, high)
        if all(abs(candidate - f) > max(60.0, 0.12 * f) for f in found):
            found.append(candidate)
    return found


def pluck(rng: np.random.Generator) -> Signal:
    """A plucked string or two: stretched partials h·f0·sqrt(1+B·h²), the higher the faster they decay."""
    mixer = Mixer(1.8, rng)
    for onset in (rng.uniform(0.2, 0.3), rng.uniform(0.7, 1.1)):
        f0, stretch = log_uniform(rng, 155, 500), 10 ** rng.uniform(-4, -3)
        decay_s, age = rng.uniform(0.15, 0.5), np.maximum(mixer.times_s - onset, 0)
        attack = gate(mixer.times_s, onset, 10.0, 0.002)
        for h in range(1, int(rng.integers(6, 13))):
            level = rng.uniform(0.5, 1) / h
            envelope = level * attack * np.exp(-age * (1 + 0.3 * (h - 1)) / decay_s)
            mixer.add(h * f0 * float(np.sqrt(1 + stretch * h**2)), envelope)
    return mixer.finish()


def glides(rng: np.random.Generator) -> Signal:
    """1–2 voices that start, hold, glide to another pitch within 60–200 ms, hold, and stop; again and again."""
    mixer = Mixer(1.8, rng)
    for _ in range(rng.integers(1, 3)):
        onset = rng.uniform(0, 0.1)
        while onset < 1.6:
            hold, glide, rest = rng.uniform(0.08, 0.2), rng.uniform(0.06, 0.2), rng.uniform(0.08, 0.2)
            position = np.clip((mixer.times_s - onset - hold) / glide, 0, 1)
            semitones = rng.uniform(-12, 12) * 0.5 * (1 - np.cos(np.pi * position))
            f0 = log_uniform(rng, 250, 700) * 2 ** (semitones / 12)
            offset = min(onset + hold + glide + rest, 1.8)
            _harmonics(mixer, f0, 4, rng.uniform(0.5, 1) * gate(mixer.times_s, onset, offset))
            onset = offset + rng.uniform(0.0, 0.08)
    return mixer.finish()


FAMILIES: dict[str, Family] = {
    "two_tones_10": partial(two_tones_fixed, spacing_hz=10.0),
    "two_tones_20": partial(two_tones_fixed, spacing_hz=20.0),
    "two_tones": two_tones,
    "vibrato_design": vibrato_design,
    "vibrato": vibrato,
    "chirps_design": chirps_design,
    "chirps_linear": partial(chirps, exponential=False),
    "chirps_exponential": partial(chirps, exponential=True),
    "notes_design": notes_design,
    "notes": notes,
    "tremolo": tremolo,
    "noisy_40": partial(noisy, snr_db=40.0),
    "noisy_20": partial(noisy, snr_db=20.0),
    "noisy_10": partial(noisy, snr_db=10.0),
    "pluck": pluck,
    "glides": glides,
}
"""Name of a family -> its generator; each takes a random generator and returns (audio, lines)."""

__all__ = ["FAMILIES", "SAMPLE_RATE", "Family", "Lines", "Signal", "draw"]
