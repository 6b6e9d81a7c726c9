"""Opens a file of sound: with libsndfile, by its name or through a pipe, or with FFmpeg."""

import io
import os
import re
import shutil
import stat
import string
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.quiet import quiet_decoder

from .damage import is_mpeg
from .media import HEAD_BYTES, INSTALL, MediaError, MediaFile, NothingDecodesError, is_media
from .wav_header import (
    LARGEST_HEADER,
    WAV_BEGINNING,
    begins_wav,
    find_data,
    is_placeholder,
    is_unstated,
    is_wav,
    that_another_follows,
    with_open_end,
)

UNKNOWN_SAMPLES = 1 << 60

SAMPLE_BYTES = {
    "PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1,
}  # fmt: skip
"""Bytes a sample, for the encodings in which all samples take as many."""

BLOCKS_ONLY = ("SDS", "PAF")
"""Containers of whose last block libsndfile gives nothing to a read that begins within it."""

WHOLE_BLOCKS = 960
"""Samples in whole blocks of each of those, which hold 60, 40, 30 and 10."""


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile carries no types
    """A file read straight on: soundfile seeks after every read if it can, by which an MP3 decoder loses its memory."""

    def __init__(self, file: Any) -> None:
        # by its bytes: soundfile encodes a text strictly, and not every name of a file is one
        with quiet_decoder():  # libmpg123 tells stderr of each fault
            super().__init__(os.fsencode(file) if isinstance(file, Path) else file)

        self._rest: NDArray[np.float32] | None = None

    def seekable(self) -> bool:
        """Whether one may seek: never."""
        return False

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """(samples, channels): `frames` of them, fewer at the end."""
        if self.format not in BLOCKS_ONLY:
            with quiet_decoder() if self.format == "MP3" else nullcontext():
                block: NDArray[np.float32] = super().read(frames, dtype=dtype, always_2d=always_2d)
            return block
        pieces, count = [], 0
        while count < frames:
            piece = self._rest
            if piece is None or not len(piece):
                piece = super().read(WHOLE_BLOCKS, dtype=dtype, always_2d=True)
            if not len(piece):
                break
            pieces.append(piece[: frames - count])
            self._rest = piece[frames - count :]
            count += len(pieces[-1])
        return np.concatenate(pieces) if pieces else np.zeros((0, self.channels), np.float32)


MPEG_SUFFIXES = (".mp3", ".mp2", ".mpga")
TEXT = string.printable.encode()


