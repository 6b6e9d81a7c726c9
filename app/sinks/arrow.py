"""Frames as an Arrow IPC stream (extra `arrow`), which any language reads."""

import json
from typing import Any

import numpy as np

from sharpear.sharpening.frames import Frames

from .base import SinkInfo, not_installed
from .parquet import NEEDS
from .stream_base import ALL, ByteStream, Chosen, StreamSink, frame_peaks


class ArrowSink(StreamSink):
    """Rows of time (s), channel, and lists of frequency (Hz), amplitude and phase (rad, null where unknown).

    Each call of `write` is one record batch; the header is in the schema's metadata, as JSON under ``sharpear``.
    """

    def __init__(self, stream: ByteStream, info: SinkInfo, chosen: Chosen = ALL) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415
        except ImportError as error:
            raise not_installed("arrow", *NEEDS) from error
        super().__init__(stream, info, chosen)
        self._pa = pa
        peaks = pa.list_(pa.float32())
        fields = {"time": pa.float64(), "channel": pa.int32(), "frequency": peaks, "amplitude": peaks, "phase": peaks}
        self._schema = pa.schema(list(fields.items()), metadata={"sharpear": json.dumps(self.header())})
        self._writer = pa.ipc.new_stream(stream, self._schema)

    def write(self, frames: Frames) -> None:
        """Append frames of shape (frames, streams, atoms), as one record batch."""
        if not len(frames):
            return
        pa = self._pa
        count, streams = frames.amplitude.shape[:2]
        rows = [frame_peaks(frames, n, s, self._chosen) for n in range(count) for s in range(streams)]
        offsets = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int32)
        frequency, amplitude, phase = np.concatenate(rows).T.copy()
        columns = [
            pa.array(np.repeat(frames.times, streams)),
            pa.array(np.tile(np.arange(streams, dtype=np.int32), count)),
            *(
                pa.ListArray.from_arrays(offsets, pa.array(values, from_pandas=True))
                for values in (frequency, amplitude, phase)
            ),
        ]
        self._writer.write_batch(pa.record_batch(columns, schema=self._schema))

    def finish(self) -> None:
        """Write what the format has at its end."""
        self._writer.close()

    def header(self) -> dict[str, Any]:
        """What the header says: the axes."""
        return {"format": "arrow", **super().header()}
