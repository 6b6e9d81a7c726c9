"""Rendered pieces whose notes are known: chorales, keyboards, plucked strings, single lines, drums and noise.

What is played is drawn here; the sounds are those of any General MIDI soundfont (Debian: fluid-soundfont-gm,
timgm6mb-soundfont, musescore-general-soundfont-small), rendered by fluidsynth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
from scipy.signal import fftconvolve

from benchmarks.separation.instruments import RATE, TICKS_PER_S, Event, played, struck
from benchmarks.separation.training_pieces import MAJOR, drum_pattern, noise_of
from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.singers import CURVE_HZ, sung

SECONDS = 7.0
FONTS = {
    "fluid": Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "timgm": Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
    "musescore": Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
    "opl3": Path("/usr/share/sounds/sf2/OPL-3_FM_128M.sf2"),
    "csound": Path("/usr/share/sounds/sf2/sf_GMbank.sf2"),
}
KEYBOARDS = (0, 0, 1, 2, 4, 6, 7)
PLUCKED = (24, 25, 26, 46, 105)
CHOIRS = ((48, 48, 48, 48), (52, 52, 52, 52), (53, 53, 53, 53), (40, 40, 41, 42), (73, 68, 71, 70), (56, 60, 57, 58),
          (40, 71, 66, 70), (65, 65, 66, 67), (19, 19, 19, 19), (40, 68, 60, 42), (52, 53, 52, 53))  # fmt: skip
"""Programs of the four parts of a chorale, the highest first."""
RANGES = ((60, 81), (53, 74), (47, 69), (36, 60))
"""Lowest and highest key of each part."""
PLAYERS = (52, 53, 54, 40, 42, 56, 57, 60, 65, 66, 68, 70, 71, 73, 74, 85)
MANY_KEYS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 17, 18, 19)
"""Pianos, electric ones, a harpsichord, a clavinet, a celesta, a vibraphone and organs."""
BASSES = tuple((bass, chords) for bass in (32, 33, 34, 35, 38, 43, 58, 0) for chords in (0, 4, 24, 48))
"""Programs of a bass, and of the chords above it."""
HIGH_PLAYERS = (40, 72, 73, 74, 75, 78, 79)
HIGH_KEYBOARDS = (0, 0, 8, 9, 10, 11, 13, 46)


@dataclass(frozen=True)
class Piece:
    """Sound and its notes: rows (onset s, offset s, MIDI pitch); of singers also each one's curve.

    curves: (times, singers) MIDI pitch at `CURVE_HZ`, NaN where silent; None of others.
    """

    kind: str
    audio: Audio
    sample_rate: float
    notes: Floats
    curves: Floats | None = None

    def pitches(self, times_s: Floats) -> Floats:
        """(times, pitches) MIDI pitches that sound, NaN where one does not."""
        if self.curves is not None:
            rows = np.rint(times_s * CURVE_HZ).astype(int)
            inside = (rows >= 0) & (rows < len(self.curves))
            return np.where(inside[:, None], self.curves[np.clip(rows, 0, len(self.curves) - 1)], np.nan)
        keys = np.unique(self.notes[:, 2])
        table = np.full((len(times_s), max(keys.size, 1)), np.nan)
        for onset, offset, key in self.notes:
            table[(onset <= times_s) & (times_s < offset), np.searchsorted(keys, key)] = key
        return table


Notes = list[tuple[float, float, int, int, int]]
"""Onset s, offset s, key, velocity and channel of every note."""


def chorale(rng: np.random.Generator) -> Notes:
    """Four parts that change chords together, some notes divided in two."""
    key, beat_s, notes = int(rng.integers(12)), rng.uniform(0.3, 0.75), []
    last = [int(rng.integers(low + 5, high - 5)) for low, high in RANGES]
    for beat in np.arange(0.05, SECONDS, beat_s):
        root = int(rng.choice([0, 1, 3, 4, 4, 5, 0]))
        chord = {(key + MAJOR[(root + step) % 7]) % 12 for step in (0, 2, 4)}
        for part, (low, high) in enumerate(RANGES):
            near = [k for k in range(low, high + 1) if k % 12 in chord and abs(k - last[part]) <= 5]
            last[part] = int(rng.choice(near or [k for k in range(low, high + 1) if k % 12 in chord]))
            keys = [last[part]]
            if rng.random() < 0.25:
                keys.append(last[part] + int(rng.choice([-2, -1, 1, 2])))
            for n, k in enumerate(keys):
                onset = beat + n * beat_s / len(keys) + float(rng.uniform(-0.012, 0.012))
                held = beat_s / len(keys) * rng.uniform(0.88, 1.0)
                notes.append((onset, onset + held, k, int(rng.integers(65, 110)), part))
    return notes


def keyboard(rng: np.random.Generator) -> Notes:
    """A left hand of bass notes and chords, or broken chords, and a right hand that runs, skips or doubles octaves."""
    key, beat_s, broken = int(rng.integers(12)), rng.uniform(0.16, 0.4), rng.random() < 0.4
    doubled, notes = rng.random() < 0.4, []
    scale = [k for k in range(36, 90) if (k - key) % 12 in MAJOR]
    base, at = 0, int(rng.integers(len(scale) // 2, len(scale) - 6))
    for n, beat in enumerate(np.arange(0.05, SECONDS, beat_s)):
        base = base if n % 4 else int(rng.integers(2, 9))
        chord = [scale[base + step] + 12 for step in (0, 2, 4)]
        if broken:
            low = [chord[(0, 2, 1, 2)[n % 4]]]
        else:
            low = [scale[base], scale[base] + 12][: int(rng.integers(1, 3))] if n % 2 == 0 else chord
        high: list[tuple[float, int]] = []
        for half in (0.0, 0.5):
            if rng.random() < (0.75 if half == 0 else 0.4):
                at = int(np.clip(at + rng.integers(-4, 5), len(scale) // 2, len(scale) - 6))
                high.append((half, scale[at]))
        velocity = int(rng.integers(55, 110))
        for k in low:
            notes.append((beat, beat + beat_s * rng.uniform(0.5, 1.0), k, velocity, 0))
        for half, k in high:
            for own in [k, k + 12] if doubled and k < 76 else [k]:
                onset = beat + half * beat_s + float(rng.uniform(-0.008, 0.008))
                notes.append((onset, onset + beat_s * rng.uniform(0.4, 1.1), own, min(velocity + 10, 120), 0))
    return notes


def pedalled(rng: np.random.Generator) -> Notes:
    """As a keyboard, all of whose notes ring on until a pedal is lifted."""
    notes = keyboard(rng)
    lifts = np.append(np.cumsum(rng.uniform(0.5, 2.0, 20)), np.inf)
    ends = [max(off, float(lifts[np.searchsorted(lifts, on, "right")])) for on, off, *_ in notes]
    return [(on, end, key, velocity, 0) for (on, _, key, velocity, _), end in zip(notes, ends, strict=True)]


def full_hands(rng: np.random.Generator) -> Notes:
    """Octaves and chords in both hands, up to eight keys at once; in half of the pieces a pedal lets them ring on."""
    key, beat_s, now = int(rng.integers(12)), rng.uniform(0.25, 0.7), 0.1
    scale = [k for k in range(33, 97) if (k - key) % 12 in MAJOR]
    lifts = np.append(np.cumsum(rng.uniform(0.5, 2.0, 20)), np.inf) if rng.random() < 0.5 else None
    notes: Notes = []
    while now < SECONDS:
        low, high = scale[int(rng.integers(0, 14))], int(rng.integers(17, len(scale) - 9))
        left = [low, low + 12] if rng.random() < 0.6 else [low, low + 7, low + 16]
        steps = [(0,), (0, 7), (0, 2, 7), (0, 2, 4), (0, 2, 4, 7), (0, 2, 4, 6, 7)][int(rng.integers(6))]
        right = [scale[high + step] for step in steps]
        loud, softer = int(rng.integers(50, 115)), int(rng.integers(0, 25))
        # The melody may move on while the rest is held.
        held, runs = beat_s * rng.uniform(0.6, 1.1), int(rng.choice([1, 1, 2, 3]))
        for k in (left if rng.random() < 0.8 else []) + right[:-1]:
            notes.append((now + float(rng.uniform(0, 0.012)), now + held, k, max(loud - softer, 30), 0))
        for n in range(runs):
            k = right[-1] if n == 0 else scale[int(np.clip(high + rng.integers(4, 9), 0, len(scale) - 1))]
            onset = now + n * beat_s / runs
            notes.append((onset, onset + held / runs, k, loud, 0))
        now += beat_s
    if lifts is None:
        return notes
    ends = [max(off, float(lifts[np.searchsorted(lifts, on, "right")])) for on, off, *_ in notes]
    return [(on, end, key, loud, 0) for (on, _, key, loud, _), end in zip(notes, ends, strict=True)]


def repeated(rng: np.random.Generator) -> Notes:
    """One to three keys that are struck up to six times, then others."""
    key, now = int(rng.integers(12)), 0.1
    notes: Notes = []
    scale = [k for k in range(40, 90) if (k - key) % 12 in MAJOR]
    while now < SECONDS:
        beat_s, held = rng.uniform(0.12, 0.5), rng.uniform(0.5, 1.0)
        keys = rng.choice(scale, int(rng.integers(1, 4)), replace=False)
        for _ in range(int(rng.integers(1, 7))):
            velocity = int(rng.integers(50, 115))
            notes += [(now, now + beat_s * held, int(k), velocity, 0) for k in keys]
            now += beat_s
    return notes


def plucked(rng: np.random.Generator) -> Notes:
    """Broken chords whose strings ring on until the next chord."""
    key, beat_s, notes = int(rng.integers(12)), rng.uniform(0.12, 0.3), []
    scale = [k for k in range(40, 80) if (k - key) % 12 in MAJOR]
    for beat in np.arange(0.05, SECONDS, 6 * beat_s):
        base = int(rng.integers(0, len(scale) - 12))
        steps = (0, 4, 7, 9, 7, 4) if rng.random() < 0.5 else (0, 2, 4, 7, 4, 2)
        for n, step in enumerate(steps):
            onset = beat + n * beat_s
            end = beat + 6 * beat_s if rng.random() < 0.6 else onset + beat_s
            notes.append((onset, end, scale[base + step], int(rng.integers(55, 110)), 0))
    return apart(notes)


def line(rng: np.random.Generator) -> Notes:
    """One part, the channel's modulation wheel at random."""
    key = int(rng.integers(12))
    low, high = RANGES[int(rng.integers(4))]
    scale = [k for k in range(low, high + 1) if (k - key) % 12 in MAJOR]
    return _walk(scale, len(scale) // 2, 0.12, 1.2, rng)


def _walk(scale: list[int], at: int, shortest_s: float, longest_s: float, rng: np.random.Generator) -> Notes:
    """One note after the other, up to four steps of a scale apart, some after a rest."""
    notes: Notes = []
    now = 0.1
    while now < SECONDS:
        held = float(np.exp(rng.uniform(np.log(shortest_s), np.log(longest_s))))
        notes.append((now, now + held * rng.uniform(0.85, 1.0), scale[at], int(rng.integers(50, 115)), 0))
        now += held + (float(rng.uniform(0.05, 0.4)) if rng.random() < 0.25 else 0.0)
        at = int(np.clip(at + rng.integers(-4, 5), 0, len(scale) - 1))
    return notes


def bass(rng: np.random.Generator) -> Notes:
    """A bass from B0 to B2, in half of the pieces below chords."""
    key, beat_s, notes = int(rng.integers(12)), rng.uniform(0.18, 0.5), []
    scale = [k for k in range(23, 48) if (k - key) % 12 in MAJOR]
    at, accompanied = len(scale) // 3, rng.random() < 0.5
    for n, beat in enumerate(np.arange(0.05, SECONDS, beat_s)):
        at = int(np.clip(at + rng.integers(-5, 6), 0, len(scale) - 1))
        if rng.random() < 0.85:
            notes.append((beat, beat + beat_s * rng.uniform(0.5, 1.0), scale[at], int(rng.integers(60, 115)), 0))
        if accompanied and n % 2:
            for step in (4, 7, 9):
                above = 36 + scale[at] % 12 + 12 + step
                notes.append((beat, beat + beat_s * rng.uniform(0.5, 1.5), above, int(rng.integers(45, 95)), 1))
    return notes


def high_line(rng: np.random.Generator) -> Notes:
    """One part from C5 to C8, the channel's modulation wheel at random."""
    key = int(rng.integers(12))
    scale = [k for k in range(72, 109) if (k - key) % 12 in MAJOR]
    return _walk(scale, int(rng.integers(len(scale))), 0.1, 1.0, rng)


def high_keyboard(rng: np.random.Generator) -> Notes:
    """A right hand from C5 to C8, some notes doubled an octave below, in half of the pieces above chords."""
    key, beat_s, notes = int(rng.integers(12)), rng.uniform(0.14, 0.4), []
    scale = [k for k in range(72, 109) if (k - key) % 12 in MAJOR]
    at, doubled, accompanied = int(rng.integers(len(scale))), rng.random() < 0.3, rng.random() < 0.5
    for n, beat in enumerate(np.arange(0.05, SECONDS, beat_s)):
        at = int(np.clip(at + rng.integers(-5, 6), 0, len(scale) - 1))
        velocity = int(rng.integers(60, 115))
        if rng.random() < 0.8:
            for k in [scale[at], scale[at] - 12] if doubled else [scale[at]]:
                notes.append((beat, beat + beat_s * rng.uniform(0.5, 1.1), k, velocity, 0))
        if accompanied and n % 3 == 0:
            root = 48 + key + int(rng.choice([0, 5, 7]))
            for step in (0, 4, 7):
                notes.append((beat, beat + 2.5 * beat_s, root + step, max(velocity - 15, 40), 0))
    return notes


def apart(notes: Notes) -> Notes:
    """A key that is struck again is let go before."""
    done: Notes = []
    for onset, offset, key, velocity, channel in sorted(notes):
        later = [n[0] for n in notes if n[2] == key and n[4] == channel and n[0] > onset + 1e-6]
        done.append((onset, min([offset, *(at - 0.01 for at in later)]), key, velocity, channel))
    return done


CASTS: dict[str, tuple[Callable[[np.random.Generator], Notes], tuple[tuple[int, ...], ...]]] = {
    "chorale": (chorale, CHOIRS),
    "keyboard": (keyboard, tuple((program,) for program in KEYBOARDS)),
    "pedalled": (pedalled, tuple((program,) for program in KEYBOARDS)),
    "full hands": (full_hands, tuple((program,) for program in MANY_KEYS)),
    "repeated": (repeated, tuple((program,) for program in KEYBOARDS + PLUCKED + PLAYERS)),
    "plucked": (plucked, tuple((program,) for program in PLUCKED)),
    "line": (line, tuple((program,) for program in PLAYERS)),
    "bass": (bass, BASSES),
    "high line": (high_line, tuple((program,) for program in HIGH_PLAYERS)),
    "high keyboard": (high_keyboard, tuple((program,) for program in HIGH_KEYBOARDS)),
}
ORDER = ("chorale", "keyboard", "sung chorale", "line", "keyboard", "drums", "chorale", "plucked", "keyboard", "noise",
         "sung line", "chorale")  # fmt: skip
EXTREMES = ("high keyboard", "bass", "high line", "noise")
"""Kinds whose notes reach to the ends of the range, and the noise that they must be told from."""
KEYS = ("full hands", "pedalled", "full hands", "keyboard")
"""Keyboards alone."""
STROKES = ("keyboard", "chorale", "pedalled", "line", "repeated", "plucked", "sung line", "drums", "keyboard",
           "sung chorale", "repeated", "bass", "pedalled", "chorale", "high keyboard", "noise")  # fmt: skip
"""Kinds that teach what a note's beginning is."""
RATES_HZ = (44100, 44100, 16000, 44100, 22050)
WITH_DRUMS = {"keyboard": 0.5, "full hands": 0.3, "plucked": 0.3, "line": 0.2, "chorale": 0.1, "drums": 1.0,
              "bass": 0.5, "high keyboard": 0.2, "high line": 0.2}  # fmt: skip


def pieces(font: str, count: int, seed: int, order: Sequence[str] = ORDER) -> Iterator[Piece]:
    """Pieces of one soundfont, the kinds of `order` in turn, most with some noise, at three sample rates."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, list(FONTS).index(font)])
        kind, rate = order[number % len(order)], RATES_HZ[number % len(RATES_HZ)]
        sound, notes, curves = _performed(kind, font, rng)
        if rng.random() < WITH_DRUMS.get(kind, 0):
            kit = FONTS[font], int(rng.choice([0, 0, 8, 16, 25, 40]))
            drums = struck(drum_pattern(rng, SECONDS), kit, SECONDS)
            sound += drums * 10 ** (rng.uniform(-9, 3) / 20) / (np.std(drums) + 1e-9)
        if kind == "noise" or rng.random() < 0.6:
            loudness_db = 0.0 if kind == "noise" else rng.uniform(-60, -12)
            sound += noise_of(rng, sound.size) * 10 ** (loudness_db / 20)
        sound *= 0.1 * 10 ** (rng.uniform(-20, 5) / 20)
        audio = librosa.resample(sound, orig_sr=RATE, target_sr=rate).astype(np.float32)
        yield Piece(kind, audio, float(rate), notes, curves)


def _performed(kind: str, font: str, rng: np.random.Generator) -> tuple[Floats, Floats, Floats | None]:
    """Sound of unit variance, silent for drums and noise; notes; and the curves of singers."""
    samples, curves = round(SECONDS * RATE), None
    if kind.startswith("sung"):
        drawn = apart(chorale(rng) if kind == "sung chorale" else line(rng))
        parts = [[note[:3] for note in drawn if note[4] == part] for part in range(4)]
        sound, curves = sung([part for part in parts if part], rng, samples, RATE)
    elif kind in CASTS:
        draw, casts = CASTS[kind]
        programs, drawn = casts[int(rng.integers(len(casts)))], apart(draw(rng))
        wheel = int(rng.choice([0, 0, 40, 90])) if kind in ("line", "chorale", "high line") else 0
        sound = played(_events(drawn, programs, wheel), FONTS[font], SECONDS)
    else:
        return np.zeros(samples), np.zeros((0, 3)), None
    if rng.random() < 0.35:
        sound = _in_a_room(sound, rng)
    notes = np.array([(max(on, 0), off, key) for on, off, key, *_ in drawn if on < SECONDS])
    return sound / (np.std(sound) + 1e-9), notes, curves


def _events(drawn: Notes, programs: tuple[int, ...], wheel: int) -> list[Event]:
    events: list[Event] = []
    for channel, program in enumerate(programs):
        events += [(0, (0xC0 + channel, program)), (0, (0xB0 + channel, 1, wheel))]
    for onset, offset, key, velocity, channel in drawn:
        events.append((round(max(onset, 0) * TICKS_PER_S), (0x90 + channel, key, velocity)))
        events.append((round(offset * TICKS_PER_S), (0x80 + channel, key, 0)))
    return events


def _in_a_room(sound: Floats, rng: np.random.Generator) -> Floats:
    """With reverberation of 0.3 to 1.2 s, 8 to 20 dB below."""
    tail = rng.standard_normal(RATE) * np.exp(-6.9 * np.arange(RATE) / RATE / rng.uniform(0.3, 1.2))
    wet = fftconvolve(sound, tail)[: sound.size]
    return sound + wet * np.std(sound) / (np.std(wet) + 1e-9) * 10 ** (rng.uniform(-20, -8) / 20)
