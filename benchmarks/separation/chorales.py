"""Chorales of J. S. Bach with an instrument a voice: notes from music21's corpus, sounds by fluidsynth."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .instruments import SOUNDFONTS, TICKS_PER_S, Event, played
from .training_pieces import FLUID

LASTING_S = 8.0
SMALL_FONT = SOUNDFONTS / "sf2/TimGM6mb.sf2"
Note = tuple[float, float, int, int]
"""From and to, s; key and velocity."""


class Chorale(NamedTuple):
    """A work, General MIDI's program of each voice from the highest down (None: left out), and who plays."""

    work: str
    programs: tuple[int | None, ...]
    soundfont: Path


CHORALES = (
    Chorale("bwv269", (40, 41, 42, 42), SMALL_FONT),
    Chorale("bwv347", (73, 68, 71, 70), FLUID),
    Chorale("bwv153.1", (52, 53, 52, 53), FLUID),
    Chorale("bwv86.6", (56, 60, 57, 58), SMALL_FONT),
    Chorale("bwv267", (68, 71, 60, 70), SMALL_FONT),
    Chorale("bwv280", (40, 41, 42, 43), FLUID),
    Chorale("bwv281", (73, 71, 66, 42), FLUID),
    Chorale("bwv17.7", (52, 53, 54, 52), SMALL_FONT),
    Chorale("bwv40.8", (68, None, 71, 70), FLUID),
    Chorale("bwv40.6", (73, 41, None, 43), SMALL_FONT),
    Chorale("bwv253", (68, 71, 70, 70), FLUID),
    Chorale("bwv254", (73, 65, 66, 70), FLUID),
    Chorale("bwv255", (71, 60, 66, 70), SMALL_FONT),
    Chorale("bwv256", (64, 65, 66, 67), SMALL_FONT),
    Chorale("bwv258", (40, 68, 66, 70), FLUID),
    Chorale("bwv259", (71, 69, 58, 70), FLUID),
    Chorale("bwv262", (68, 71, 70, 42), SMALL_FONT),
    Chorale("bwv264", (74, 71, 71, 67), FLUID),
)


def notes_of(chorale: Chorale, seed: int) -> list[list[Note]]:
    """The notes of each voice that is played, at a tempo, with jitter and velocities drawn at random.

    Raises:
        SystemExit: music21 is missing.
    """
    try:
        from music21 import corpus  # noqa: PLC0415  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise SystemExit("the notes of chorales are music21's: pip install music21") from error
    rng = np.random.default_rng(seed)
    beat_s, voices = rng.uniform(0.5, 0.75), []
    for part, program in zip(list(corpus.parse(f"bach/{chorale.work}").parts)[:4], chorale.programs, strict=True):
        if program is None:
            continue
        notes = []
        for note in part.flatten().notes:
            begin_s = max(0.0, float(note.offset) * beat_s + 0.1 + 0.012 * rng.normal())
            if note.isNote and begin_s < LASTING_S:
                end_s = begin_s + 0.95 * float(note.quarterLength) * beat_s
                notes.append((begin_s, end_s, int(note.pitch.midi), int(rng.integers(80, 105))))
        voices.append(notes)
    return voices


def played_voices(chorale: Chorale, voices: list[list[Note]], seed: int) -> NDArray[np.float64]:
    """(voices, samples) at 44.1 kHz, -26 dBFS each, give or take 3 dB."""
    rng, stems = np.random.default_rng((1, seed)), []
    programs = [program for program in chorale.programs if program is not None]
    for notes, program in zip(voices, programs, strict=True):
        events: list[Event] = [(0, (0xC0, program))]
        for begin_s, end_s, key, velocity in notes:
            events += [(int(begin_s * TICKS_PER_S), (0x90, key, velocity)), (int(end_s * TICKS_PER_S), (0x80, key, 0))]
        sound = played(events, chorale.soundfont, LASTING_S)
        stems.append(0.05 * 10 ** (rng.uniform(-3, 3) / 20) * sound / (np.std(sound) + 1e-9))
    return np.array(stems)
