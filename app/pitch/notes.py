"""Notes from voices: where one begins and ends, and how high and loud it is."""

from bisect import insort
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter1d

from sharpear.config import TuningConfig
from sharpear.sharpening.results import FrameResult, counted
from sharpear.sinks.music import STANDARD, named

from .music_parts import together

FOUND_AFTER_S = 0.04
"""Time from a note's true onset until its voice is found, which is taken off: measured on rendered pieces of 12 kinds,
struck, blown, bowed and sung."""
BEGINS_AFTER_S, BEGINS_WITHIN_S, LEAST_S = 0.015, 0.08, 0.02
"""A moment at which much begins follows the onset by the first, and is that of a note that was found within the second
of it; the note must not become shorter than the third, nor the one before."""
SHORTEST_S = 0.08
"""A voice that sounds for a shorter time than this is no note."""
STRAY_SEMITONES, STRAY_S = 0.6, 0.046
"""A voice that stays this far from its note's pitch, for this long, has gone on to another note."""
STRIKE_DB = 7.0
STRIKE_S = 0.035
"""Where strokes are not known, a voice that is louder by `STRIKE_DB` than at least within this time is struck again."""
LIKELY = 0.3
"""Expected number of notes that begin, from which a voice is struck again, or a note that is found has its onset."""
STROKES_APART_S, EARLIEST_S, LATEST_S = 0.05, 0.07, 0.06
"""Time between strokes; and how long before, and after, its voice is found a note may begin."""
SILENCE_DB = -120.0
SUREST = 1e-4
"""No belief is nearer to 0 or 1 where the mean of several is taken."""
HELD_S, GAP_S, GAP_SEMITONES = 0.023, 0.093, 5.0
"""How curves go on: so long beyond what is heard, and over gaps so long between pitches so near."""


@dataclass(frozen=True)
class Note:
    """A note that one voice sings or plays.

    onset_s, offset_s: s.  midi: its key, 69 is A4.  cents: distance of its median pitch from that note in the tuning
    that it was named by, where A4 is 440 Hz by default (`sharpear.config.TuningConfig`).
    level_db: amplitude of a cosine of the same power, dB of full scale.  voice: number of its voice, from 0.

    >>> sung = Note(onset_s=0.5, offset_s=1.2, midi=69, cents=-12.0, level_db=-20.0, voice=0)
    >>> round(440 * 2 ** ((sung.midi - 69 + sung.cents / 100) / 12), 1)
    437.0
    """

    onset_s: float
    offset_s: float
    midi: int
    cents: float
    level_db: float
    voice: int


