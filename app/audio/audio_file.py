"""Audio files as streams of blocks: whatever libsndfile or FFmpeg reads, never loaded whole."""

import io
import logging
import math
import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError

from .damage import DamageWatch
from .media import HEAD_BYTES, INSTALL, MediaError, MediaFile, NothingDecodesError, is_media
from .mono import MonoMix, signs_that_keep, that_it_cancels
from .wav_header import LARGEST_HEADER, find_data, is_placeholder, is_unstated, is_wav, with_open_end

LOWEST_RATE_HZ = 8000
HIGHEST_RATE_HZ = 192000
LENGTH_BLOCK = 1024
"""Samples decoded at once to find a file's true length: a block in which decoding fails is lost as a whole."""

UNKNOWN_SAMPLES = 1 << 60

SAMPLE_BYTES = {
    "PCM_S8": 1, "PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8, "ULAW": 1, "ALAW": 1,
}  # fmt: skip
"""Bytes a sample, for the encodings in which all samples take as many."""

logger = logging.getLogger(__name__)
"""Tells, a line each, which damaged files are read nevertheless; the command line shows the lines on stderr."""


@dataclass(frozen=True)
class Selection:
    """Which part of an input to take.

    start_s: where to begin, s.  duration_s: how much, s; to the end when None.  mono: mix the channels to their mean.
    keep: of a file, turn over channels that would cancel each other in the mix.
    """

    start_s: float = 0.0
    duration_s: float | None = None
    mono: bool = False
    keep: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise UsageError(f"expected a start of 0 s or more, received {self.start_s:g}")
        if self.duration_s is not None and not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise UsageError(f"expected a duration above 0 s, received {self.duration_s:g}")


class AudioSource(Protocol):
    """Where a stretch of audio comes from: a file, or a pipe whose length (samples) may be unknown."""

    sample_rate: int
    channels: int
    start_s: float
    selection: Selection

    @property
    def name(self) -> str:
        """How outputs name this input."""

    @property
    def samples(self) -> int | None:
        """How many samples there are, where that is known."""

    def blocks(self, samples: int) -> Iterator[NDArray[np.float32]]:
        """The stretch in blocks of at most `samples`."""


