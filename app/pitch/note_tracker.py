"""Notes as they sound: when a voice begins one, moves within it and ends it, without knowing what follows."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sharpear.config import TuningConfig
from sharpear.sinks.music import STANDARD, midi_pitch, named

from .notes import GAP_S, SILENCE_DB, STRAY_S, STRAY_SEMITONES, STRIKE_DB, STRIKE_S, decibels, log_odds

FALLEN_DB = 1.0
"""A voice is struck again where it had fallen by this before it grew: until then it may still begin."""
SURE_S = 0.035
"""A voice is believed in by the mean of so long; a note begins once it has been for as long."""


@dataclass(frozen=True)
class NoteEvent:
    """What a voice does: begins a note, moves within it, or ends it.

    voice: its number, from 0.  pitch: MIDI pitch in fractions of a semitone, 69 is 440 Hz.  level_db: dB of full
    scale. Of an end both are those of the moment before.  key: the note's, in the tuning.
    """

    kind: Literal["on", "move", "off"]
    voice: int
    pitch: float
    level_db: float
    key: int


@dataclass
class _Voice:
    key: int | None = None
    middle: float = 0.0
    astray: int = 0
    since: int = 0
    sure: int = 0
    missing: int = 0
    pitch: float = 0.0
    loudest_db: float = SILENCE_DB
    levels_db: list[float] = field(default_factory=list)
    odds: list[float] = field(default_factory=list)


class NoteTracker:
    """Follow voices step by step, by the rules of `notes_of`, as far as they hold without hindsight.

    A note begins when its voice has been believed in for `SURE_S`, and ends when it has not been for `GAP_S`: a shorter
    gap is none, and nothing is told of it. What will be short is not known to be so beforehand, and a note that still
    grows is not struck again.

    Args:
        voices: how many there are.
        step_s: time between steps, s.
        believed: probability from which on a voice is believed in.
        tuning: of the notes that begin: what their keys are, and how far a voice is astray from them.

    >>> tracker = NoteTracker(1, 0.0116, 0.5)
    >>> f0 = [0.0, *[440.0] * 12, 0.0, *[440.0] * 9, *[495.0] * 9]
    >>> belief, level = np.array([0.9]), np.array([0.1])
    >>> events = [e for hz in f0 for e in tracker.step(np.array([hz]), level, belief)] + tracker.end()
    >>> [(event.kind, round(event.pitch)) for event in events if event.kind != "move"]
    [('on', 69), ('off', 71), ('on', 71), ('off', 71)]
    """

    def __init__(self, voices: int, step_s: float, believed: float, tuning: TuningConfig = STANDARD) -> None:
        self._tuning = tuning
        self._patience, self._rise, self._surely, self._gap = (
            max(1, round(seconds / step_s)) for seconds in (STRAY_S, STRIKE_S, SURE_S, GAP_S)
        )
        self._least_odds = float(log_odds(believed))
        self._voices = [_Voice() for _ in range(voices)]

    def step(
        self, f0: NDArray[np.floating], amplitude: NDArray[np.floating], belief: NDArray[np.floating]
    ) -> list[NoteEvent]:
        """What changes with the next step.

        f0: (voices,) Hz, 0 where silent, of voices that are followed, believed in or not.  amplitude: of full scale.
        belief: the probability of each.
        """
        events = []
        for number, voice in enumerate(self._voices):
            sounds = f0[number] > 0
            voice.odds = [*voice.odds, float(log_odds(belief[number]))][-self._surely :] if sounds else []
            told = sounds and sum(voice.odds) > self._least_odds * len(voice.odds)
            voice.sure, voice.missing = (voice.sure + 1, 0) if told else (0, voice.missing + 1)
            if voice.key is not None and voice.missing > self._gap:
                events.append(self._ended(number, voice))
            elif sounds and (voice.key is not None or voice.sure >= self._surely):
                pitch = midi_pitch(float(f0[number]))
                events += self._sounds(number, voice, pitch, float(decibels(amplitude[number])))
        return events

    def end(self) -> list[NoteEvent]:
        """The ends of all notes that sound."""
        return [self._ended(number, voice) for number, voice in enumerate(self._voices) if voice.key is not None]

    def _sounds(self, number: int, voice: _Voice, pitch: float, level_db: float) -> list[NoteEvent]:
        voice.pitch = pitch
        voice.levels_db = [*voice.levels_db, level_db][-self._rise - 1 :]
        events = []
        if voice.key is not None:
            voice.since += 1
            voice.astray = voice.astray + 1 if abs(pitch - voice.middle) > STRAY_SEMITONES else 0
            before_db = min(voice.levels_db[:-1], default=level_db)
            voice.loudest_db = max(voice.loudest_db, voice.levels_db[0])
            struck = level_db - before_db > STRIKE_DB and before_db < voice.loudest_db - FALLEN_DB
            if not (struck and voice.since > self._patience + self._rise) and voice.astray < self._patience:
                return [] if voice.missing else [NoteEvent("move", number, pitch, level_db, voice.key)]
            events.append(self._ended(number, voice))
            voice.levels_db = [level_db]
        if voice.missing:
            return events
        voice.key, off_cents = named(pitch, self._tuning)
        voice.middle = pitch - off_cents / 100
        return [*events, NoteEvent("on", number, pitch, level_db, voice.key)]

    def _ended(self, number: int, voice: _Voice) -> NoteEvent:
        assert voice.key is not None
        event = NoteEvent("off", number, voice.pitch, voice.levels_db[-1], voice.key)
        voice.key, voice.astray, voice.since, voice.loudest_db, voice.levels_db = None, 0, 0, SILENCE_DB, []
        return event
