"""Notes, curves and reports: they have no place for a checksum, and are read from end to end."""

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import BinaryIO

from .finding import DamageError, Finding
from .jsons import parsed

LARGEST_LINE = 1 << 16
LARGEST_MIDI = 1 << 24
LARGEST_REPORT = 1 << 26
NOTES, CURVES = "onset_s,offset_s,midi,cents,level_db,voice", "time_s"
LAYERS = {2: 0, 5: 1}
"""Columns of Sonic Visualiser's layers, which say nothing of themselves, and how many of them are names: the last."""
READABLE = Finding("readable", "carries no checksum, all of it can be read")


def examine_csv(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether every row has as many numbers as the first has names, or as a layer of Sonic Visualiser has columns."""
    columns, names = 0, 0
    for number, line in enumerate(_lines(file), 1):
        row = next(csv.reader([line]), [])
        if number == 1:
            columns, names = len(row), LAYERS.get(len(row), 0)
            if line.rstrip("\r\n") == NOTES or row[:1] == [CURVES]:
                names = 0
                continue
            if columns not in LAYERS or not _is_number(row[0]):
                return Finding("foreign", "is none that sharpear wrote")
        if len(row) != columns or not all(map(_is_number, row[: columns - names])) or not line.endswith("\n"):
            raise DamageError(f"line {number} is cut short or damaged")
    return READABLE if columns else Finding("damaged", "is empty")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def examine_jsonl(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether every line is an object."""
    for number, line in enumerate(_lines(file), 1):
        try:
            parsed(line, "")
        except DamageError as error:
            raise DamageError(f"line {number} is cut short or damaged") from error
    return READABLE


def _lines(file: BinaryIO) -> Iterator[str]:
    file.seek(0)
    while line := file.readline(LARGEST_LINE + 1):
        if len(line) > LARGEST_LINE:
            raise DamageError(f"has a line of more than {LARGEST_LINE} bytes")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise DamageError("is no text") from error


def examine_midi(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether it is MIDI from end to end."""
    import mido  # noqa: PLC0415 (what checks no notes does not wait for it)

    data = file.read(LARGEST_MIDI + 1)
    if len(data) > LARGEST_MIDI:
        return Finding("damaged", f"larger than {LARGEST_MIDI} bytes")
    try:
        mido.MidiFile(file=io.BytesIO(data))
    except Exception as error:  # whatever its parser stumbles over
        raise DamageError("cannot be read as MIDI") from error
    return READABLE


def examine_report(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether it is a batch's report."""
    data = file.read(LARGEST_REPORT + 1)
    try:
        told = json.loads(data) if len(data) <= LARGEST_REPORT else None
    except (ValueError, RecursionError) as error:
        raise DamageError("cannot be read as JSON") from error
    if not isinstance(told, dict) or not {"sharpear", "files"} <= told.keys():
        return Finding("foreign", "is no report that sharpear wrote")
    return READABLE
