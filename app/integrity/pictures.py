"""PNG: every part carries a checksum; the picture itself is unpacked, within what its header states, and let go."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from .finding import DamageError, Finding, of_attributes
from .jsons import LARGEST_BYTES, parsed

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BLOCK = 1 << 16
LARGEST_PIXELS = 1 << 28
BYTES_PER_PIXEL = 8


def examine_png(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether a picture is as it was written."""
    file.seek(0)
    head = file.read(len(SIGNATURE))
    if head != SIGNATURE:
        empty = not head.strip(b"\0")
        return Finding("damaged", "is empty") if empty else Finding("foreign", "is no picture that sharpear wrote")
    attributes, picture = {}, zlib.decompressobj()
    left = unpacked = 0
    ended = False
    try:
        for kind, data in _parts(file):
            if kind == b"IHDR" and len(data) >= 8:
                width, height = struct.unpack_from(">II", data)
                if width * height > LARGEST_PIXELS:
                    raise DamageError(f"states {width} × {height} pixels")
                left = height * (width * BYTES_PER_PIXEL + 1)
            elif kind == b"tEXt" and data.startswith(b"attributes\0"):
                attributes = parsed(data.partition(b"\0")[2].decode("latin-1"), "attributes")
            elif kind == b"IDAT":
                while data and not picture.eof:
                    unpacked += len(picture.decompress(data, BLOCK))
                    data = picture.unconsumed_tail
                    if unpacked > left:
                        raise DamageError("holds more than its header states")
            ended = kind == b"IEND"
        if not (ended and picture.eof) or file.read(1):
            raise DamageError("is cut short, or goes on after its end")
    except (DamageError, zlib.error, struct.error) as error:
        return Finding("damaged", str(error), attributes)
    if "sharpear" not in attributes:
        return Finding("foreign", "is no picture that sharpear wrote")
    return of_attributes(attributes)


def _parts(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of each; pictures in pieces, anything else up to what attributes may take."""
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        if len(head) < 8:
            raise DamageError("is cut short")
        left, kind = struct.unpack(">I4s", head)
        if kind != b"IDAT" and left > LARGEST_BYTES:
            raise DamageError(f"has a part of {left} bytes")
        checksum = zlib.crc32(kind)
        while True:
            data = file.read(min(left, LARGEST_BYTES))
            checksum, left = zlib.crc32(data, checksum), left - len(data)
            yield kind, data
            if not left or not data:
                break
        if left or file.read(4) != struct.pack(">I", checksum):
            raise DamageError("a checksum does not hold")
