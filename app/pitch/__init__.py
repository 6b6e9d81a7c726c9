"""Voices above the partials: the pitch layer, notes, and what is written of them."""

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
    "Voices",
    "notes_of",
    "transcribe",
]
