"""NumPy's .npz of unknown origin: sizes are checked before memory is taken; a seal at its end covers every byte."""

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from .finding import DamageError, Finding, of_attributes
from .jsons import LARGEST_BYTES, parsed

SEAL = b"sharpear crc32 "
"""Begins the archive's comment; eight hexadecimal digits follow, the checksum of all bytes before them."""

BLOCK = 1 << 20
LARGEST_READ = 1 << 22
"""The most bytes read at once: only a directory of members of absurd size asks for more."""

END, END_BYTES = b"PK\5\6", 22
"""How the end record of an archive without a comment begins, and its length: it is the archive's end."""

FIRST = b"frequencies.npy"
"""The first member of the files of frames, by which a damaged one is recognised."""

BROKEN = (
    OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, OverflowError, MemoryError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""All that zipfile and NumPy raise on what is no archive of theirs."""


def seal(file: BinaryIO) -> None:
    """Give an archive without a comment, open to be changed, one that is the checksum of all that stands before it."""
    file.seek(-2, 2)
    file.write(struct.pack("<H", len(SEAL) + 8) + SEAL)
    file.seek(0)
    checksum = _checksum(file, None)
    file.seek(0, 2)
    file.write(b"%08x" % checksum)


def _checksum(file: BinaryIO, count: int | None) -> int:
    checksum, left = 0, count
    while block := file.read(BLOCK if left is None else min(BLOCK, left)):
        checksum = zlib.crc32(block, checksum)
        left = None if left is None else left - len(block)
    return checksum


class _Limited:
    """A file that does not read more at once than a sound archive needs."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable, self.close = file.seek, file.tell, lambda: True, lambda: None

    def read(self, count: int = -1) -> bytes:
        """Read at most `LARGEST_READ` bytes; more is damage."""
        data = self._file.read(LARGEST_READ + 1 if count < 0 else min(count, LARGEST_READ + 1))
        if len(data) > LARGEST_READ:
            raise DamageError("its directory is of absurd size")
        return data


class Arrays:
    """The arrays of an .npz of unknown origin. Any method raises `DamageError` for what is not as it should be."""

    def __init__(self, file: BinaryIO) -> None:
        with _explained("is no archive"):
            self._archive = zipfile.ZipFile(cast(Any, _Limited(file)))

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self._archive.namelist()

    def read(self, name: str, kinds: str, largest_bytes: int) -> NDArray[Any]:
        """An array of a dtype of one of `kinds` ("f", "U"…) that takes no more than `largest_bytes`."""
        with _explained(name), self._opened(name, kinds) as (member, info, shape, fortran, dtype):
            if info.file_size > largest_bytes:
                raise DamageError(f"{name}: states {info.file_size} bytes, more than {largest_bytes}")
            data = bytearray()
            while block := member.read(BLOCK):  # to its end, where its checksum is compared
                data += block
            return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")

    @contextmanager
    def _opened(self, name: str, kinds: str) -> Iterator[tuple[Any, zipfile.ZipInfo, tuple[int, ...], bool, Any]]:
        info = self._archive.getinfo(f"{name}.npy")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise DamageError(f"{name}: packed in a way that is not read")
        with self._archive.open(info) as member:
            shape, fortran, dtype = _header(member, name)
            if dtype.hasobject or dtype.kind not in kinds or not dtype.itemsize:
                raise DamageError(f"{name}: holds {dtype}")
            if min(shape, default=0) < 0 or member.tell() + math.prod(shape) * dtype.itemsize != info.file_size:
                raise DamageError(f"{name}: does not hold what its header states")
            yield member, info, shape, fortran, dtype

    def check(self, name: str, kinds: str) -> None:
        """Check that an array's header is sound, and states as much as is there."""
        with _explained(name), self._opened(name, kinds):
            pass

    def attributes(self) -> dict[str, Any]:
        """The attributes in which the file says how it was made."""
        told = self.read("attributes", "U", 4 * LARGEST_BYTES + 256)
        if told.ndim:
            raise DamageError("attributes: no text")
        with _explained("attributes"):
            return parsed(str(told), "attributes")


def _header(member: Any, name: str) -> tuple[tuple[int, ...], bool, Any]:
    try:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(member)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(member)
    except Exception as error:  # the header is parsed as Python, with whatever that raises
        raise DamageError(f"{name}: its header cannot be read") from error
    raise DamageError(f"{name}: of an unknown version")


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (*BROKEN, RecursionError) as error:
        if isinstance(error, DamageError):
            raise
        raise DamageError(f"{what}: missing" if isinstance(error, KeyError) else f"{what}: cannot be read") from error


def examine_npz(file: BinaryIO, thorough: bool) -> Finding:
    """Whether an .npz is as it was written; without `thorough` its bulk is not read."""
    size = file.seek(0, 2)
    file.seek(max(0, size - len(SEAL) - 8))
    tail = file.read(len(SEAL) + 8)
    sealed = tail.startswith(SEAL)
    if sealed and thorough:
        file.seek(0)
        if b"%08x" % _checksum(file, size - 8) != tail[len(SEAL) :]:
            return Finding("damaged", "its checksum does not hold")
    try:
        arrays = Arrays(file)
        attributes = arrays.attributes()
        if "sharpear" not in attributes:
            return Finding("foreign", "is none that sharpear wrote")
        bulk = ("times", "amplitude", "instantaneous_frequency", "plain_amplitude", "fundamental", "atoms", "center_hz")
        for name in bulk:
            if name in arrays:
                arrays.check(name, "f")
    except DamageError as error:
        file.seek(0)
        head = file.read(64)
        if sealed or not head.strip(b"\0") or head[30:].startswith(FIRST):
            return Finding("damaged", "is empty" if not head.strip(b"\0") else str(error))
        return Finding("foreign", f"is none that sharpear wrote ({error})")
    if not sealed:
        file.seek(max(0, size - END_BYTES))
        if file.read(4) != END:
            return Finding("damaged", "its end is cut off or damaged", attributes)
        return Finding("readable", "carries no checksum", attributes)
    return of_attributes(attributes)
