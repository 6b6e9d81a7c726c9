"""Training scenes whose lines are exactly known: synthetic kinds, and chords of voices with vibrato.

As annotations are made exact by synthesis from what was analysed (Salamon et al. 2017, "An analysis/synthesis
framework for automatic F0 annotation of multitrack datasets", ISMIR), a scene here is drawn first and sounded then.
What is drawn is neither a family of the benchmark nor has its seeds: ranges are wider, and kinds are mixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.sharpness.lines import Floats, Mixer
from benchmarks.sharpness.signals import Signal, log_uniform
from benchmarks.sharpness.sung import CONSONANT, DURATION_S

SYNTHETIC_STREAM, CHORD_STREAM, BELL_STREAM = 777, 778, 779
"""First words of the seeds: other streams of random numbers than any benchmark's."""

PHASE = 6.3
"""Starting phases of modulations are drawn up to this, a whole turn."""

ALWAYS, NEVER = 1.0, 0.0

HELD_S = 1e9
"""Decay, in seconds, of notes that are held."""

Kind = Callable[[np.random.Generator, Mixer], None]


def synthetic(seed: int) -> tuple[str, Signal]:
    """A scene of one of `KINDS`, 1.25 s: its kind; (audio float32 at 44.1 kHz, its true lines).

    >>> kind, (audio, lines) = synthetic(0)
    >>> kind in KINDS, audio.shape, audio.dtype.name
    (True, (55125,), 'float32')
    """
    rng = np.random.default_rng([SYNTHETIC_STREAM, seed])
    kind = str(rng.choice(list(KINDS), p=[share for share, _ in KINDS.values()]))
    mixer = Mixer(DURATION_S, rng)
    snr_db = rng.uniform(26, 45) if rng.random() < 0.6 else rng.uniform(8, 26)
    if kind == "steady":
        snr_db = rng.uniform(8, 42)
    KINDS[kind][1](rng, mixer)
    return kind, mixer.finish(snr_db)


def chord(seed: int) -> Signal:
    """Two to four voices at consonant intervals, just or a little off, most with a vibrato that sets in."""
    rng = np.random.default_rng([CHORD_STREAM, seed])
    mixer = Mixer(DURATION_S, rng)
    count = int(rng.integers(2, 5))
    root_hz = log_uniform(rng, 110, 330)
    intervals = [0, *np.sort(rng.choice(CONSONANT, count - 1, replace=False))]
    just, alike = rng.random() < 0.3, rng.random() < 0.3
    partials, roll_off = int(rng.integers(4, 14)), rng.uniform(0, 1.4)
    octave = 2 if root_hz < 150 else 1
    for interval in intervals:
        tempered_hz = root_hz * 2 ** ((interval + (0 if just else rng.normal(0, 0.04))) / 12) * octave
        f0_hz, envelope = _singer(rng, mixer.times_s, tempered_hz)
        own = partials if alike else int(rng.integers(4, 14))
        for h in range(1, own + 1):
            mixer.add(h * f0_hz, envelope / h ** (roll_off if alike else rng.uniform(0, 1.5)))
    return mixer.finish(rng.uniform(22, 42))


def bell(seed: int) -> Signal:
    """Three to nine tones that are no harmonics of anything, held or dying away: what voices must not be found in."""
    rng = np.random.default_rng([BELL_STREAM, seed])
    mixer = Mixer(DURATION_S, rng)
    dies, begin_s = rng.random() < 0.5, rng.uniform(0, 0.3)
    for _ in range(rng.integers(3, 10)):
        envelope = rng.uniform(0.1, 1) * _gate(mixer.times_s, begin_s, 10.0, 0.004, 0.01)
        if dies:
            envelope = envelope * np.exp(-np.maximum(mixer.times_s - begin_s, 0) / log_uniform(rng, 0.1, 2))
        mixer.add(log_uniform(rng, 155, 3600), envelope)
    return mixer.finish(rng.uniform(12, 42))


def _singer(rng: np.random.Generator, times_s: Floats, f0_hz: float) -> tuple[Floats, Floats]:
    """A fundamental whose vibrato sets in, Hz, and an envelope that may begin or end within the scene."""
    cents, rate_hz = rng.uniform(5, 90), rng.uniform(4, 7.5)
    onset_s = rng.uniform(0, 0.3) if rng.random() < 0.5 else 0
    curve = np.full_like(times_s, f0_hz)
    if rng.random() < 0.85:
        depth = np.minimum((times_s - onset_s).clip(0) / 0.15, 1)
        curve = f0_hz * 2 ** (cents / 1200 * depth * np.sin(2 * np.pi * rate_hz * times_s + rng.uniform(0, PHASE)))
    envelope = rng.uniform(0.4, 1) * _tremolo(rng, times_s, 0.3)
    if rng.random() < 0.35:
        begin_s, end_s = rng.uniform(-0.1, 0.5), rng.uniform(0.7, 1.4)
        rise_s, fall_s = log_uniform(rng, 0.004, 0.04), log_uniform(rng, 0.004, 0.08)
        envelope = envelope * _gate(times_s, begin_s, end_s, rise_s, fall_s)
    return curve, envelope


