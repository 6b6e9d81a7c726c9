"""What every file sink shares: a temporary name until it is whole."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.frames import Frames


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
    """Write frames to `path`: under a temporary name beside it, renamed by `close`, removed by `discard`."""

    def __init__(self, path: Path, info: SinkInfo) -> None:
        self.path = path
        self.info = info
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}): choose another place with -o") from error
        self._partial = self._folder / path.name

    @abstractmethod
    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""

    @abstractmethod
    def _finish(self, complete: bool) -> None:
        """Make `self._partial` a valid file of what has been written."""

    def close(self, complete: bool = True) -> None:
        """Finish the file and give it its name; `complete` False marks it as cut short."""
        self._finish(complete)
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self._partial.replace(self.path)
        self.discard()

    def discard(self) -> None:
        """Remove what is not finished."""
        shutil.rmtree(self._folder, ignore_errors=True)
