"""Audio files as streams of blocks: whatever libsndfile or FFmpeg reads, never loaded whole."""

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError

from .damage import DamageWatch
from .media import MediaFile
from .mono import MonoMix, signs_that_keep, that_it_cancels
from .sound_file import UNKNOWN_SAMPLES, SequentialFile, frame_bytes, missing_bytes, open_audio, skip_tags

LOWEST_RATE_HZ = 8000
HIGHEST_RATE_HZ = 192000
LONGEST_S = 1e9
"""Thirty years: the samples of what begins, or lasts, no longer can be counted."""
LENGTH_BLOCK = 1024
"""Samples decoded at once to find a file's true length: a block in which decoding fails is lost as a whole."""

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
        if not 0 <= self.start_s <= LONGEST_S:
            raise UsageError(f"expected a start of 0 to {LONGEST_S:g} s, received {self.start_s:g}")
        if self.duration_s is not None and not 0 < self.duration_s <= LONGEST_S:
            raise UsageError(f"expected a duration above 0 s, at most {LONGEST_S:g}, received {self.duration_s:g}")


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
        self._file = open_audio(path)
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
        if isinstance(self._file, SequentialFile) and frame_bytes(self._file):
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

    def __exit__(self, *_: object) -> None:
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
    with open_audio(path) as file:
        stated, present = int(file.frames), 0
        if size := frame_bytes(file):
            present, stated = stated, stated + math.ceil(missing_bytes(file.extra_info, size) / size)
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
            if present and (lost := missing_bytes(file.extra_info)):
                logger.warning("%s", cut_short(str(path), lost))
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
        skip_tags(file)
        while data := file.read(1 << 16):
            watch.look(data)
    return watch.damage


def cut_short(name: str, lost: int) -> str:
    """The message that a header promises `lost` more bytes of coded blocks than are there."""
    return f"{name}: ends {lost} bytes before the end that its header states: read to there"


def too_short(name: str, present: int, stated: int, sample_rate: int) -> str:
    """The message that a header promises more than is there."""
    missing, rate = stated - present, sample_rate
    return (
        f"{name}: ends after {present / rate:.3f} s, {missing} samples before the end that its header states: "
        "read to there"
    )


def _signature(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


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
