"""What every file sink shares, whatever its format."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import UsageError, unwritable
from sharpear.sharpening.frames import Frames

from .picture_style import PictureStyle

_HUSHED = Lock()


@contextmanager
def hushed(message: str) -> Iterator[None]:
    """Without warnings that begin so; in one thread at a time, for Python's filters of warnings are those of all."""
    with _HUSHED, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=message)
        yield


@dataclass(frozen=True)
class SinkInfo:
    """What a file needs to know beside its frames.

    frequencies: (atoms,) Hz.  channel_frequencies: (channels,) Hz.  streams: audio channels.
    attributes: sample_rate, hop, latency_s, config and the like; values fit JSON.  style: how a picture looks.
    """

    frequencies: NDArray[np.float64]
    channel_frequencies: NDArray[np.float64]
    streams: int
    attributes: dict[str, Any]
    style: PictureStyle = field(default_factory=PictureStyle)

    @property
    def rounding(self) -> bool:
        """Whether formats that can round do, as `output.rounding` of the configuration in the attributes says.

        >>> axis = np.array([220.0, 440.0])
        >>> SinkInfo(axis, axis, 1, {"config": {"output": {"rounding": False}}}).rounding
        False
        """
        told: Any = self.attributes
        for name in ("config", "output"):  # attributes of a file that was read may be anything
            told = told.get(name) if isinstance(told, dict) else None
        return not (isinstance(told, dict) and told.get("rounding") is False)


def not_installed(format_: str, package: str, extra: str) -> UsageError:
    """What to say where a format lacks its package, which an extra brings."""
    return UsageError(f"format {format_} needs {package}: pip install 'sharpear[{extra}]'")


class Sink(ABC):
    """Write frames to a place where `path` grows until it is published; see `sharpear.sinks.staging.Staging`.

    `open`, `write`…, `finish`, which makes the file whole; `close` lets go of what is open.

    Raises:
        InputError: anything cannot be written.
    """

    descriptors: ClassVar[int] = 0
    """Files that a format keeps open between `open` and `close`, beside the mark of the staging folder."""

    needs: ClassVar[tuple[str, str] | None] = None
    """The package that a format needs beside sharpear's own, and the extra that brings it."""

    @classmethod
    def check_installed(cls, format_: str) -> None:
        """Whether the format can be written here.

        Raises:
            UsageError: what it needs is not installed.
        """
        if cls.needs and find_spec(cls.needs[0]) is None:
            raise not_installed(format_, *cls.needs)

    def __init__(self, path: Path, info: SinkInfo) -> None:
        self.path = path
        self.info = info
        self._place = path

    def open(self, place: Path) -> None:
        """Begin to grow at `place`, in a folder that is this sink's own."""
        self._place = place
        with self._reporting():
            self._start(place.parent)

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""
        with self._reporting():
            self._append(frames)

    def finish(self, complete: bool = True) -> None:
        """Make the file whole, still under its temporary name; `complete` False marks it as cut short."""
        with self._reporting():
            self._finish(self._place, complete)

    def close(self) -> None:  # noqa: B027 (most formats keep nothing open)
        """Close what is open."""

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