def open_audio(path: Path) -> "SequentialFile | MediaFile":
    """The file, at its beginning.

    Raises:
        InputError: it is missing, no regular file, empty, or nothing decodes it.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder, expected an audio file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is not a regular file, expected an audio file")
        with path.open("rb") as opened:
            skip_tags(opened)
            head = opened.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): change the permissions") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if status.st_size == 0:
        raise InputError(f"{path}: is empty (0 bytes)")
    if is_media(head):
        return _open_media(path)
    if path.suffix.lower() in MPEG_SUFFIXES and not head.translate(None, TEXT):
        raise InputError(f"{path}: is text, expected MPEG audio, as its name says")  # its decoder would look for frames
    try:
        if is_mpeg(head):  # one frame alone is nothing to libsndfile by name
            return SequentialFile(_as_pipe(path))
        file = SequentialFile(_readable(path))
        if file.format == "MP3":
            file.close()
            return SequentialFile(_as_pipe(path))
        return file
    except soundfile.LibsndfileError as error:
        if is_wav(head) and (joined := _another_wav(path)):
            raise InputError(joined) from error
        cause = error.error_string.rstrip(".")
        if cause.startswith("File does not exist"):  # what it says of all that an MP3's decoder refuses
            cause = "Format not recognised"
        raise InputError(f"{path}: is not audio that libsndfile reads, or is damaged ({cause})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except TypeError as error:
        raise InputError(f"{path}: has no header that states its sample rate: convert it to WAV") from error


def _open_media(path: Path) -> MediaFile:
    source = path.open("rb")
    try:
        return MediaFile(source)
    except MediaError as error:
        source.close()
        raise InputError(not_decoded(str(path), error)) from error


def not_decoded(name: str, error: MediaError) -> str:
    """The error that neither libsndfile nor FFmpeg reads this, and what to do about it."""
    if isinstance(error, NothingDecodesError):
        return f"{name}: is not audio that libsndfile reads: to decode it, {INSTALL}"
    return f"{name}: is not audio that FFmpeg reads, or is damaged ({error.error_string})"


def _readable(path: Path) -> "Path | _OpenEnded":
    """The path itself, or a WAV of stated length 0 whose samples follow nevertheless as one that is read to its end."""
    with path.open("rb") as file:
        head = file.read(12)
        if is_wav(head):
            head += file.read(LARGEST_HEADER)
            found = find_data(head)
            if found and found[1] == 0 and is_unstated(0, head[found[0] :]):
                return _OpenEnded(path, with_open_end(head[: found[0]], found[0]))
    return path


def _another_wav(path: Path) -> str | None:
    """The line that a second WAV follows a first, which libsndfile refuses by name; None where none does."""
    with path.open("rb") as file:
        found = find_data(file.read(LARGEST_HEADER))
        if not found:
            return None
        file.seek(end := sum(found))
        gap = begins_wav(file.read(WAV_BEGINNING))
    return None if gap is None else that_another_follows(str(path), end + gap)


def _as_pipe(path: Path) -> int:
    """The file through a pipe: in an MP3 that can be sought, libsndfile reads only as much as it guesses is there."""
    outlet, inlet = os.pipe()

    def pump() -> None:
        with suppress(OSError), open(inlet, "wb") as pipe, path.open("rb") as file:  # closed before its end: EPIPE
            skip_tags(file)
            shutil.copyfileobj(file, pipe)

    threading.Thread(target=pump, daemon=True).start()
    return outlet


def skip_tags(file: IO[bytes]) -> None:
    """To behind the ID3 tags that stand in front of anything."""
    at = 0
    while size := tag_bytes(file.read(10)):
        at += size
        file.seek(at)
    file.seek(at)


def tag_bytes(head: bytes) -> int:
    """How long the ID3 tag is that `head`, ten bytes, begins; 0 where none does. Its size has seven bits a byte."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return size + (20 if head[5] & 16 else 10)


class _OpenEnded(io.FileIO):
    """A file with another header in the place of its own, which is as long."""

    def __init__(self, path: Path, head: bytes) -> None:
        super().__init__(path)
        self._head = head

    def seek(self, offset: int, whence: int = 0) -> int:
        """Nowhere, where a damaged header says to go before the beginning: no exception gets through libsndfile."""
        try:
            return super().seek(offset, whence)
        except OSError:
            return self.tell()

    def readinto(self, buffer: Any) -> int:
        at = self.tell()
        count = super().readinto(buffer) or 0
        instead = self._head[at : at + count]
        buffer[: len(instead)] = instead
        return count


def frame_bytes(file: "SequentialFile | MediaFile") -> int | None:
    """The bytes of one sample of all channels, if all samples take as many."""
    size = SAMPLE_BYTES.get(file.subtype)
    return size * int(file.channels) if size and file.format not in ("FLAC", "SDS", "PAF") else None


def missing_bytes(log: str, sample_bytes: int = 1) -> int:
    """Bytes that a WAV, AIFF, AU, W64 or RF64 header promises beyond those there; writers to pipes promise 2³²−1.

    log: what libsndfile says of the header.  sample_bytes: of a sample of all channels.

    >>> missing_bytes("data : 32000 (should be 31997)"), missing_bytes("data : 2147483647 (should be 9)")
    (3, 0)
    """
    found = re.search(
        r"(?:data|SSND|Data Size|riff)\s*: (?P<stated>\d+) \(should be (?P<present>\d+)\)|"
        r"frame count (?P<frames>\d+) does not match value from 'ds64' chunk of (?P<ds64>\d+)",
        log,
    )
    if not found:
        return 0
    stated, present = int(found["stated"] or found["ds64"]), int(found["present"] or found["frames"])
    if is_placeholder(stated) or stated < present:
        return 0
    return (stated - present) * (sample_bytes if found["ds64"] else 1)
