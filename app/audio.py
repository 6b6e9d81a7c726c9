"""Audio files as streams of blocks: whatever libsndfile reads, never loaded whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from .errors import InputError, UsageError

LOWEST_RATE_HZ = 8000
HIGHEST_RATE_HZ = 192000


class AudioFile:
    """A stretch of an audio file, read in blocks of float32 (samples, channels).

    Args:
        path: the file.
        start_s: where to begin, s.
        duration_s: how much to read, s; to the end when None.
        mono: mix the channels down to their mean.

    Raises:
        InputError: the file is missing, not audio, empty, or of a sample rate outside 8 to 192 kHz.
        UsageError: `start_s` or `duration_s` is negative, or `start_s` is beyond the end.
    """

    def __init__(
        self, path: Path, *, start_s: float = 0.0, duration_s: float | None = None, mono: bool = False
    ) -> None:
        if start_s < 0 or (duration_s is not None and duration_s <= 0):
            raise UsageError(f"expected start >= 0 s and duration > 0 s, received {start_s:g} and {duration_s}")
        self.path = path
        self._mono = mono
        self._file = _open(path)
        self.sample_rate = int(self._file.samplerate)
        self.channels = 1 if mono else int(self._file.channels)
        try:
            self._select(start_s, duration_s)
        except BaseException:
            self._file.close()
            raise

    def _select(self, start_s: float, duration_s: float | None) -> None:
        total = int(self._file.frames)
        if not LOWEST_RATE_HZ <= self.sample_rate <= HIGHEST_RATE_HZ:
            raise InputError(
                f"{self.path}: sample rate {self.sample_rate} Hz is outside {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz: "
                "resample it first"
            )
        if total == 0:
            raise InputError(f"{self.path}: holds no audio (0 samples)")
        first = round(start_s * self.sample_rate)
        if first >= total:
            raise UsageError(f"{self.path}: start {start_s:g} s is beyond its end at {total / self.sample_rate:g} s")
        if first:
            self._file.seek(first)
        self.start_s = first / self.sample_rate
        wanted = total - first if duration_s is None else max(1, round(duration_s * self.sample_rate))
        self.samples = min(wanted, total - first)

    def blocks(self, samples: int = 65536) -> Iterator[NDArray[np.float32]]:
        """The stretch in blocks of at most `samples`.

        Raises:
            InputError: decoding fails or ends before the length that the header states.
        """
        done = 0
        while done < self.samples:
            try:
                block = self._file.read(min(samples, self.samples - done), dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise InputError(self._truncated(done, str(error))) from error
            if not len(block):
                raise InputError(self._truncated(done, "no more samples"))
            done += len(block)
            yield block.mean(axis=1, keepdims=True) if self._mono else block

    def _truncated(self, done: int, cause: str) -> str:
        read_s, stated_s = done / self.sample_rate, self.samples / self.sample_rate
        return (
            f"{self.path}: ends after {read_s:.3f} s of {stated_s:.3f} s ({cause}): the file is truncated or damaged; "
            f"--duration {read_s:.3f} takes the readable part"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _open(path: Path) -> soundfile.SoundFile:
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected an audio file")
    if not path.exists():
        raise InputError(f"{path}: no such file")
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if size == 0:
        raise InputError(f"{path}: is empty (0 bytes)")
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: is not audio that libsndfile reads ({error.error_string.rstrip('.')})") from error
    shortened = _stated_and_present_bytes(file.extra_info)
    if shortened:
        stated, present = shortened
        file.close()
        bytes_per_second = max(1.0, present / max(file.frames, 1) * file.samplerate)
        raise InputError(
            f"{path}: its header states {stated} bytes of audio and {present} are there: the file is truncated; "
            f"copy it again, or cut it to its {present / bytes_per_second:.3f} s with an audio editor"
        )
    return file


def _stated_and_present_bytes(log: str) -> tuple[int, int] | None:
    """The data chunk's stated and actual size where a WAV's header promises more; writers to pipes state 0 or 2³²−1."""
    found = re.search(r"data\s*:\s*(\d+) \(should be (\d+)\)", log)
    if not found:
        return None
    stated, present = int(found[1]), int(found[2])
    unknown_length = stated >= 0x7FFF0000
    return None if unknown_length or stated <= present else (stated, present)
