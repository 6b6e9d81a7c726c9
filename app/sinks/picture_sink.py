"""A picture: the plain filterbank above, the sharpened frames below, on the same axes."""

import json
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError, printable
from sharpear.integrity.vectors import seal_vector
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo

LARGEST_COLUMNS = 4000
RANGE_DB = 60.0
DRAWING = threading.Lock()
"""Held while a picture is drawn, because Matplotlib draws in one thread at a time."""


class PictureSink(Sink):
    """A PNG, SVG or PDF, as the path ends: time in s, frequency in Hz and note names, level in dB; streams added up.

    Long recordings are pooled (largest power) to at most 4000 columns while they come in, so memory stays flat. The
    attributes are in a PNG's text chunk of that name, as JSON, and in a comment at the end of the others.
    """

    def __init__(self, path: Path, info: SinkInfo) -> None:
        try:
            import matplotlib  # noqa: F401, PLC0415
        except ImportError as error:
            raise UsageError(f"format {path.suffix[1:]} needs matplotlib: pip install 'sharpear[plot]'") from error
        except OSError as error:
            cause = "matplotlib finds no folder that it may write its list of fonts to"
            raise InputError(f"{path}: cannot be drawn ({cause}): set MPLCONFIGDIR to one") from error
        super().__init__(path, info)
        self._times = [np.inf, -np.inf]

    def _start(self, folder: Path) -> None:
        # Loading it may compile: who makes no picture, or has no place for one, does not wait for that.
        from .drawing import ROWS_PER_OCTAVE, draw_lines  # noqa: PLC0415

        low, high = self.info.frequencies[0], self.info.frequencies[-1]
        rows = int(np.ceil(np.log2(high / low) * ROWS_PER_OCTAVE)) + 1
        self._row_hz = low * 2.0 ** (np.arange(rows) / ROWS_PER_OCTAVE)
        self._draw_lines = draw_lines
        self._sharp = _PooledColumns(rows)
        self._plain = _PooledColumns(rows)

    def _append(self, frames: Frames) -> None:
        if not len(frames):
            return
        self._times = [min(self._times[0], frames.times[0]), max(self._times[1], frames.times[-1])]
        self._sharp.add(self._draw_lines(frames.amplitude, frames.instantaneous_frequency, self._row_hz))
        power = np.square(frames.plain_amplitude).sum(axis=1)
        band_hz = self.info.channel_frequencies
        self._plain.add(np.stack([np.interp(self._row_hz, band_hz, column) for column in power]))

    def _finish(self, partial: Path, complete: bool) -> None:
        from .figure import save_comparison  # noqa: PLC0415 (matplotlib is an extra)

        title = printable(str(self.info.attributes.get("source", "")))
        attributes = {**self.info.attributes, "complete": complete}
        text = {"attributes": json.dumps(attributes)}
        columns = self._plain.columns(), self._sharp.columns()
        with DRAWING:
            save_comparison(partial, *columns, self._row_hz, self._times, title, RANGE_DB, text)
        if partial.suffix != ".png":
            seal_vector(partial, attributes)


class _PooledColumns:
    """Columns of a picture, pooled by two whenever there are too many."""

    def __init__(self, rows: int) -> None:
        self._pieces: list[NDArray[np.float32]] = []
        self._rest = np.zeros((0, rows), np.float32)
        self._count = 0
        self._pool = 1

    def add(self, columns: NDArray[np.float32]) -> None:
        joined = np.concatenate([self._rest, columns])
        whole = len(joined) - len(joined) % self._pool
        self._rest = joined[whole:]
        self._keep(joined[:whole].reshape(-1, self._pool, joined.shape[1]).max(axis=1))
        while self._count > LARGEST_COLUMNS:
            everything = np.concatenate(self._pieces)
            even = len(everything) - len(everything) % 2
            odd_tail = np.repeat(everything[even:], self._pool, axis=0)
            self._rest = np.concatenate([odd_tail, self._rest])
            self._pool *= 2
            self._pieces, self._count = [], 0
            self._keep(everything[:even].reshape(-1, 2, everything.shape[1]).max(axis=1))

    def _keep(self, columns: NDArray[np.float32]) -> None:
        if len(columns):
            self._pieces.append(columns.astype(np.float32, copy=False))
            self._count += len(columns)

    def columns(self) -> NDArray[np.float32]:
        """The columns so far, (columns, rows) power."""
        tail = [self._rest.max(axis=0, keepdims=True)] if len(self._rest) else []
        return np.concatenate([*self._pieces, *tail])
