"""What is written of a transcription: notes and curves as tables, notes as JSON lines, and in formats of others."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, astuple
from pathlib import Path

import numpy as np

from sharpear.errors import UsageError
from sharpear.sinks.parquet import parquet_bytes, pyarrow
from sharpear.version import __version__

from .midi_file import midi
from .tool_files import TOOL_FORMATS
from .transcriber import Transcription


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
    """A table with a column for each voice: its fundamental in Hz, continued, and 0 where it is silent.

    Of one voice sought alone its strength stands beside.
    """
    voices = transcription.voices
    text, count = io.StringIO(), voices.f0.shape[1]
    names, table = [f"voice{v}_hz" for v in range(count)], np.column_stack([voices.times, voices.continued()])
    if voices.strength is not None:
        names.append("voice0_strength")
        table = np.column_stack([table, voices.strength])
    formats = ["%.4f"] + ["%.2f"] * count + ["%.4f"] * (len(names) - count)
    header = ",".join(["time_s", *names])
    np.savetxt(text, table, fmt=formats, delimiter=",", header=header, comments="")
    return text.getvalue().encode()


def _notes_parquet(transcription: Transcription) -> bytes:
    """A row a note, the columns as in CSV."""
    types = {"onset_s": "f8", "offset_s": "f8", "midi": "i4", "cents": "f4", "level_db": "f4", "voice": "i4"}
    rows = np.array([astuple(note) for note in transcription.notes], list(types.items()))
    return parquet_bytes(rows, {"sharpear": __version__, "sample_rate": transcription.sample_rate})


def _curves_parquet(transcription: Transcription) -> bytes:
    """A row for each step and voice that sounds: time_s, voice, f0_hz, amplitude, and strength of one sought alone."""
    voices = transcription.voices
    step, voice = np.nonzero(np.atleast_2d(voices.f0.T).T > 0)
    of_voices = {"f0_hz": voices.f0, "amplitude": voices.amplitude, "strength": voices.strength}
    told = {name: values[step, voice] for name, values in of_voices.items() if values is not None}
    rows = np.empty(step.size, [("time_s", "f8"), ("voice", "i4"), *((name, "f4") for name in told)])
    rows["time_s"], rows["voice"] = voices.times[step], voice
    for name, values in told.items():
        rows[name] = values
    return parquet_bytes(rows, {"sharpear": __version__, "sample_rate": transcription.sample_rate})


FORMATS: dict[str, Callable[[Transcription], bytes]] = {
    **TOOL_FORMATS,
    "f0.csv": _curves_csv,
    "csv": _notes_csv,
    "jsonl": _notes_jsonl,
    "mid": midi,
    "f0.parquet": _curves_parquet,
    "parquet": _notes_parquet,
}
"""What is written, by how a file's name ends; of endings that fit the first."""

NOTE_KINDS = (
    *("notes.csv", "notes.mid", "notes.jsonl", "f0.csv", "notes.txt", "notes.TextGrid", "f0.PitchTier", "notes.svl"),
    *("notes.sv.csv", "f0.sv.csv", "notes.jams", "notes.parquet", "f0.parquet"),
)
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


def writer_of(format_: str) -> Callable[[Transcription], bytes]:
    """The function that writes a format, which lacks nothing.

    Raises:
        UsageError: a package that it needs is not installed.
    """
    if format_.endswith("parquet"):
        pyarrow()
    return FORMATS[format_]