@dataclass(frozen=True, eq=False, repr=False)
class Voices(FrameResult):
    """Curves of the voices of one signal, evenly spaced in time, the lowest voice first.

    times: (steps,) s.  f0: (steps, voices) Hz, 0 where silent.  amplitude: (steps, voices), of full scale.
    faint_f0: as `f0`, just before and after it: where the voice is followed and not believed in; None if not known.
    strength: as `amplitude`, of one voice that is sought alone: how far its sound repeats after a period, 1 wholly, as
    Praat's, so that 10 log10(strength / (1 − strength)) is the harmonics-to-noise ratio, dB; None of several voices.
    strokes: (steps, voices) expected number of notes that begin around a step, also shortly before their voice is
    found; None if not known.

    >>> voices = Voices(np.arange(3) * 0.01, np.float32([[220], [0], [222]]), np.float32([[0.1], [0], [0.1]]))
    >>> voices
    <Voices: 3 frames, 0.000 to 0.020 s, 1 voice>
    """

    times: NDArray[np.float64]
    f0: NDArray[np.float32]
    amplitude: NDArray[np.float32]
    faint_f0: NDArray[np.float32] | None = None
    strength: NDArray[np.float32] | None = None
    strokes: NDArray[np.float32] | None = None

    def _summary(self) -> list[str]:
        return [self._span(self.times), counted(np.shape(self.f0)[-1], "voice")]

    @property
    def together(self) -> int:
        """How many voices mostly sound together: at least in a fifth of the time in which any does; 0 in silence."""
        return together((np.asarray(self.f0) > 0).sum(axis=-1))

    def continued(self) -> NDArray[np.float64]:
        """`f0` that goes on: as `faint_f0`, held for `HELD_S` on either side, and a line over gaps up to `GAP_S`.

        Of one voice sought alone it is `f0`: whether that sounds was decided for each step.

        >>> voices = Voices(np.arange(6) * 0.05, np.array([0, 200, 200, 0, 210, 0])[:, None], np.ones((6, 1)))
        >>> voices.continued()[:, 0].round().tolist()
        [0.0, 200.0, 200.0, 205.0, 210.0, 0.0]
        """
        f0 = np.array(self.f0, float) + (0.0 if self.faint_f0 is None else self.faint_f0)
        if len(self.times) < 2 or self.strength is not None:
            return f0
        step_s = float(self.times[1] - self.times[0])
        held, longest = round(HELD_S / step_s), round(GAP_S / step_s)
        for own in f0.T:
            silent = np.concatenate([[False], own == 0, [False]])
            edges = np.flatnonzero(np.diff(silent)).reshape(-1, 2)
            for first, past in edges.tolist():
                before, after = own[first - 1] if first > 0 else 0.0, own[past] if past < len(own) else 0.0
                near = before > 0 and after > 0 and abs(12 * np.log2(after / before)) < GAP_SEMITONES
                if near and past - first <= longest:
                    ratio = np.arange(1, past - first + 1) / (past - first + 1)
                    own[first:past] = before * (after / before) ** ratio
                else:
                    middle = first + (past - first) // 2
                    own[first : min(first + held, middle if after > 0 else past)] = before
                    own[max(past - held, middle if before > 0 else first) : past] = after
        return f0


def notes_of(voices: Voices, begins: ArrayLike = (), tuning: TuningConfig = STANDARD) -> list[Note]:
    """Find the notes of all voices, in the order of their onsets.

    A note ends where its voice falls silent, moves on to another pitch, or is struck again; vibrato stays in it.
    The notes of one voice never overlap.

    begins: moments at which much begins, s (`sharpear.pitch.onsets`): a note that is found near one of them has its
    onset there, others `FOUND_AFTER_S` before their voice is found, or where one that is sought alone begins.
    tuning: what they are named by.

    >>> f0 = np.repeat([0.0, 440.0, 495.0, 0.0], 20)[:, None]
    >>> found = notes_of(Voices(np.arange(80) * 0.01, f0, np.where(f0 > 0, 0.1, 0.0)))
    >>> [(round(note.onset_s, 2), round(note.offset_s, 2), note.midi) for note in found]
    [(0.16, 0.36, 69), (0.36, 0.6, 71)]
    """
    if len(voices.times) < 2:
        return []
    step_s = float(voices.times[1] - voices.times[0])
    struck_s = np.asarray(begins, float) - BEGINS_AFTER_S
    found_after_s = FOUND_AFTER_S if voices.strength is None else 0.0
    found = []
    for voice in range(voices.f0.shape[1]):
        own: list[Note] = []
        sounding = np.flatnonzero(voices.f0[:, voice] > 0)
        for steps in np.split(sounding, np.flatnonzero(np.diff(sounding) > 1) + 1):
            if not steps.size:
                continue
            pitch = 69 + 12 * np.log2(voices.f0[steps, voice] / 440.0)
            amplitude = voices.amplitude[steps, voice]
            strokes = None if voices.strokes is None else voices.strokes[:, voice]
            again = _louder(decibels(amplitude), step_s) if strokes is None else _peaks(strokes[steps], step_s)
            cuts = [0, *_cuts(pitch, again, step_s), steps.size]
            for a, b in pairwise(cuts):
                onset_s, offset_s = float(voices.times[steps[a]]), float(voices.times[steps[b - 1]]) + step_s
                if offset_s - onset_s >= SHORTEST_S:
                    begun = None if strokes is None else _begun(strokes, int(steps[a]), int(steps[b - 1]), step_s)
                    earliest_s = own[-1].onset_s + LEAST_S if own else 0.0
                    if begun is not None and voices.times[begun] >= earliest_s:
                        early_s = float(voices.times[begun])
                    else:
                        early_s = max(float(voices.times[0]), onset_s - found_after_s, earliest_s)
                        early_s = _nearest(early_s, struck_s, earliest_s, offset_s - LEAST_S)
                    key, cents = named(float(np.median(pitch[a:b])), tuning)
                    level_db = float(decibels(np.sqrt(np.mean(np.square(amplitude[a:b])))))
                    own.append(Note(early_s, offset_s, key, cents, level_db, voice))
        found += [replace(note, offset_s=min(note.offset_s, after.onset_s)) for note, after in pairwise(own)] + own[-1:]
    return sorted(found, key=lambda note: (note.onset_s, note.midi))


