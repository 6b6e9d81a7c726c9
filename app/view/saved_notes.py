"""Notes of a recording as files of other tools, made when the page asks for one, named in the tuning that it has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sharpear.config import TuningConfig
from sharpear.errors import SharpearError
from sharpear.pitch.note_files import FORMATS, writer_of
from sharpear.pitch.transcriber import Transcription
from sharpear.sinks.music import hertz, midi_pitch, named

from .data import NOTE_FILES
from .tiles import write_whole


def write_notes(heard: Transcription | None, folder: Path, kind: str, tuning: dict[str, Any]) -> str:
    """Write one of `NOTE_FILES` into a recording's folder; what keeps it from being written, empty if nothing does."""
    if heard is None or not heard.notes:
        return "there are no notes yet"
    try:
        content = writer_of(kind if kind in FORMATS else kind.partition(".")[2])(renamed(heard, TuningConfig(**tuning)))
        write_whole(folder / NOTE_FILES[kind], content)
    except ValidationError:
        return f"there is no such tuning: {tuning}"
    except (SharpearError, OSError) as error:
        return f"{kind} cannot be written: {error}"
    return ""


def renamed(heard: Transcription, tuning: TuningConfig) -> Transcription:
    """The same pitches, named in another tuning.

    >>> from sharpear.pitch import Note, Voices
    >>> import numpy as np
    >>> heard = Transcription(Voices(np.zeros(0), *np.zeros((2, 0, 1), np.float32)), [Note(0, 1, 69, 0.0, -20.0, 0)])
    >>> [(note.midi, round(note.cents, 1)) for note in renamed(heard, TuningConfig(a4_hz=430.0)).notes]
    [(69, 39.8)]
    """
    pitches = (midi_pitch(hertz(note.midi, note.cents, heard.tuning)) for note in heard.notes)
    names = (named(pitch, tuning) for pitch in pitches)
    notes = [replace(note, midi=key, cents=cents) for note, (key, cents) in zip(heard.notes, names, strict=True)]
    return replace(heard, notes=notes, tuning=tuning)