def _gate(times_s: Floats, begin_s: float, end_s: float, rise_s: float, fall_s: float) -> Floats:
    """1 between begin and end, 0 outside, with raised-cosine flanks that lie inside the two."""
    rise = 1 - np.cos(np.pi * np.clip((times_s - begin_s) / rise_s, 0, 1))
    fall = 1 - np.cos(np.pi * np.clip((end_s - times_s) / fall_s, 0, 1))
    return np.asarray(0.25 * rise * fall)


def _tremolo(rng: np.random.Generator, times_s: Floats, chance: float) -> Floats:
    """``1 + d sin(2πkt + φ)`` with d of 0.15 to 0.95 and k of 2 to 9 Hz, or, beyond its chance, 1."""
    if rng.random() > chance:
        return np.ones_like(times_s)
    depth, rate_hz = rng.uniform(0.15, 0.95), rng.uniform(2, 9)
    return np.asarray(1 + depth * np.sin(2 * np.pi * rate_hz * times_s + rng.uniform(0, PHASE)))


def _vibrato(rng: np.random.Generator, times_s: Floats, f0_hz: float, chance: float) -> Floats:
    """``f 2^(c/1200 sin(2πkt + φ))`` with c of 10 to 100 cents and k of 3 to 8 Hz, or, beyond its chance, f."""
    if rng.random() > chance:
        return np.full_like(times_s, f0_hz)
    cents, rate_hz = rng.uniform(10, 100), rng.uniform(3, 8)
    return np.asarray(f0_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * times_s + rng.uniform(0, PHASE))))


def _harmonics(mixer: Mixer, f0_hz: Floats, count: int, envelope: Floats, roll_off: float) -> None:
    for h in range(1, count + 1):
        mixer.add(h * f0_hz, envelope / h**roll_off)


def _steady(rng: np.random.Generator, mixer: Mixer) -> None:
    """Tones that stay as they are, alone or with a neighbour 5 to 55 Hz higher."""
    count = int(rng.integers(1, 5)) if rng.random() < 0.6 else 1
    paired = 0.35 if count > 1 else ALWAYS
    for _ in range(count):
        hz, amplitude = log_uniform(rng, 155, 3000), rng.uniform(0.3, 1)
        mixer.add(hz, amplitude)
        if rng.random() < paired:
            above_hz = hz + rng.uniform(5, 55)
            mixer.add(above_hz, amplitude * rng.uniform(0.5, 1.0) ** float(rng.choice([-1, 1])))


def _voices(rng: np.random.Generator, mixer: Mixer) -> None:
    """One to four harmonic voices, nearly all with vibrato."""
    for _ in range(rng.integers(1, 5)):
        f0_hz = _vibrato(rng, mixer.times_s, log_uniform(rng, 150, 520), 0.9)
        count = int(rng.integers(3, 14))
        envelope = rng.uniform(0.4, 1) * _tremolo(rng, mixer.times_s, 0.25)
        _harmonics(mixer, f0_hz, count, envelope, rng.uniform(0.4, 1.6))


def _chirps(rng: np.random.Generator, mixer: Mixer) -> None:
    """One to three tones that glide all the time, linearly or exponentially."""
    lowest_hz = log_uniform(rng, 200, 1000)
    position = mixer.times_s / DURATION_S
    for _ in range(rng.integers(1, 4)):
        first_hz, last_hz = lowest_hz * 2 ** rng.uniform(0, 1.6), lowest_hz * 2 ** rng.uniform(0, 1.6)
        exponential = rng.random() < 0.5
        curve = (
            first_hz * (last_hz / first_hz) ** position if exponential else first_hz + (last_hz - first_hz) * position
        )
        mixer.add(curve, rng.uniform(0.4, 1) * _tremolo(rng, mixer.times_s, 0.15))


