"""Pieces of notes and drums, drawn at random: those that the readout of tonal and transient shares is fitted to.

What plays them is of Debian's packages; none of it plays the mixtures of `benchmarks.separation.unseen`.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
from scipy.signal import fftconvolve

from .instruments import DRUMKITS, RATE, SOUNDFONTS, TICKS_PER_S, Audio, Event, Strike, played, struck

SECONDS = 5.0
PIECES = 140
FIRST_BOOMING = 100
"""From this piece on low drums are struck besides, whose tone lasts: `booms`."""

FLUID, MUSESCORE = SOUNDFONTS / "sf2/FluidR3_GM.sf2", SOUNDFONTS / "sf3/MuseScore_General.sf3"
OPL3, CSOUND = SOUNDFONTS / "sf2/OPL-3_FM_128M.sf2", SOUNDFONTS / "sf2/sf_GMbank.sf2"
INSTRUMENTS = FLUID, MUSESCORE, OPL3, CSOUND
KITS: tuple[Path | tuple[Path, int], ...] = (
    *((font, kit) for font in (FLUID, MUSESCORE) for kit in (0, 8, 16, 25, 40)),
    (OPL3, 0), (CSOUND, 0),
    *(DRUMKITS / name for name in (
        "Audiophob", "BJA_Pacific", "ColomboAcousticDrumkit", "ElectricEmpireKit", "Gimme A Hand 1.0", "HardElectro1",
        "VariBreaks", "circAfrique v4",
    )),
)  # fmt: skip

BASSES = (*range(32, 40), 0, 43, 58)
PLUCKED = (0, 1, 4, 6, 7, *range(8, 16), *range(24, 32), 45, 46, 104, 105, 106, 107, 108)
HELD = (16, 17, 19, 20, 21, 22, *range(40, 45), 48, 49, 52, 53, 54, *range(56, 80), 81, 88, 89, 91)
"""General MIDI's instruments: low ones, those whose notes fade, and those whose notes last."""

MAJOR = (0, 2, 4, 5, 7, 9, 11)
REGISTERS = ((28, 50, 0.5), (48, 67, 0.6), (55, 79, 0.3), (64, 88, 0.25))
"""Lowest key, highest key and a note's length, s, of bass, chords and two tunes."""

DRUMS_DB = -9.0, 9.0
"""Drums against the rest."""


def pieces(first: int, past: int) -> Iterator[tuple[Audio, int]]:
    """(tonal, drums, noise) (3, samples) of each piece from first on, and its sample rate: every fifth is at 16 kHz."""
    for i in range(first, past):
        rng = np.random.default_rng(100 + i)
        tonal = coloured(rng, played(melodies(rng, SECONDS), INSTRUMENTS[i % len(INSTRUMENTS)], SECONDS))
        strikes = drum_pattern(rng, SECONDS)
        drums = struck(strikes, KITS[rng.integers(len(KITS))], SECONDS)
        if i >= FIRST_BOOMING:
            drums = drums / (drums.std() + 1e-9) + booms(rng, strikes, drums.size) * 10 ** (rng.uniform(-6, 9) / 20)
        drums = coloured(rng, drums)
        drums *= 10 ** (rng.uniform(*DRUMS_DB) / 20)
        noise = noise_of(rng, tonal.size) * 10 ** (rng.uniform(-60, -20) / 20)
        sources, rate = np.array([tonal, drums, noise]), 16000 if i % 5 == 4 else RATE
        sources = librosa.resample(sources, orig_sr=RATE, target_sr=rate)
        yield sources * 10 ** (rng.uniform(-30, -10) / 20), rate


def melodies(rng: np.random.Generator, seconds: float, programs: tuple[int, ...] | None = None) -> list[Event]:
    """One to four parts in a key; the programs of all of them, bass first, or drawn at random."""
    if programs is None:
        among = (BASSES, *(PLUCKED if rng.random() < 0.6 else HELD for _ in REGISTERS[1:]))
        drawn = [int(rng.choice(of)) for of in among]
        silent = rng.random(len(drawn)) < 0.4
        silent[rng.integers(len(drawn))] = False
        programs = tuple(-1 if out else program for out, program in zip(silent, drawn, strict=True))
    events: list[Event] = []
    key, pace, tied = rng.integers(12), rng.uniform(0.7, 1.6), rng.uniform(0.5, 1.05)
    for channel, (program, (low, high, length_s)) in enumerate(zip(programs, REGISTERS, strict=True)):
        if program < 0:
            continue
        events.append((0, (0xC0 | channel, program)))
        voices = int(rng.integers(1, 4)) if channel == 1 else 1
        loud, time_s = rng.integers(55, 110), rng.random() * 0.3
        while time_s < seconds:
            held_s = pace * length_s * rng.choice([0.5, 1, 1, 2]) * rng.uniform(0.95, 1.05)
            if rng.random() < 0.85:
                scale = [pitch for pitch in range(low, high) if (pitch - key) % 12 in MAJOR]
                for pitch in rng.choice(scale, voices, replace=False):
                    strength = int(np.clip(loud + rng.integers(-15, 16), 20, 127))
                    events.append((int(time_s * TICKS_PER_S), (0x90 | channel, int(pitch), strength)))
                    events.append((int((time_s + tied * held_s) * TICKS_PER_S), (0x80 | channel, int(pitch), 0)))
            time_s += held_s
    return events


