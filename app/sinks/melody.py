"""What is drawn over lines as notes and curves, and what hears it in the frames of a picture: made by others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sharpear.config import TuningConfig
from sharpear.sharpening.frames import Frames


class Melody(Protocol):
    """Notes and curves, such as a `Transcription`."""

    @property
    def tuning(self) -> TuningConfig:
        """What its notes are named by."""

    @property
    def notes(self) -> Sequence[Any]:
        """Each has onset_s and offset_s, s, midi, its key, cents off it, and voice, a number."""

    @property
    def voices(self) -> Any:
        """Has times (steps,), s, and f0 (steps, voices), Hz, 0 where silent."""


class Hearing(Protocol):
    """What follows voices in frames, such as `HeardFrames`."""

    def add(self, frames: Frames) -> None:
        """Be given frames (frames, 1, atoms), in order."""

    def transcription(self) -> Melody:
        """What was heard, at the end."""


Hear = Callable[[int, int, Mapping[str, Any]], Hearing]
"""Begins to hear frames of so many atoms and channels, which were made as the attributes say."""
