"""A recording of what came in: its own reader of the ring, so that a stalled worker costs it nothing."""

import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError, unwritable
from sharpear.integrity import SampleDigest
from sharpear.sinks.sound import FAILURES, FORMATS, GrowingSound
from sharpear.sinks.staging import Staging

from .ring import Reader

PERIOD_S = 0.1
"""Time between two looks for new sound: what a killed session may lose of its recording, beside what is on its way."""

SYNC_S = 0.5
"""Time between two moments at which the disk is made to hold all of a recording: what a power cut may cost."""
BLOCK = 16384


class Recorder(threading.Thread):
    """Write a reader's samples to a sound file; gaps become silence, so that its time is the session's.

    The file grows under a temporary name, with a header that is true after every write, and gets its own name at the
    end, or when the disk is full: what was recorded until then is kept, valid, and `fault` says so in one line. If this
    process is killed, the next command that sees the folder publishes it as recovered.

    Args:
        path: .wav or .w64 (32-bit float, the samples bit for bit; a .wav beyond 4 GB is an RF64) or .flac (24 bit).
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
        self._reader, self._digest = reader, SampleDigest(rate_hz, channels)
        self._ending = threading.Event()
        self._until = until
        self._synced_s = time.monotonic()
        self._staging = Staging([path], audio=True, option="--record")
        try:
            self._file = GrowingSound(self._staging.place(path), rate_hz, channels)
        except FAILURES as error:
            self._staging.discard()
            raise unwritable(path, error, "--record") from error

    def run(self) -> None:
        """Until `finish`, or until no more can be written."""
        try:
            while not (self._ending.wait(PERIOD_S) and not self._reader.waiting):
                while chunk := self._reader.read(BLOCK):
                    self._silence(chunk.lost)
                    self._write(chunk.samples)
        except FAILURES as error:
            stopped_s = self.samples / self.rate_hz
            self.fault = f"{self.path}: recording stopped at {stopped_s:.1f} s ({_cause(error)}), kept so far"
        self._publish()

    def _silence(self, samples: int) -> None:
        while samples > 0:
            self._write(np.zeros((min(samples, BLOCK), self._file.channels), np.float32))
            samples -= BLOCK

    def _write(self, samples: NDArray[np.float32]) -> None:
        if self._until is not None:
            samples = samples[: self._until - self.samples]
        self._file.write(samples)
        self._digest.add(samples)
        self.samples += len(samples)
        if time.monotonic() - self._synced_s > SYNC_S:
            self._file.sync()
            self._synced_s = time.monotonic()

    def _publish(self) -> None:
        try:
            if self.path.suffix == ".wav" and not self.fault:  # a FLAC has its own, and no W64 has room for words
                self._file.comment(self._digest.comment(complete=True))
            self._file.close()
        except FAILURES as error:
            self.fault = self.fault or f"{self.path}: its end cannot be written ({_cause(error)}), kept so far"
        if not self.samples:
            self._staging.discard()
            return
        try:
            self._staging.publish()
            self.published = True
        except InputError as error:
            self.fault = self.fault or str(error)

    def finish(self, timeout_s: float | None = None) -> None:
        """Write what waits and give the file its name."""
        self._ending.set()
        self.join(timeout_s)


def _cause(error: Exception) -> str:
    """In a few words; soundfile says nothing where a disk takes less than it is given."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "the disk is full"


def check_recording(path: Path, overwrite: bool) -> None:
    """Refuse what cannot be recorded to before anything is opened.

    Raises:
        UsageError: the suffix is unknown, or the file exists.
    """
    if path.suffix not in FORMATS:
        raise UsageError(f"--record {path}: expected a name that ends in {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise UsageError(f"--record {path}: exists already: --overwrite replaces it")
