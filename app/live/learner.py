"""A dictionary that learns while a live session listens."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sharpear.errors import InputError, UsageError
from sharpear.separation.dictionary import Dictionary, source_name
from sharpear.separation.following import Follower
from sharpear.separation.separator import RESIDUAL

from .ring import Reader

PERIOD_S = 0.1
SAVE_S = 10.0
"""Time between two moments at which what was learned is written: what a kill may cost."""
BLOCK = 4096


@dataclass(frozen=True)
class LearningPlan:
    """Which dictionary follows the sound. known: what it goes on from, None where it begins."""

    path: Path
    known: Dictionary | None

    @classmethod
    def of(cls, path: Path) -> "LearningPlan":
        """Into that file, from what it holds where it exists; the source is called as the file is.

        Raises:
            UsageError: the name is none of a dictionary, or the file holds none.
        """
        if path.suffix != ".npz" or path.stem != source_name(path.stem) or path.stem == RESIDUAL:
            raise UsageError(f"--learn {path}: expected a name such as drums.npz")
        try:
            return cls(path, Dictionary.load(path) if path.exists() else None)
        except InputError as error:
            raise UsageError(f"--learn {error}: choose another name") from error

    def open(self, reader: Reader, rate_hz: int, until: int | None) -> "LiveLearning":
        """Everything that may fail, before the sound begins.

        Raises:
            UsageError: the dictionary was made at another sample rate.
        """
        try:
            follower = Follower(self.known.name if self.known else self.path.stem, rate_hz, self.known)
        except UsageError as error:
            raise UsageError(f"--learn {self.path}: {error}") from error
        Follower.warm_up(rate_hz)
        return LiveLearning(self.path, follower, reader, until)


class LiveLearning(threading.Thread):
    """Learn from a reader's samples, their channels' mean, in a thread beside the worker's; lost time teaches nothing.

    Args:
        path: where the dictionary goes, every `SAVE_S` and at the end.
        follower: warmed up.
        reader: the ring's samples.
        until: samples at which to end.
    """

    def __init__(self, path: Path, follower: Follower, reader: Reader, until: int | None) -> None:
        super().__init__(daemon=True, name="learning")
        self.path, self.fault, self.published = path, "", False
        self._follower, self._reader, self._until = follower, reader, until
        self._heard = 0
        self._saved_s = time.monotonic()
        self._ending = threading.Event()

    def run(self) -> None:
        """Until `finish`, or until no more can be written."""
        try:
            while not (self._ending.wait(PERIOD_S) and not self._reader.waiting):
                self._read()
                if time.monotonic() - self._saved_s > SAVE_S:
                    self._save()
            self._save()
            if not self.published:
                self.fault = f"{self.path}: too little was heard to learn from, so there is none: listen longer"
        except InputError as error:
            self.fault = f"{error}; learning ends after {self._heard / self._follower.sample_rate:.1f} s"

    def _read(self) -> None:
        while chunk := self._reader.read(BLOCK):
            samples = chunk.samples if self._until is None else chunk.samples[: max(0, self._until - self._heard)]
            self._heard += len(samples)
            self._follower.hear(samples.mean(axis=1))

    def _save(self) -> None:
        self._saved_s = time.monotonic()
        if dictionary := self._follower.dictionary:
            dictionary.save(self.path)
            self.published = True

    def finish(self) -> None:
        """Learn from what waits, and write."""
        self._ending.set()
        if self.ident:
            self.join()
