"""Notes in the formats of other tools, read from end to end, as they have no place for a checksum."""

import json
import re
from typing import BinaryIO
from xml.parsers.expat import ExpatError, ParserCreate

from .finding import DamageError, Finding
from .texts import READABLE

LARGEST = 1 << 28
PITCH_TIERS = tuple(f'File type = "ooTextFile"\nObject class = "{name}"\n\n' for name in ("PitchTier", "Collection"))
FOREIGN = Finding("foreign", "is none that sharpear wrote")


def examine_labels(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether every line is onset, offset and name, as Audacity reads them."""
    try:
        text = _text(file)
    except DamageError:  # many things are called .txt
        return FOREIGN
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        columns = line.split("\t")
        try:
            whole = len(columns) == 3 and line.endswith("\n") and float(columns[0]) <= float(columns[1])
        except ValueError:
            whole = False
        if not whole:
            if number == 1:
                return FOREIGN
            raise DamageError(f"line {number} is cut short or damaged")
    return READABLE


def examine_text_grid(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether as many tiers and intervals are there as Praat is told, and the last one is whole."""
    text = _text(file)
    if not text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n'):
        return FOREIGN
    stated: list[int] = []
    for line in text.splitlines():
        name, _, value = line.strip().partition("size = ")
        if name in ("", "intervals: ") and value.isdecimal():
            stated.append(int(value[:9]))
    tiers, intervals = text.count('class = "IntervalTier"'), text.count("\n            text = ")
    if not stated or tiers != stated[0] or intervals != sum(stated[1:]) or not text.endswith('"\n'):
        raise DamageError("is cut short or damaged")
    return READABLE


def examine_pitch_tier(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether as many points are there as Praat is told, and the last one is whole."""
    text = _text(file)
    if not text.startswith(PITCH_TIERS):
        return FOREIGN
    stated = sum(int(size[:9]) for size in re.findall(r"points: size = (\d+)\n", text))
    found = len(re.findall(r"\n *number = [0-9.]+\n *value = [0-9.]+\n", text))
    tiers = re.match(r'.*\n.*"Collection"\n\nsize = (\d+)\n', text)
    if found != stated or text.count("points: size") != (int(tiers[1][:9]) if tiers else 1):
        raise DamageError("is cut short or damaged")
    return READABLE


def examine_layer(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether it is a layer of Sonic Visualiser from end to end. Nothing of it is kept, and it may declare nothing."""
    if b"<sv>" not in file.read(200):
        return FOREIGN
    file.seek(0)

    def refused(*_: object) -> None:
        raise DamageError("declares entities, which no layer needs")

    parser = ParserCreate()
    parser.EntityDeclHandler = refused
    try:
        parser.ParseFile(file)
    except ExpatError as error:
        raise DamageError(f"is cut short or damaged ({error})") from error
    return READABLE


def examine_jams(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether it is JSON with what JAMS asks for."""
    try:
        told = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise DamageError("cannot be read as JSON") from error
    if not isinstance(told, dict) or not {"annotations", "file_metadata"} <= told.keys():
        return FOREIGN
    return READABLE


def _text(file: BinaryIO) -> str:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise DamageError(f"larger than {LARGEST} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DamageError("is no text") from error