def _nearest(onset_s: float, struck_s: NDArray[np.float64], earliest_s: float, latest_s: float) -> float:
    """The moment nearest to an onset among those near enough and in between, else the onset itself."""
    near = struck_s[np.abs(struck_s - onset_s) <= BEGINS_WITHIN_S]
    near = near[(near >= earliest_s) & (near <= latest_s)]
    return float(near[np.abs(near - onset_s).argmin()]) if near.size else onset_s


def _begun(strokes: NDArray[np.floating], first: int, last: int, step_s: float) -> int | None:
    """The step at which a note that is found at the first most likely begins; None where none is likely."""
    begin = max(0, first - round(EARLIEST_S / step_s))
    near = strokes[begin : min(last, first + round(LATEST_S / step_s)) + 1]
    best = int(near.argmax())
    return begin + best if near[best] > LIKELY else None


def _peaks(strokes: NDArray[np.floating], step_s: float) -> NDArray[np.bool_]:
    """The steps at which a voice is struck again: where the most beginnings are expected."""
    apart = max(1, round(STROKES_APART_S / step_s))
    largest = strokes == maximum_filter1d(strokes, 2 * apart - 1)
    return np.asarray(largest & (np.diff(strokes, prepend=0) != 0) & (strokes > LIKELY))


def _louder(level_db: NDArray[np.float64], step_s: float) -> NDArray[np.bool_]:
    """The steps after those than which a voice is soon louder by `STRIKE_DB`."""
    rise, begins = max(1, round(STRIKE_S / step_s)), np.zeros(len(level_db), bool)
    for n in range(1, len(level_db)):
        before = level_db[max(0, n - rise) : n]
        begins[n - before.size + int(before.argmin()) + 1] |= level_db[n] - before.min() > STRIKE_DB
    return begins


def _cuts(pitch: NDArray[np.float64], struck: NDArray[np.bool_], step_s: float) -> list[int]:
    """The steps at which a new note begins within a voice that sounds without a break."""
    patience, apart = max(1, round(STRAY_S / step_s)), max(1, round(STROKES_APART_S / step_s))
    cuts, begin, astray = [], 0, 0
    held: list[float] = []
    for n in range(1, len(pitch)):
        # What the note holds, in order, so that its median needs no sorting anew at each step.
        for value in pitch[begin + len(held) : max(begin + 1, n - astray)]:
            insort(held, float(value))
        center = 0.5 * (held[(len(held) - 1) // 2] + held[len(held) // 2])
        astray = astray + 1 if abs(pitch[n] - center) > STRAY_SEMITONES else 0
        again = struck[n] and n - begin > apart
        if astray >= patience or again:
            begin = n if again else n - astray + 1
            cuts.append(begin)
            astray, held = 0, []
    return cuts


def log_odds(belief: NDArray[np.floating] | float) -> NDArray[np.float64]:
    """The log odds of probabilities, none nearer to 0 or 1 than `SUREST`.

    >>> float(log_odds(0.5))
    0.0
    """
    odds: NDArray[np.float64] = np.log(np.clip(belief, SUREST, 1 - SUREST) / np.clip(1 - belief, SUREST, 1 - SUREST))
    return odds


def decibels(amplitude: NDArray[np.floating] | np.floating) -> NDArray[np.float64]:
    """Levels of amplitudes, dB of full scale, not below −120.

    >>> float(decibels(np.float64(0.1)))
    -20.0
    """
    return np.asarray(20 * np.log10(np.maximum(amplitude, 10 ** (SILENCE_DB / 20))), np.float64)
