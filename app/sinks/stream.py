"""Sinks that write frames to a byte stream as they come: JSON lines, raw float32 and NPY."""

from typing import Any

import numpy as np
import orjson

from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames

from .arrow import ArrowSink
from .base import SinkInfo
from .stream_base import ALL, ByteStream, Chosen, StreamSink, frame_peaks

RAW_FIELDS = ("amplitude", "instantaneous_frequency")


class JsonLinesSink(StreamSink):
    """One object a frame and audio channel: ``{"time": s, "channel": 0, "peaks": [[Hz, amplitude, rad], …]}``.

    Every line that is active is a peak, unless fewer are chosen. Its phase is that of the cosine at the frame's
    time, null where it cannot be told. Numbers are the shortest that read back as the same float32 (times: float64).
    """

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms)."""
        count, streams = frames.amplitude.shape[:2]
        self._stream.write(b"".join(self._line(frames, n, s) for n in range(count) for s in range(streams)))

    def _line(self, frames: Frames, n: int, s: int) -> bytes:
        peaks = frame_peaks(frames, n, s, self._chosen)
        line = {"time": float(frames.times[n]), "channel": s, "peaks": peaks}
        return orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)

    def header(self) -> dict[str, Any]:
        """What the header says: the axes."""
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
        """What the header says: the axes, and what a frame is made of."""
        shape = [len(RAW_FIELDS), self.info.streams, self.info.frequencies.size]
        return {"format": "f32", "dtype": "<f4", "frame_shape": shape, "fields": RAW_FIELDS, **super().header()}


class NpySink(RawSink):
    """NumPy's .npy: (frames, 2, streams, atoms) float32, amplitude and frequency, Hz. Its length must be known."""

    def __init__(self, stream: ByteStream, info: SinkInfo, frames: int) -> None:
        super().__init__(stream, info)
        shape = (frames, len(RAW_FIELDS), info.streams, info.frequencies.size)
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})

    def header(self) -> dict[str, Any]:
        """What the header says: the axes, and what a frame is made of."""
        return {**super().header(), "format": "npy"}


STREAM_FORMATS = ("jsonl", "f32", "npy", "arrow")


def open_stream_sink(
    format_: str, stream: ByteStream, info: SinkInfo, frames: int | None = None, chosen: Chosen = ALL
) -> StreamSink:
    r"""The sink that writes `format_` to `stream`.

    frames: how many will come, where that is known.  chosen: which lines, for jsonl and arrow, which list them.

    Raises:
        UsageError: an unknown format, npy without a known length, arrow without pyarrow, or lines chosen for others.

    >>> from io import BytesIO
    >>> stream, hz = BytesIO(), np.array([220.0, 440.0])
    >>> sink = open_stream_sink("jsonl", stream, SinkInfo(hz, hz, 1, {}))
    >>> amplitude = np.array([[[0.0, 0.5]]], np.float32)
    >>> sink.write(Frames(np.zeros(1), amplitude, np.array([[hz]], np.float32), amplitude))
    >>> stream.getvalue().decode()
    '{"time":0.0,"channel":0,"peaks":[[440.0,0.5,null]]}\n'
    """
    if chosen != ALL and format_ in ("f32", "npy"):
        raise UsageError(f"--top and --floor-db choose lines of jsonl and arrow: format {format_} holds every atom")
    if format_ == "jsonl":
        return JsonLinesSink(stream, info, chosen)
    if format_ == "f32":
        return RawSink(stream, info)
    if format_ == "npy":
        if frames is None:
            raise UsageError("format npy states its length first, which is not known here: take f32 or arrow")
        return NpySink(stream, info, frames)
    if format_ == "arrow":
        return ArrowSink(stream, info, chosen)
    raise UsageError(f"unknown format {format_!r} for a stream: expected {', '.join(STREAM_FORMATS)}")
