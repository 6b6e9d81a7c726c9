"""Zarr: every chunk ends in a checksum of its own (crc32c); the root knows which files there must be.

The root's attribute `checksums` holds, for each array, how many files it has, their bytes together, and a digest of
their names, sizes and checksums; under "attributes", the checksum of the root itself without this attribute.
"""

import hashlib
import json
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c

from .finding import Access, DamageError, Finding, of_attributes
from .jsons import LARGEST_BYTES, parsed
from .local import LOCAL

ROOT = "zarr.json"
KEY = "checksums"
BLOCK = 1 << 20
TRAILER = 4


def checksums(folder: Path) -> dict[str, Any]:
    """What the attribute `checksums` of a finished Zarr holds; of its chunks only their ends are read."""
    arrays = _Arrays(LOCAL, str(folder))
    arrays.gather(thorough=False, ends=True)
    return {**arrays.sums, "attributes": _root_checksum(parsed((folder / ROOT).read_bytes(), ROOT))}


def examine_zarr(place: str, access: Access, thorough: bool) -> Finding:
    """Whether a Zarr is as it was written; without `thorough` its chunks are counted and measured, but not read."""
    try:
        with access.opened(f"{place}/{ROOT}") as file:
            root = parsed(file.read(LARGEST_BYTES + 1), ROOT)
    except FileNotFoundError:
        return Finding("foreign", f"has no {ROOT}: is none that sharpear wrote, or has lost its root")
    except DamageError as error:
        return Finding("damaged", str(error))
    attributes = root.get("attributes")
    if not isinstance(attributes, dict) or "sharpear" not in attributes:
        return Finding("foreign", "is none that sharpear wrote")
    written = attributes.get(KEY)
    try:
        arrays = _Arrays(access, place)
        arrays.gather(thorough and isinstance(written, dict), ends=False)
        arrays.check_shapes(lone_may_lack=not isinstance(written, dict))
        if not isinstance(written, dict):
            return Finding("readable", "carries no checksums", attributes)
        _compare(written, arrays.sums, thorough)
    except DamageError as error:
        return Finding("damaged", str(error), attributes)
    if written.get("attributes") != _root_checksum(root):
        return Finding("changed", "its attributes are not those that were written", attributes)
    return of_attributes(attributes)


def _compare(written: dict[str, Any], found: dict[str, dict[str, Any]], thorough: bool) -> None:
    for name in sorted({*written, *found} - {"attributes"}):
        then, now = written.get(name), found.get(name)
        if now is None:
            raise DamageError(f"{name}: missing")
        if not isinstance(then, dict):
            raise DamageError(f"{name}: was not written with it")
        if then.get("files") != now["files"]:
            raise DamageError(f"{name}: {now['files']} files of {then.get('files')}")
        if then.get("bytes") != now["bytes"] or (thorough and then.get("digest") != now["digest"]):
            raise DamageError(f"{name}: its files are not those that were written")


def _root_checksum(root: dict[str, Any]) -> str:
    """A checksum of what the root says, less the attribute in which the checksum itself stands."""
    attributes = {key: value for key, value in root.get("attributes", {}).items() if key != KEY}
    return f"{zlib.crc32(json.dumps({**root, 'attributes': attributes}, sort_keys=True).encode()):08x}"


class _Arrays:
    """The files of a Zarr's arrays, gathered in one pass that remembers sums alone."""

    def __init__(self, access: Access, place: str) -> None:
        self._access, self._place = access, place
        self.sums: dict[str, dict[str, Any]] = {}
        self._shapes: dict[str, int] = {}

    def gather(self, thorough: bool, ends: bool) -> None:
        """Count all files, and digest them. thorough: read them, too.  ends: read at least what closes a chunk."""
        for path, size in self._access.files(self._place):
            if path == ROOT:
                continue
            name, _, key = path.partition("/")
            if key == ROOT:
                with self._access.opened(f"{self._place}/{path}") as file:
                    data = file.read(LARGEST_BYTES + 1)
                self._shapes[name] = _chunks(parsed(data, path), name)
                checksum = google_crc32c.value(data)
            elif thorough or ends:
                with self._access.opened(f"{self._place}/{path}") as file:
                    checksum = _chunk_checksum(file, size, path, thorough)
            else:
                checksum = 0
            # Sums of digests do not depend on the order in which files are listed, and need no list of them.
            line = f"{path}\0{size}\0{checksum}".encode(errors="surrogateescape")
            digest = int.from_bytes(hashlib.blake2b(line, digest_size=8).digest())
            sums = self.sums.setdefault(name, {"files": 0, "bytes": 0, "digest": f"{0:016x}"})
            sums["files"] += 1
            sums["bytes"] += size
            sums["digest"] = f"{(int(sums['digest'], 16) + digest) % (1 << 64):016x}"

    def check_shapes(self, lone_may_lack: bool) -> None:
        """Check that every array has the chunks that its shape asks for, and a file that describes it.

        lone_may_lack: an only chunk may be missing, as Zarr leaves out what is all zeros unless told otherwise.
        """
        for name, sums in self.sums.items():
            if name not in self._shapes:
                raise DamageError(f"{name}: not described by a {ROOT}")
            held, stated = sums["files"] - 1, self._shapes[name]
            if held != stated and not (lone_may_lack and (held, stated) == (0, 1)):
                raise DamageError(f"{name}: {held} chunks of {stated}")


def _chunk_checksum(file: BinaryIO, size: int, path: str, thorough: bool) -> int:
    if thorough:
        checksum, end = 0, b""
        while block := file.read(BLOCK):
            block = end + block
            checksum, end = google_crc32c.extend(checksum, block[:-TRAILER]), block[-TRAILER:]
        if len(end) < TRAILER or int.from_bytes(end, "little") != checksum:
            raise DamageError(f"{path}: its checksum does not hold")
        return checksum
    file.seek(max(0, size - TRAILER))
    return int.from_bytes(file.read(TRAILER), "little")


def _chunks(told: dict[str, Any], name: str) -> int:
    """How many chunks an array's description asks for; nothing is made of its size but this number."""
    try:
        shape, chunks = told["shape"], told["chunk_grid"]["configuration"]["chunk_shape"]
        sound = len(shape) == len(chunks) <= 8 and all(type(n) is int and n >= 0 for n in (*shape, *chunks))
        if not sound or (not all(chunks) and all(shape)):
            raise ValueError
        return math.prod(-(-n // max(1, each)) for n, each in zip(shape, chunks, strict=True))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamageError(f"{name}: its description makes no sense") from error