class AudioFile:
    """A stretch of an audio file, read in blocks of float32 (samples, channels).

    Args:
        path: the file.
        selection: which part of it; all by default. A duration beyond the end is cut to it.

    Raises:
        InputError: the file is missing, not audio, empty, truncated, or of a sample rate outside 8 to 192 kHz.
        UsageError: the selection starts beyond the end.
    """

    def __init__(self, path: Path, selection: Selection | None = None) -> None:
        selection = selection or Selection()
        self.selection = selection
        self.path = path
        self.name = path.name
        self._file = _open(path)
        self._as_opened = _signature(path)
        self.format = str(self._file.format)
        self.sample_rate = int(self._file.samplerate)
        self.channels = 1 if selection.mono else int(self._file.channels)
        try:
            self._select(selection.start_s, selection.duration_s)
            self._mix = self._mono_mix() if selection.mono and int(self._file.channels) > 1 else None
        except BaseException:
            self._file.close()
            raise

    def _select(self, start_s: float, duration_s: float | None) -> None:
        check_rate(str(self.path), self.sample_rate)
        present = _length(self.path, self._as_opened)
        if present == 0:
            raise InputError(f"{self.path}: holds no audio (0 samples)")
        first = round(start_s * self.sample_rate)
        if first >= present:
            raise UsageError(f"{self.path}: start {start_s:g} s is beyond its end at {present / self.sample_rate:g} s")
        wanted = present - first if duration_s is None else max(1, round(duration_s * self.sample_rate))
        self.start_s = first / self.sample_rate
        self.samples = min(wanted, present - first)
        self._go_to(first)

    def _mono_mix(self) -> MonoMix:
        if not self.selection.keep:
            return MonoMix()
        with AudioFile(self.path, replace(self.selection, mono=False)) as apart:
            signs = signs_that_keep(apart.blocks())
        if signs is not None:
            logger.warning("%s: its channels cancel each other in their mean: those that do are turned over", self.path)
        return MonoMix(signs)

    def _go_to(self, first: int) -> None:
        if isinstance(self._file, SequentialFile) and _frame_bytes(self._file):
            self._file.seek(first)
            return
        while first and (passed := len(self._file.read(min(first, LENGTH_BLOCK), dtype="float32"))):
            first -= passed

    def blocks(self, samples: int = 65536) -> Iterator[NDArray[np.float32]]:
        """The stretch in blocks of at most `samples`.

        Raises:
            InputError: the file has become shorter since it was opened.
        """
        done = 0
        while done < self.samples:
            try:
                block = self._file.read(min(samples, self.samples - done), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                block = np.zeros((0, 1), np.float32)
            if not len(block):
                seconds, whole_s = done / self.sample_rate, self.samples / self.sample_rate
                raise InputError(
                    f"{self.path}: ends after {seconds:.3f} s of {whole_s:.3f} s: it has changed while it was read"
                )
            done += len(block)
            yield self._mix.mix(block) if self._mix else block
        if self._mix and self._mix.cancels:
            _say_once(that_it_cancels(str(self.path)), self._as_opened)

    def check_unchanged(self) -> None:
        """Check that the file is still what it was when it was opened. One that has vanished was read to its end.

        Raises:
            InputError: it has been written to meanwhile, or replaced.
        """
        now = _signature(self.path)
        if now and now != self._as_opened:
            raise InputError(f"{self.path}: has changed while it was read: run it again when it is finished")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@lru_cache(maxsize=4096)
def _say_once(line: str, _signature: tuple[int, ...]) -> None:
    """Log a line once, however often a file is opened, in parts or as a whole."""
    logger.warning("%s", line)


@lru_cache(maxsize=4096)
def _length(path: Path, _signature: tuple[int, ...]) -> int:
    """Count the samples that are there: compressed audio is decoded to its end, because its header may be wrong.

    What is wrong is said once, however often the file is opened.  _signature: changes when the file does.
    """
    with _open(path) as file:
        stated, present = int(file.frames), 0
        if _frame_bytes(file):
            present, stated = stated, round(stated * _stated_per_present(file.extra_info))
        else:
            try:
                while block := len(file.read(LENGTH_BLOCK, dtype="float32")):
                    present += block
            except soundfile.LibsndfileError as error:
                cause = error.error_string.rstrip(".")
                if not present:
                    raise InputError(f"{path}: cannot be decoded ({cause})") from error
                seconds = present / file.samplerate
                logger.warning("%s: is damaged after %.3f s (%s): read to there", path, seconds, cause)
                return present
        if isinstance(file, MediaFile) and file.damage:
            logger.warning("%s: is damaged (%s): what could be decoded is read", path, file.damage)
        if file.format in ("OGG", "MP3") and (damage := _damage(path)):
            logger.warning("%s: %s", path, damage)
        guessed = file.format == "MP3"  # one without a table of its frames
        if present and present < stated < UNKNOWN_SAMPLES and not guessed:
            logger.warning("%s", too_short(str(path), present, stated, file.samplerate))
        return present


def _damage(path: Path) -> str | None:
    watch = DamageWatch()
    with path.open("rb") as file:
        _skip_tags(file)
        while data := file.read(1 << 16):
            watch.look(data)
    return watch.damage


def _frame_bytes(file: "SequentialFile | MediaFile") -> int | None:
    """The bytes of one sample of all channels, if all samples take as many."""
    size = SAMPLE_BYTES.get(file.subtype)
    return size * int(file.channels) if size and file.format not in ("FLAC", "SDS", "PAF") else None


def too_short(name: str, present: int, stated: int, sample_rate: int) -> str:
    """The message that a header promises more than is there."""
    missing, rate = stated - present, sample_rate
    return (
        f"{name}: ends after {present / rate:.3f} s, {missing} samples before the end that its header states: "
        "read to there"
    )


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile carries no types
    """A file read straight on: soundfile seeks after every read if it can, by which an MP3 decoder loses its memory."""

    def __init__(self, file: Any) -> None:
        # by its bytes: soundfile encodes a text strictly, and not every name of a file is one
        super().__init__(os.fsencode(file) if isinstance(file, Path) else file)

    def seekable(self) -> bool:
        """Whether one may seek: never."""
        return False


def _open(path: Path) -> "SequentialFile | MediaFile":
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder, expected an audio file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is not a regular file, expected an audio file")
        with path.open("rb") as opened:
            _skip_tags(opened)
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
    try:
        file = SequentialFile(_readable(path))
        if file.format == "MP3":
            file.close()
            return SequentialFile(_as_pipe(path))
        return file
    except soundfile.LibsndfileError as error:
        cause = error.error_string.rstrip(".")
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


def _signature(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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


def _as_pipe(path: Path) -> int:
    """The file through a pipe: in an MP3 that can be sought, libsndfile reads only as much as it guesses is there."""
    outlet, inlet = os.pipe()

    def pump() -> None:
        with suppress(OSError), open(inlet, "wb") as pipe, path.open("rb") as file:  # closed before its end: EPIPE
            _skip_tags(file)
            shutil.copyfileobj(file, pipe)

    threading.Thread(target=pump, daemon=True).start()
    return outlet


def _skip_tags(file: IO[bytes]) -> None:
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


def check_rate(name: str, sample_rate: int) -> None:
    """Check that a sample rate is within the range that can be sharpened.

    Raises:
        InputError: it is not.
    """
    if not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ:
        raise InputError(
            f"{name}: sample rate {sample_rate} Hz is outside {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz: "
            "resample it first"
        )


def _stated_per_present(log: str) -> float:
    """How much more audio a WAV, AIFF, AU, W64 or RF64 header promises than is there; writers to pipes state 2³²−1."""
    found = re.search(
        r"(?:data|SSND|Data Size|riff)\s*: (?P<stated>\d+) \(should be (?P<present>\d+)\)|"
        r"frame count (?P<frames>\d+) does not match value from 'ds64' chunk of (?P<ds64>\d+)",
        log,
    )
    if not found:
        return 1.0
    stated, present = int(found["stated"] or found["ds64"]), int(found["present"] or found["frames"])
    return 1.0 if is_placeholder(stated) or present == 0 else stated / present
