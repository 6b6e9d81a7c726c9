"""Parquet (extra `arrow`): the lines of all frames as one table, and how any table is kept."""

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo, not_installed
from .line_table import line_rows

NEEDS = "pyarrow", "arrow"
"""The package, and the extra that brings it."""

ROWS_TOGETHER = 1 << 17
"""Rows in a row group, which readers skip or read as one: the lines of some seconds."""

KEEPING = {"compression": "zstd", "write_page_checksum": True}
"""How pages are kept: each carries its CRC."""


def pyarrow() -> Any:
    """Pyarrow, imported.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as error:
        raise not_installed("parquet", *NEEDS) from error
    return pa


def parquet_bytes(rows: NDArray[Any], told: dict[str, Any]) -> bytes:
    """A structured array as a Parquet file, whose metadata say `told` as JSON under ``sharpear``.

    Raises:
        UsageError: pyarrow is not installed.
    """
    pa, data = pyarrow(), BytesIO()
    table = pa.table({name: rows[name] for name in rows.dtype.names or ()})
    pa.parquet.write_table(table.replace_schema_metadata({"sharpear": json.dumps(told)}), data, **KEEPING)
    return data.getvalue()


class ParquetSink(Sink):
    """A Parquet table, a row for each line of each frame, by time, channel and frequency.

    time_s (float64), channel (int32), frequency_hz, amplitude, level_db and, where voices are looked for,
    fundamental_hz (float32). The attributes are in the file's metadata, as JSON under ``sharpear``. Any Parquet reader
    opens it: pandas, Polars, DuckDB, Spark, R.
    """

    descriptors = 1
    needs = NEEDS

    def __init__(self, path: Path, info: SinkInfo) -> None:
        self._pa = pyarrow()
        super().__init__(path, info)
        self._pending: list[NDArray[Any]] = []
        self._file: BinaryIO | None = None
        self._writer: Any = None

    def _start(self, folder: Path) -> None:
        self._file = self._place.open("wb")

    def _append(self, frames: Frames) -> None:
        self._pending.append(line_rows(frames, None))
        if sum(map(len, self._pending)) >= ROWS_TOGETHER:
            self._store()

    def _store(self) -> None:
        """Write what waits; the first rows say which columns there are."""
        rows = np.concatenate(self._pending)
        table = self._pa.table({name: rows[name] for name in rows.dtype.names or ()})
        if self._writer is None:
            self._writer = self._pa.parquet.ParquetWriter(self._file, table.schema, **KEEPING)
        self._writer.write_table(table)
        self._pending = []

    def _finish(self, partial: Path, complete: bool) -> None:
        if not (self._writer or self._pending):
            none = np.zeros((0, self.info.streams, self.info.frequencies.size), np.float32)
            self._pending.append(line_rows(Frames(np.zeros(0), none, none, none), None))
        if self._pending:
            self._store()
        told = {**self.info.attributes, "complete": complete}
        self._writer.add_key_value_metadata({"sharpear": json.dumps(told)})
        self._writer.close()
        assert self._file
        self._file.close()

    def close(self) -> None:
        """Let go of a file that was not finished."""
        if self._file and not self._file.closed:
            if self._writer:
                self._writer.is_open = False  # else it would write its end when it is forgotten
            with suppress(OSError):  # closing writes what is buffered, and the disk may be full
                self._file.close()
