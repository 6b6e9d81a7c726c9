"""What every stream sink shares, whatever its format."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames

from .base import SinkInfo


@dataclass(frozen=True)
class Chosen:
    """Which lines of a frame and channel are written: all that are active, or fewer.

    top: so many of the strongest.  floor_db: those of at least this level, dB of full scale.

    >>> Chosen(top=2, floor_db=-20).of(np.array([0.5, 0.0, 0.01, 0.2, 0.3]))
    array([0, 4])

    Raises:
        UsageError: less than one line, or a floor that is no number.
    """

    top: int | None = None
    floor_db: float | None = None

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise UsageError(f"--top: expected 1 line or more, received {self.top}")
        if self.floor_db is not None and not math.isfinite(self.floor_db):
            raise UsageError(f"--floor-db: expected a level in dB of full scale such as -60, received {self.floor_db}")

    def of(self, amplitude: NDArray[np.floating]) -> NDArray[np.intp]:
        """The atoms that are chosen of (atoms,), from low to high."""
        least = 0.0 if self.floor_db is None else 10 ** (self.floor_db / 20)
        active = np.flatnonzero((amplitude > 0) & (amplitude >= least))
        if self.top is not None and active.size > self.top:
            active = np.sort(active[np.argsort(-amplitude[active], kind="stable")[: self.top]])
        return active


ALL = Chosen()


class ByteStream(Protocol):
    """Anything that takes bytes: a file, a pipe, a socket's file."""

    def write(self, data: bytes, /) -> Any:
        """Write all of `data`."""


class StreamSink(ABC):
    """Write frames to `stream` as soon as they are given; anything that yields `Frames` can feed it.

    Args:
        stream: where bytes go; it is neither flushed nor closed here.
        info: the axes.
        chosen: which lines are written, where the format lists them.
    """

    def __init__(self, stream: ByteStream, info: SinkInfo, chosen: Chosen = ALL) -> None:
        self._stream = stream
        self._chosen = chosen
        self.info = info

    @abstractmethod
    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""

    def finish(self) -> None:  # noqa: B027 (most formats end where they end)
        """Write what the format has at its end."""

    def header(self) -> dict[str, Any]:
        """The axes, and how the frames were made; values fit JSON."""
        return {"frequencies_hz": self.info.frequencies.tolist(), "channels": self.info.streams, **self.info.attributes}


def frame_peaks(frames: Frames, n: int, stream: int, chosen: Chosen) -> NDArray[np.float32]:
    """(peaks, 3): frequency, Hz, amplitude and phase, rad, of the chosen lines of frame n; NaN is an unknown phase."""
    amplitude = frames.amplitude[n, stream]
    active = chosen.of(amplitude)
    peaks = np.full((active.size, 3), np.nan, np.float32)
    peaks[:, 0] = frames.instantaneous_frequency[n, stream, active]
    peaks[:, 1] = amplitude[active]
    if frames.phase is not None:
        peaks[:, 2] = frames.phase[n, stream, active]
    return peaks