def drum_pattern(rng: np.random.Generator, seconds: float) -> list[Strike]:
    """Kick and snare in turn, a hi-hat or a cymbal between, now and then a tom."""
    beat_s, swing_s = rng.uniform(0.11, 0.3), rng.uniform(0.001, 0.008)
    likely = {
        "kick": rng.uniform(0.02, 0.3), "snare": rng.uniform(0.0, 0.15), "hat": rng.choice([0.0, 0.4, 0.8, 0.9]),
        "tom": rng.choice([0.0, 0.05, 0.3]), "cymbal": rng.choice([0.02, 0.05, 0.4]),
    }  # fmt: skip
    which = {kind: int(rng.integers(12)) for kind in likely}
    strikes = []
    for i in range(int(seconds / beat_s)):
        time_s = max(i * beat_s + rng.normal() * swing_s, 0.0)
        for kind, chance in likely.items():
            due = (kind == "kick" and i % 4 == 0) or (kind == "snare" and i % 4 == 2)
            if (due and rng.random() < 0.9) or rng.random() < chance:
                other = int(rng.integers(12)) if kind in ("hat", "tom", "cymbal") else which[kind]
                strikes.append(Strike(time_s, kind, other, float(rng.uniform(0.45, 1.0))))
    return strikes


def booms(rng: np.random.Generator, strikes: list[Strike], samples: int) -> Audio:
    """Sines of 38 to 75 Hz, unit variance: each kick begins one and ends the last, which fades at once or hardly does.

    As of a tuned drum machine: the pitch falls to its own within some 30 ms, and is the same at every stroke.
    """
    hz, fall, fall_s = rng.uniform(38, 75), rng.uniform(0.0, 1.5), rng.uniform(0.005, 0.04)
    fade_s, attack_s = np.exp(rng.uniform(np.log(0.1), np.log(4.0))), rng.uniform(0.001, 0.006)
    sound = np.zeros(samples)
    firsts = sorted({0, *(round(strike.time_s * RATE) for strike in strikes if strike.kind == "kick")})
    for first, past in pairwise([first for first in firsts if first < samples] + [samples]):
        time_s = np.arange(past - first) / RATE
        turns = hz * (time_s + fall * fall_s * -np.expm1(-time_s / fall_s))
        level = -np.expm1(-time_s / attack_s) * np.exp(-time_s / fade_s) * rng.uniform(0.6, 1.0)
        sound[first:past] = level * np.sin(2 * np.pi * turns)
    return np.asarray(sound / sound.std())


def coloured(rng: np.random.Generator, sound: Audio) -> Audio:
    """Of unit variance, through a filter that tilts at random; one in three in a room."""
    spectrum = np.fft.rfft(sound)
    spectrum *= (np.fft.rfftfreq(sound.size, 1 / RATE) + 50) ** rng.uniform(-0.35, 0.35)
    heard = np.fft.irfft(spectrum, sound.size)
    if rng.random() < 1 / 3:
        time_s = np.arange(round(0.6 * RATE)) / RATE
        room = rng.standard_normal(time_s.size) * np.exp(-time_s / rng.uniform(0.03, 0.15))
        room /= np.linalg.norm(room)
        heard = heard + rng.uniform(0.1, 0.5) * fftconvolve(heard, room)[: heard.size]
    return np.asarray(heard / (heard.std() + 1e-9))


def noise_of(rng: np.random.Generator, samples: int) -> Audio:
    """Noise of a slope drawn at random, unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= (np.fft.rfftfreq(samples, 1 / RATE) + 20) ** rng.uniform(-1.0, 0.2)
    noise = np.fft.irfft(spectrum, samples)
    return np.asarray(noise / noise.std())
