"""Notes as they sound: when a voice begins one, moves within it and ends it, without knowing what follows."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .notes import SILENCE_DB, STRAY_S, STRAY_SEMITONES, STRIKE_DB, STRIKE_S, decibels

FALLEN_DB = 1.0
"""A voice is struck again where it had fallen by this before it grew: until then it may still begin."""


@dataclass(frozen=True)
class NoteEvent:
    """What a voice does: begins a note, moves within it, or ends it.

    voice: its number, from 0.  pitch: MIDI pitch in fractions of a semitone, 69 is A4 = 440 Hz.  level_db: dB of full
    scale. Of an end both are those of the moment before.
    """

    kind: Literal["on", "move", "off"]
    voice: int
    pitch: float
    level_db: float


@dataclass
class _Voice:
    key: int | None = None
    astray: int = 0
    since: int = 0
    pitch: float = 0.0
    loudest_db: float = SILENCE_DB
    levels_db: list[float] = field(default_factory=list)


class NoteTracker:
    """Follow voices step by step, by the rules of `notes_of`.

    What will be short is not known to be so beforehand, and a note that still grows is not struck again.

    Args:
        voices: how many there are.
        step_s: time between steps, s.

    >>> tracker = NoteTracker(1, 0.0116)
    >>> f0 = [0.0, *[440.0] * 9, *[495.0] * 9, 0.0]
    >>> events = [e for hz in f0 for e in tracker.step(np.array([hz]), np.array([0.1]))]
    >>> [(event.kind, round(event.pitch)) for event in events if event.kind != "move"]
    [('on', 69), ('off', 71), ('on', 71), ('off', 71)]
    """

    def __init__(self, voices: int, step_s: float) -> None:
        self._patience, self._rise = max(1, round(STRAY_S / step_s)), max(1, round(STRIKE_S / step_s))
        self._voices = [_Voice() for _ in range(voices)]

    def step(self, f0: NDArray[np.floating], amplitude: NDArray[np.floating]) -> list[NoteEvent]:
        """What changes with the next step: (voices,) Hz, 0 where silent, and amplitude of full scale."""
        events = []
        for number, voice in enumerate(self._voices):
            level_db = float(decibels(amplitude[number]))
            if f0[number] > 0:
                events += self._sounds(number, voice, 69 + 12 * float(np.log2(f0[number] / 440.0)), level_db)
            elif voice.key is not None:
                events.append(self._ended(number, voice))
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
            voice.astray = voice.astray + 1 if abs(pitch - voice.key) > STRAY_SEMITONES else 0
            before_db = voice.levels_db[0]
            voice.loudest_db = max(voice.loudest_db, before_db)
            struck = level_db - before_db > STRIKE_DB and before_db < voice.loudest_db - FALLEN_DB
            if not (struck and voice.since > self._patience + self._rise) and voice.astray < self._patience:
                return [NoteEvent("move", number, pitch, level_db)]
            events.append(self._ended(number, voice))
            voice.levels_db = [level_db]
        voice.key = round(pitch)
        return [*events, NoteEvent("on", number, pitch, level_db)]

    def _ended(self, number: int, voice: _Voice) -> NoteEvent:
        event = NoteEvent("off", number, voice.pitch, voice.levels_db[-1])
        voice.key, voice.astray, voice.since, voice.loudest_db, voice.levels_db = None, 0, 0, SILENCE_DB, []
        return event
