"""The notes of a recording, heard once its picture is complete, of which they are no part.

What hears them is loaded then, too: it takes as long to load as half of all else.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers
from sharpear.errors import InputError
from sharpear.sharpening.frames import Frames
from sharpear.sinks.one_stream import added_up

from .tiles import write_whole

if TYPE_CHECKING:
    from sharpear.pitch.heard_frames import HeardFrames
    from sharpear.pitch.transcriber import Transcription

MOST_FRAMES = 90_000
"""Frames that wait, of a chorale 2.9 kB each, of all recordings of a page: about four minutes."""


class Lines(NamedTuple):
    """Frames of one stream without what holds no line. place: of each line, in (frames, 1, atoms) taken flat."""

    times: Doubles
    place: Integers
    amplitude: Floats
    hz: Floats
    plain_amplitude: Floats


class LateNotes:
    """Frames in, kept as their lines until their notes are asked for.

    Args:
        atoms, channels, attributes: as of `HeardFrames`.
        ending: whether nobody wants to know any more.
        most_frames: how many wait; beyond these, those that do are heard meanwhile.

    >>> import sharpear
    >>> t = np.arange(22050) / 44100
    >>> spec = sharpear.sharpen(sum(0.1 / h * np.cos(2 * np.pi * 220 * h * t) for h in range(1, 7)), 44100)
    >>> late = LateNotes(spec.frequencies.size, spec.channel_frequencies.size, spec.attributes, Event())
    >>> late.add(spec.with_stream())
    >>> [note.midi for note in late.transcription().notes]
    [57]
    """

    def __init__(
        self, atoms: int, channels: int, attributes: Mapping[str, Any], ending: Event, most_frames: int = MOST_FRAMES
    ) -> None:
        self._most_frames = most_frames
        self._atoms, self._made, self._ending = atoms, (atoms, channels, attributes), ending
        self._hearing: HeardFrames | None = None
        self._waiting: list[Lines] = []
        self._frames = 0

    def add(self, frames: Frames) -> None:
        """Keep frames (frames, streams, atoms), of which streams are added up."""
        self._waiting.append(lines_of(added_up(frames)))
        self._frames += len(frames)
        if self._frames > self._most_frames:
            self._hear()

    def transcription(self) -> "Transcription | None":
        """All that was heard, after which nothing may be added any more.

        None where it has ended before, or where the attributes do not say how the frames were made.
        """
        hearing = self._hear()
        return None if hearing is None or self._ending.is_set() else hearing.transcription()

    def _hear(self) -> "HeardFrames | None":
        from sharpear.pitch.heard_frames import HeardFrames  # noqa: PLC0415

        waiting, self._waiting, self._frames = self._waiting, [], 0
        try:
            self._hearing = hearing = self._hearing or HeardFrames(*self._made)
        except InputError:
            return None
        for lines in waiting:
            if self._ending.is_set():
                break
            hearing.add(frames_of(lines, self._atoms))
        return hearing


def lines_of(frames: Frames) -> Lines:
    """The lines of frames (frames, 1, atoms)."""
    place = np.flatnonzero(frames.amplitude)
    amplitude, hz = (part.reshape(-1)[place] for part in (frames.amplitude, frames.instantaneous_frequency))
    return Lines(frames.times, place.astype(np.int32), amplitude, hz, frames.plain_amplitude)


def frames_of(lines: Lines, atoms: int) -> Frames:
    """The frames (frames, 1, atoms) that have these lines, 0 Hz where there is none."""
    amplitude, hz = np.zeros((2, len(lines.times), 1, atoms), np.float32)
    amplitude.reshape(-1)[lines.place], hz.reshape(-1)[lines.place] = lines.amplitude, lines.hz
    return Frames(lines.times, amplitude, hz, lines.plain_amplitude)


def write_page_notes(heard: "Transcription", folder: Path) -> None:
    """What the page shows of them, as JSON: notes, and every voice's pitch."""
    from sharpear.pitch.tool_files import frequencies  # noqa: PLC0415

    pitches = zip(heard.notes, frequencies(heard), strict=True)
    times, notes = heard.voices.times, [{**note.__dict__, "hz": round(hz, 3)} for note, hz in pitches]
    step_s = float(times[1] - times[0]) if len(times) > 1 else 0.0
    f0 = [np.round(column, 2).tolist() for column in heard.voices.f0.T if column.any()]
    told = {"notes": notes, "start_s": float(times[0]) if len(times) else 0.0, "step_s": step_s, "f0": f0}
    write_whole(folder / "notes", json.dumps(told).encode())
