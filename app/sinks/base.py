"""What every file sink shares: a temporary name until it is whole."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import unwritable
from sharpear.frames import Frames

from .partial import REPLACED, PartialFolder


@dataclass(frozen=True)
class SinkInfo:
    """What a file needs to know beside its frames.

    frequencies: (atoms,) Hz.  channel_frequencies: (channels,) Hz.  streams: audio channels.
    attributes: sample_rate, hop, latency_s, config and the like; values fit JSON.
    """

    frequencies: NDArray[np.float64]
    channel_frequencies: NDArray[np.float64]
    streams: int
    attributes: dict[str, Any]


class Sink(ABC):
    """Write frames to `path`, under a temporary name until all is well.

    `open`, `write`…, `finish` and then `publish`, which gives the file its name; `discard` removes what is
    not published.

    Raises:
        InputError: anything cannot be written.
    """

    descriptors: ClassVar[int] = 1
    """Files that are open between `open` and `publish`: the lock, and what a format needs."""

    def __init__(self, path: Path, info: SinkInfo) -> None:
        self.path = path
        self.info = info
        self._folder: PartialFolder | None = None

    def open(self) -> None:
        """Make the temporary place, beside the file to be."""
        with self._reporting():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._folder = PartialFolder(self.path.parent)
            self._start(self._folder.path)

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""
        with self._reporting():
            self._append(frames)

    def finish(self, complete: bool = True) -> None:
        """Make the file whole, still under its temporary name; `complete` False marks it as cut short."""
        with self._reporting():
            self._finish(self._partial, complete)

    def publish(self) -> None:
        """Give the finished file its name, in the place of what had it."""
        with self._reporting():
            if self.path.is_dir() or self._partial.is_dir():
                replaced = self._partial.with_name(REPLACED)
                if self.path.exists():
                    self.path.rename(replaced)
            self._partial.replace(self.path)
        self.discard()

    def discard(self) -> None:
        """Remove what is not published."""
        if self._folder:
            self._folder.remove()

    @property
    def _partial(self) -> Path:
        assert self._folder is not None, "open() comes first"
        return self._folder.path / self.path.name

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _start(self, folder: Path) -> None:  # noqa: B027 (most formats need nothing)
        """Prepare files in the temporary `folder`."""

    @abstractmethod
    def _append(self, frames: Frames) -> None: ...

    @abstractmethod
    def _finish(self, partial: Path, complete: bool) -> None:
        """Make `partial` a valid file of what has been appended."""
