"""What every stream sink shares, whatever its format."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sharpear.sharpening.frames import Frames

from .base import SinkInfo


class ByteStream(Protocol):
    """Anything that takes bytes: a file, a pipe, a socket's file."""

    def write(self, data: bytes, /) -> Any:
        """Write all of `data`."""


class StreamSink(ABC):
    """Write frames to `stream` as soon as they are given; anything that yields `Frames` can feed it.

    Args:
        stream: where bytes go; it is neither flushed nor closed here.
        info: the axes.
    """

    def __init__(self, stream: ByteStream, info: SinkInfo) -> None:
        self._stream = stream
        self.info = info

    @abstractmethod
    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""

    def finish(self) -> None:  # noqa: B027 (most formats end where they end)
        """Write what the format has at its end."""

    def header(self) -> dict[str, Any]:
        """The axes, and how the frames were made; values fit JSON."""
        return {"frequencies_hz": self.info.frequencies.tolist(), "channels": self.info.streams, **self.info.attributes}


def frame_peaks(frames: Frames, n: int, stream: int) -> NDArray[np.float32]:
    """(peaks, 3): frequency, Hz, amplitude and phase, rad, of every active line of frame n; NaN is an unknown phase."""
    amplitude = frames.amplitude[n, stream]
    active = np.flatnonzero(amplitude)
    peaks = np.full((active.size, 3), np.nan, np.float32)
    peaks[:, 0] = frames.instantaneous_frequency[n, stream, active]
    peaks[:, 1] = amplitude[active]
    if frames.phase is not None:
        peaks[:, 2] = frames.phase[n, stream, active]
    return peaks
