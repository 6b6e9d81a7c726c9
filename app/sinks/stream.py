"""Sinks that write frames to a byte stream as they come: JSON lines, raw float32 and NPY."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np
import orjson
from numpy.typing import NDArray

from sharpear.errors import UsageError
from sharpear.frames import Frames

from .base import SinkInfo

RAW_FIELDS = ("amplitude", "instantaneous_frequency")


class ByteStream(Protocol):
    """Anything that takes bytes: a file, a pipe, a socket's file."""

    def write(self, data: bytes, /) -> Any:
        """Take all of `data`."""


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
        return {
            "frequencies_hz": self.info.frequencies.tolist(),
            "channels": self.info.streams,
            **self.info.attributes,
        }


class JsonLinesSink(StreamSink):
    """One object a frame and audio channel: ``{"time": s, "channel": 0, "peaks": [[Hz, amplitude, rad], …]}``.

    Every line that is active is a peak. Its phase is that of the cosine at the frame's time, null where it cannot be
    told. Numbers are the shortest that read back as the same float32 (times: float64).
    """

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""
        count, streams = frames.amplitude.shape[:2]
        self._stream.write(b"".join(self._line(frames, n, s) for n in range(count) for s in range(streams)))

    def _line(self, frames: Frames, n: int, s: int) -> bytes:
        peaks = frame_peaks(frames, n, s)
        line = {"time": float(frames.times[n]), "channel": s, "peaks": peaks}
        return orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)

    def header(self) -> dict[str, Any]:
        """The axes."""
        return {"format": "jsonl", "peak": ["frequency_hz", "amplitude", "phase_rad"], **super().header()}


class RawSink(StreamSink):
    """Little-endian float32 without a header: for each frame amplitude (streams, atoms), then frequency, Hz, the same.

    Frame n stands at ``first_time_s + n hop / sample_rate``.
    """

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""
        both = np.stack([getattr(frames, name) for name in RAW_FIELDS], axis=1)
        self._stream.write(both.astype("<f4", copy=False).tobytes())

    def header(self) -> dict[str, Any]:
        """The axes, and what a frame is made of."""
        shape = [len(RAW_FIELDS), self.info.streams, self.info.frequencies.size]
        return {"format": "f32", "dtype": "<f4", "frame_shape": shape, "fields": RAW_FIELDS, **super().header()}


class NpySink(RawSink):
    """NumPy's .npy: (frames, 2, streams, atoms) float32, amplitude and frequency, Hz. Its length must be known."""

    def __init__(self, stream: ByteStream, info: SinkInfo, frames: int) -> None:
        super().__init__(stream, info)
        shape = (frames, len(RAW_FIELDS), info.streams, info.frequencies.size)
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})

    def header(self) -> dict[str, Any]:
        """The axes, and what a frame is made of."""
        return {**super().header(), "format": "npy"}


STREAM_FORMATS = ("jsonl", "f32", "npy", "arrow")


def open_stream_sink(format_: str, stream: ByteStream, info: SinkInfo, frames: int | None = None) -> StreamSink:
    r"""The sink that writes `format_` to `stream`; frames: how many will come, where that is known.

    Raises:
        UsageError: an unknown format, npy without a known length, or arrow without pyarrow.

    >>> from io import BytesIO
    >>> stream, hz = BytesIO(), np.array([220.0, 440.0])
    >>> sink = open_stream_sink("jsonl", stream, SinkInfo(hz, hz, 1, {}))
    >>> amplitude = np.array([[[0.0, 0.5]]], np.float32)
    >>> sink.write(Frames(np.zeros(1), amplitude, np.array([[hz]], np.float32), amplitude))
    >>> stream.getvalue().decode()
    '{"time":0.0,"channel":0,"peaks":[[440.0,0.5,null]]}\n'
    """
    if format_ == "jsonl":
        return JsonLinesSink(stream, info)
    if format_ == "f32":
        return RawSink(stream, info)
    if format_ == "npy":
        if frames is None:
            raise UsageError("format npy states its length first, which is not known here: take f32 or arrow")
        return NpySink(stream, info, frames)
    if format_ == "arrow":
        from .arrow import ArrowSink  # noqa: PLC0415 (pyarrow is an extra)

        return ArrowSink(stream, info)
    raise UsageError(f"unknown format {format_!r} for a stream: expected {', '.join(STREAM_FORMATS)}")


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
