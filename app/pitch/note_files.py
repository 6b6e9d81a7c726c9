"""What is written of a transcription: notes as CSV, JSON lines or MIDI, curves as CSV."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import mido
import numpy as np

from sharpear.errors import UsageError

from .notes import Note
from .tool_files import TOOL_FORMATS
from .transcriber import Transcription

TICKS_PER_S = 960
"""MIDI ticks in a second, about one a millisecond: 480 in a quarter note, of which a minute has 120."""
DRUM_CHANNEL = 9
MIDI_FLOOR_DB = -60.0
"""Level that becomes MIDI velocity 1; full scale becomes 127."""


def _notes_csv(transcription: Transcription) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["onset_s", "offset_s", "midi", "cents", "level_db", "voice"])
    for n in transcription.notes:
        writer.writerow(
            [f"{n.onset_s:.4f}", f"{n.offset_s:.4f}", n.midi, f"{n.cents:.1f}", f"{n.level_db:.1f}", n.voice]
        )
    return text.getvalue().encode()


def _notes_jsonl(transcription: Transcription) -> bytes:
    rounded = ({k: round(v, 4) for k, v in asdict(note).items()} for note in transcription.notes)
    return "".join(json.dumps(row) + "\n" for row in rounded).encode()


def _curves_csv(transcription: Transcription) -> bytes:
    """A table with a column for each voice: its fundamental in Hz, continued, and 0 where it is silent."""
    voices = transcription.voices
    text = io.StringIO()
    header = ",".join(["time_s", *(f"voice{v}_hz" for v in range(voices.f0.shape[1]))])
    table = np.column_stack([voices.times, voices.continued()])
    np.savetxt(text, table, fmt=["%.4f"] + ["%.2f"] * voices.f0.shape[1], delimiter=",", header=header, comments="")
    return text.getvalue().encode()


def _midi(transcription: Transcription) -> bytes:
    """A track for each voice, and a channel as long as there are some: then voices share one."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2)
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    voices = sorted({note.voice for note in transcription.notes})
    for first in range(min(len(voices), len(channels))):
        sharing = voices[first :: len(channels)]
        notes = _restruck([note for note in transcription.notes if note.voice in sharing])
        for voice in sharing:
            file.tracks.append(_midi_track([note for note in notes if note.voice == voice], voice, channels[first]))
    if not file.tracks:
        file.tracks.append(mido.MidiTrack())
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _restruck(notes: Sequence[Note]) -> list[Note]:
    """The notes of one channel, by onset, where a key is one: struck while it is down, it is let go first.

    It stays down as long as either note lasts.
    """
    latest: dict[int, Note] = {}
    done = []
    for note in notes:
        before = latest.pop(note.midi, None)
        if before and before.onset_s < note.onset_s:
            done.append(replace(before, offset_s=min(before.offset_s, note.onset_s)))
        latest[note.midi] = replace(note, offset_s=max(note.offset_s, before.offset_s)) if before else note
    return done + list(latest.values())


def _midi_track(notes: Sequence[Note], voice: int, channel: int) -> mido.MidiTrack:
    events = []
    for note in notes:
        velocity = int(np.clip(1 + 126 * (1 - note.level_db / MIDI_FLOOR_DB), 1, 127))
        on, off = (round(max(0.0, at) * TICKS_PER_S) for at in (note.onset_s, note.offset_s))
        for tick, kind in ((on, "note_on"), (off, "note_off")):
            message = mido.Message(kind, channel=channel, note=min(max(note.midi, 0), 127), velocity=velocity)
            events.append((tick, kind == "note_on", message))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"voice {voice}", time=0)])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):  # a note ends before one begins
        track.append(message.copy(time=tick - now))
        now = tick
    return track


FORMATS: dict[str, Callable[[Transcription], bytes]] = {
    "f0.csv": _curves_csv,
    "csv": _notes_csv,
    "jsonl": _notes_jsonl,
    "mid": _midi,
    **TOOL_FORMATS,
}
"""What is written, by how a file's name ends."""

NOTE_KINDS = ("notes.csv", "notes.mid", "notes.jsonl", "f0.csv", *(f"notes.{ending}" for ending in TOOL_FORMATS))
"""What a folder can get of each input, the first if nothing is asked for."""


def format_of(path: Path) -> str:
    """The format that a file's name asks for.

    Raises:
        UsageError: the name asks for none.

    >>> format_of(Path("song.f0.csv")), format_of(Path("song.textgrid"))
    ('f0.csv', 'TextGrid')
    """
    for ending in FORMATS:
        if f".{path.name}".lower().endswith(f".{ending}".lower()):
            return ending
    raise UsageError(f"-o {path}: expected a name such as {', '.join(NOTE_KINDS)}, received {path.name!r}")
