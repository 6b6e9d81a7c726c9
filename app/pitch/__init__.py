"""Voices above the partials: the pitch layer, notes, and what is written of them."""

from sharpear.config import TuningConfig
from sharpear.sinks.music import note_name

from .heard_frames import HeardFrames
from .notes import Note, Voices, notes_of
from .pitch_layer import PitchFrames, PitchLayer
from .transcriber import Transcriber, Transcription, transcribe

__all__ = [
    "HeardFrames",
    "Note",
    "PitchFrames",
    "PitchLayer",
    "Transcriber",
    "Transcription",
    "TuningConfig",
    "Voices",
    "note_name",
    "notes_of",
    "transcribe",
]
