"""Pieces made of sines, whose notes are known: tones beyond the range, chords, struck strings, modulated tones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.separation.training_pieces import noise_of
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.peers import hz_of
from benchmarks.transcription.pieces import RATES_HZ, SECONDS, Piece, apart, chorale, full_hands, keyboard, line


def beyond(count: int, seed: int) -> Iterator[Piece]:
    """Tones below and above the pitches that are told, one after another: strings too low and whistles."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        rate, now, rows = RATES_HZ[number % len(RATES_HZ)], 0.1, []
        sound = noise_of(rng, round(SECONDS * rate)) * 10 ** (rng.uniform(-80, -40) / 20)
        while now < SECONDS:
            held = float(rng.uniform(0.3, 1.0))
            key = int(rng.integers(21, 33) if rng.random() < 0.7 else rng.integers(84, 109))
            _add_tone(sound, rate, now, held, key, rng)
            rows.append((now, now + held, key))
            now += held + float(rng.uniform(0.0, 0.3))
        yield Piece("beyond", (0.05 * sound / np.std(sound)).astype(np.float32), float(rate), np.array(rows))


def chords(count: int, seed: int) -> Iterator[Piece]:
    """Chords of up to four harmonic tones that begin and end together, octaves and twelfths often among them."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, 1])
        rate, now, rows = RATES_HZ[number % len(RATES_HZ)], 0.1, []
        sound = noise_of(rng, round(SECONDS * rate)) * 10 ** (rng.uniform(-80, -40) / 20)
        while now < SECONDS:
            held, low = float(rng.uniform(0.3, 1.2)), int(rng.integers(36, 65))
            above = rng.choice([3, 4, 5, 7, 9, 12, 12, 16, 19], size=int(rng.integers(0, 4)), replace=False)
            for key in np.unique([low, *(low + above)]):
                _add_tone(sound, rate, now, held, int(key), rng)
                rows.append((now, now + held, int(key)))
            now += held + float(rng.uniform(0.0, 0.3))
        yield Piece("chords", (0.05 * sound / np.std(sound)).astype(np.float32), float(rate), np.array(rows))


def strings(count: int, seed: int) -> Iterator[Piece]:
    """One to four strings made of sines, octaves and twelfths often among them, each struck in its own time."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, 2])
        rate, rows = RATES_HZ[number % len(RATES_HZ)], []
        sound = noise_of(rng, round(SECONDS * rate)) * 10 ** (rng.uniform(-80, -35) / 20)
        low = int(rng.integers(33, 70))
        above = rng.choice([3, 4, 5, 6, 7, 9, 12, 12, 16, 19, 24], size=int(rng.integers(0, 4)), replace=False)
        for key in np.unique([low, *(low + above)]).tolist():
            longest_s, decay, slope = rng.uniform(0.25, 1.5), rng.uniform(0, 10), rng.uniform(0.5, 1.5)
            attack_s, now = rng.uniform(0.001, 0.03), float(rng.uniform(0.1, 0.6))
            phase, loud_db = rng.uniform(0, 2 * np.pi, 40), rng.uniform(-12, 0)
            while now < SECONDS:
                held = float(rng.uniform(0.12, longest_s))
                rings = held if rng.random() < 0.7 else held * float(rng.uniform(0.3, 0.9))
                t = np.arange(round(now * rate), min(round((now + rings) * rate), sound.size)) / rate - now
                edges = np.clip(np.minimum(t / attack_s, (rings - t) / 0.01), 0, 1)
                envelope = edges * np.exp(-decay * t)
                envelope *= 10 ** ((loud_db + rng.uniform(-4, 4)) / 20)
                h = np.arange(1, 1 + min(40, int(0.45 * rate / hz_of(key))))[:, None]
                partials = h**-slope * np.cos(2 * np.pi * h * hz_of(key) * t + phase[: len(h), None])
                sound[round(now * rate) :][: t.size] += envelope * partials.sum(axis=0)
                rows.append((now, now + rings, key))
                now += held
        yield Piece("strings", (0.05 * sound / np.std(sound)).astype(np.float32), float(rate), np.array(rows))


def modulated(count: int, seed: int) -> Iterator[Piece]:
    """Lines, chorales and keyboards of frequency modulation by two operators, ``cos(φ + I(t) sin(r φ))``.

    With a ratio r of 4 and a small I the third and the fifth harmonic stand out, as in the sound of cheap chips.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number, 3])
        rate = RATES_HZ[number % len(RATES_HZ)]
        notes = apart((line, keyboard, line, chorale, full_hands)[number % 5](rng))
        sound = noise_of(rng, round(SECONDS * rate)) * 10 ** (rng.uniform(-80, -30) / 20)
        ratio, index = int(rng.integers(1, 8)), np.exp(rng.uniform(np.log(0.2), np.log(4.0)))
        dims, decay, sustained = rng.uniform(0, 6), rng.uniform(0, 5), rng.random() < 0.5
        attack_s, feedback = rng.uniform(0.002, 0.04), rng.uniform(0, 0.8) * (rng.random() < 0.5)
        for onset_s, offset_s, key, velocity, _ in notes:
            first = round(max(onset_s, 0) * rate)
            t = np.arange(max(0, min(round((offset_s + 0.05) * rate), sound.size) - first)) / rate
            held = offset_s - onset_s
            envelope = np.clip(np.minimum(t / attack_s, 1 - (t - held) / 0.05), 0, 1)
            envelope *= (velocity / 100) ** 2 * (1 if sustained else np.exp(-decay * t))
            phase = 2 * np.pi * hz_of(key) * t
            # No modulation so deep that it folds back at half the sample rate.
            deep = min(index, max(0.0, (0.45 * rate / hz_of(key) - 1) / ratio - 1)) * np.exp(-dims * t)
            modulator = np.sin(ratio * phase + feedback * np.sin(ratio * phase))
            sound[first : first + t.size] += envelope * np.cos(phase + deep * modulator)
        rows = np.array([(max(on, 0), off, key) for on, off, key, *_ in notes if on < SECONDS])
        yield Piece("modulated", (0.05 * sound / np.std(sound)).astype(np.float32), float(rate), rows)


def _add_tone(sound: Floats, rate: int, at_s: float, held_s: float, key: int, rng: np.random.Generator) -> None:
    """Partials of random phases under one slope, the tone dying away or not."""
    hz, slope = hz_of(key), rng.uniform(0.3, 1.6)
    phase, decay = rng.uniform(0, 2 * np.pi, 40), rng.uniform(0, 3)
    t = np.arange(sound.size) / rate
    inside = (t >= at_s) & (t < at_s + held_s)
    own = t[inside] - at_s
    for h in range(1, 1 + min(40, int(0.45 * rate / hz))):
        sound[inside] += h**-slope * np.cos(2 * np.pi * h * hz * own + phase[h - 1]) * np.exp(-decay * own)