def _notes(rng: np.random.Generator, mixer: Mixer) -> None:
    """One to three parts of notes, held or decaying, one after another or with rests."""
    for _ in range(rng.integers(1, 4)):
        count, roll_off, now_s = int(rng.integers(1, 9)), rng.uniform(0.4, 1.6), rng.uniform(0, 0.1)
        rise_s, fall_s = log_uniform(rng, 0.003, 0.02), log_uniform(rng, 0.003, 0.02)
        even, even_s = rng.random() < 0.4, rng.uniform(0.06, 0.4)
        decay_s = rng.uniform(0.1, 1.0) if rng.random() < 0.3 else HELD_S
        vibrato = ALWAYS if rng.random() < 0.2 else NEVER
        while now_s < DURATION_S - 0.08:
            length_s = even_s if even else rng.uniform(0.07, 0.35)
            key = rng.integers(49, 82) + (0 if rng.random() < 0.7 else rng.uniform(-0.5, 0.5))
            f0_hz = _vibrato(rng, mixer.times_s, 440 * 2 ** ((key - 69) / 12), vibrato)
            sounds = _gate(mixer.times_s, now_s, min(now_s + length_s, DURATION_S), rise_s, fall_s)
            envelope = rng.uniform(0.4, 1) * sounds * np.exp(-np.maximum(mixer.times_s - now_s, 0) / decay_s)
            _harmonics(mixer, f0_hz, count, envelope, roll_off)
            now_s += length_s + (rng.uniform(0.01, 0.1) if not even and rng.random() < 0.35 else 0)


def _swelling_tones(rng: np.random.Generator, mixer: Mixer) -> None:
    """Single tones, far enough apart, nearly all with tremolo."""
    chosen: list[float] = []
    while len(chosen) < rng.integers(1, 6):
        hz = log_uniform(rng, 155, 3200)
        if all(abs(hz - other) > max(45, 0.08 * other) for other in chosen):
            chosen.append(hz)
    for hz in chosen:
        mixer.add(hz, rng.uniform(0.4, 1) * _tremolo(rng, mixer.times_s, 0.95))


def _plucked(rng: np.random.Generator, mixer: Mixer) -> None:
    """One to three plucked strings: ``f_h = h f_0 √(1 + B h²)``, the higher the faster gone."""
    for _ in range(rng.integers(1, 4)):
        onset_s, f0_hz = rng.uniform(0.05, 0.9), log_uniform(rng, 150, 520)
        stiffness, decay_s = 10 ** rng.uniform(-5, -3), rng.uniform(0.1, 0.7)
        age_s = np.maximum(mixer.times_s - onset_s, 0)
        attack = _gate(mixer.times_s, onset_s, 10.0, log_uniform(rng, 0.002, 0.01), 0.01)
        for h in range(1, int(rng.integers(4, 13))):
            level = rng.uniform(0.4, 1) / h
            mixer.add(
                h * f0_hz * np.sqrt(1 + stiffness * h * h),
                level * attack * np.exp(-age_s * (1 + 0.3 * (h - 1)) / decay_s),
            )


def _glides(rng: np.random.Generator, mixer: Mixer) -> None:
    """One or two parts of notes that are held, glide by up to 13 semitones, and are held."""
    for _ in range(rng.integers(1, 3)):
        onset_s, count = rng.uniform(0, 0.1), int(rng.integers(1, 6))
        while onset_s < DURATION_S - 0.1:
            held_s, glide_s, rest_s = rng.uniform(0.05, 0.2), rng.uniform(0.04, 0.3), rng.uniform(0.05, 0.2)
            position = np.clip((mixer.times_s - onset_s - held_s) / glide_s, 0, 1)
            end_s = min(onset_s + held_s + glide_s + rest_s, DURATION_S)
            first_hz, semitones = log_uniform(rng, 220, 750), rng.uniform(-13, 13)
            f0_hz = first_hz * 2 ** (semitones * 0.5 * (1 - np.cos(np.pi * position)) / 12)
            envelope = rng.uniform(0.4, 1) * _gate(mixer.times_s, onset_s, end_s, 0.005, 0.005)
            _harmonics(mixer, f0_hz, count, envelope, rng.uniform(0.6, 1.4))
            onset_s = end_s + rng.uniform(0, 0.08)


KINDS: dict[str, tuple[float, Kind]] = {
    "steady": (0.22, _steady),
    "voices": (0.22, _voices),
    "chirps": (0.11, _chirps),
    "notes": (0.2, _notes),
    "amtones": (0.1, _swelling_tones),
    "pluck": (0.05, _plucked),
    "glides": (0.1, _glides),
}
"""Kind -> its share of the synthetic scenes, and what adds its lines to a mixer."""
