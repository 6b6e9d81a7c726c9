"""A recording of what came in: its own reader of the ring, so that a stalled worker costs it nothing."""

import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError, unwritable

from .ring import Reader

PERIOD_S = 0.1
BLOCK = 16384
FORMATS = {".wav": "FLOAT", ".w64": "FLOAT", ".flac": "PCM_24"}
LARGEST_WAV_BYTES = 4_000_000_000


class Recorder(threading.Thread):
    """Write a reader's samples to a sound file; gaps become silence, so that its time is the session's.

    The file is written under a temporary name and gets its own at the end, or when the disk is full: what was recorded
    until then is kept, valid, and `fault` says so in one line.

    Args:
        path: .wav or .w64 (32-bit float, the samples bit for bit) or .flac (24 bit).
        reader: the ring's samples.
        rate_hz, channels: of the ring.
        until: samples at which to end.

    Raises:
        InputError: the file cannot be made.
    """

    def __init__(self, path: Path, reader: Reader, rate_hz: int, channels: int, until: int | None = None) -> None:
        super().__init__(daemon=True, name="recorder")
        self.path, self.rate_hz, self.samples = path, rate_hz, 0
        self.fault, self.told, self.published = "", False, False
        self._reader = reader
        self._ending = threading.Event()
        self._until = until
        self._limit = LARGEST_WAV_BYTES // (4 * channels) if path.suffix == ".wav" else None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=".sharpear.", suffix=".part", dir=path.parent))
            self._partial = folder / path.name
            self._file = soundfile.SoundFile(self._partial, "w", rate_hz, channels, FORMATS[path.suffix])
        except (OSError, soundfile.LibsndfileError) as error:
            raise unwritable(path, error, "--record") from error

    def run(self) -> None:
        """Until `finish`, or until no more can be written."""
        try:
            while not (self._ending.wait(PERIOD_S) and not self._reader.waiting):
                while chunk := self._reader.read(BLOCK):
                    self._silence(chunk.lost)
                    self._write(chunk.samples)
        except (OSError, AssertionError, soundfile.LibsndfileError, InputError) as error:
            # Soundfile asserts that all was written: a full disk takes less.
            cause = str(error) or "the disk is full"
            self.fault = f"{self.path}: recording stopped at {self.samples / self.rate_hz:.1f} s ({cause}), kept so far"
        self._publish()

    def _silence(self, samples: int) -> None:
        while samples > 0:
            self._write(np.zeros((min(samples, BLOCK), self._file.channels), np.float32))
            samples -= BLOCK

    def _write(self, samples: NDArray[np.float32]) -> None:
        if self._until is not None:
            samples = samples[: self._until - self.samples]
        if self._limit and self.samples + len(samples) > self._limit:
            raise InputError("a .wav holds 4 GB: record to .w64")
        self._file.write(samples)
        self.samples += len(samples)

    def _publish(self) -> None:
        try:
            with suppress(soundfile.LibsndfileError):
                self._file.close()
            if self.samples:
                self._partial.replace(self.path)
                self.published = True
            self._partial.unlink(missing_ok=True)
            self._partial.parent.rmdir()
        except OSError as error:
            self.fault = self.fault or f"{self.path}: cannot be written ({error.strerror}), left as {self._partial}"

    def finish(self, timeout_s: float | None = None) -> None:
        """Write what waits and give the file its name."""
        self._ending.set()
        self.join(timeout_s)


def check_recording(path: Path, overwrite: bool) -> None:
    """Refuse what cannot be recorded to before anything is opened.

    Raises:
        UsageError: the suffix is unknown, or the file exists.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"--record {path}: expected a name that ends in {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise UsageError(f"--record {path}: exists already: --overwrite replaces it")
