"""SVG and PDF: a comment at the end holds the attributes as JSON, and a checksum of all but its own digits."""

import json
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from .finding import DamageError, Finding, of_attributes
from .jsons import parsed

MARK = b"sharpear-attributes "
DIGITS = 8
LARGEST = 1 << 28
ENDS = b"</svg>", b"%%EOF"
BEGINS = b"%PDF-1.4\n%\xac\xdc \xab\xba\n", b"<dc:title>Matplotlib"
"""What stands at the beginning of Matplotlib's PDF, and in that of its SVG: others are not told to be cut short."""


def seal_vector(path: Path, attributes: dict[str, Any]) -> None:
    """Add the comment to a finished SVG or PDF, by its suffix.

    Raises:
        OSError: it cannot be written.
    """
    data = path.read_bytes()
    told = json.dumps(attributes).replace("--", "-\\u002d").encode()  # two hyphens would end an SVG's comment
    if path.suffix == ".pdf":
        # Readers look for the end within the last kilobyte, so it is stated again.
        before, after = data + b"% ", b"\n" + data[data.rindex(b"startxref") :]
    else:
        before, after = data + b"<!-- ", b" -->\n"
    checksum = zlib.crc32(before + MARK + b" " + told + after)
    path.write_bytes(before + MARK + f"{checksum:0{DIGITS}x}".encode() + b" " + told + after)


def examine_vector(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether a drawing is as it was written."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        return Finding("damaged", f"larger than {LARGEST} bytes")
    before, mark, rest = data.rpartition(MARK)
    if not mark:
        if data.rstrip().endswith(ENDS) or not any(begin in data[:2000] for begin in BEGINS):
            return Finding("foreign", "is no picture that sharpear wrote")
        return Finding("damaged", "is cut short")
    digits, told = rest[:DIGITS], rest[DIGITS:].lstrip(b" ").partition(b"\n")[0].removesuffix(b" -->")
    if digits != f"{zlib.crc32(before + mark + rest[DIGITS:]):0{DIGITS}x}".encode():
        return Finding("damaged", "its checksum does not hold")
    try:
        attributes = parsed(told, "attributes")
    except DamageError as error:
        return Finding("damaged", str(error))
    return of_attributes(attributes)
