"""Lines as strokes and the filterbank below them, drawn as frames come, on a canvas that never grows."""

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.config import TuningConfig
from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames

from .drawing import ROWS_PER_OCTAVE
from .linking import Classes
from .music import STANDARD
from .one_stream import added_up
from .rows import Rows
from .strokes import FLANK_DB, LOWEST_DB, Linker, Strokes, faded_db
from .vector_strokes import Vectors

FINEST = 16
"""Columns of the first frames' each: halved whenever the canvas is full, so that short recordings are drawn finely."""
DEEPEST_DB = 80.0
"""Where a stroke's flank ends, below its middle: a loud line is as much wider than a faint one as more of it shows."""


class Canvas:
    """Frames in, a picture of what there is so far at any time; streams are added up.

    span_hz: what is shown.
    lines, plain: (columns, rows) dB; rows stand evenly in octaves from `span_hz`'s lowest to its highest.
    voices: (columns, rows), of each pixel 1 to 12, the pitch class of its line's voice, C to B, or 0 of none; (0, 0)
    where they are not asked for.  vectors: the strokes themselves, where a range of them is asked for.

    Args:
        band_hz: (channels,) Hz, the filterbank's.  span_hz: what is shown.  columns: the most, which a canvas is filled
            from half of to all of once there are enough frames.  rows: how many.
        by_voice: whether voices are asked for.
        vectors_db: levels below the loudest of which strokes are kept.  tuning: of the pitch classes.
    """

    def __init__(
        self, band_hz: Doubles, span_hz: tuple[float, float], columns: int, rows: int, by_voice: bool = False,
        vectors_db: float | None = None, tuning: TuningConfig = STANDARD,
    ) -> None:  # fmt: skip
        self.span_hz = low_hz, high_hz = span_hz
        self.rows_per_octave = (rows - 1) / float(np.log2(high_hz / low_hz))
        self._rows = Rows(low_hz, high_hz, band_hz, self.rows_per_octave)
        self._linker, self._strokes = Linker(low_hz, tuning), Strokes(1)
        self._size = columns - columns % 2
        self.lines = np.full((self._size, self._rows.count), LOWEST_DB, np.float32)
        self.plain = np.full((self._size, self._rows.count), LOWEST_DB, np.float32)
        self.voices = np.zeros(self.lines.shape if by_voice else (0, 0), np.uint8)
        self.vectors = None if vectors_db is None else Vectors(vectors_db)
        self._scale, self._seen, self.frames = float(FINEST), 0, 0

    def add(self, frames: Frames, last: bool = False) -> None:
        """Draw frames (frames, streams, atoms), as far as their lines' future is known; the rest with the `last`.

        Raises:
            UsageError: voices are asked for, and the frames do not say whose their lines are.
        """
        if self.voices.size and len(frames) and frames.fundamental is None:
            raise UsageError(
                "picture: colours by voice need frames that say whose their lines are, as those of preset music on a "
                "CPU do; received none: choose other colours"
            )
        added = added_up(frames)
        while (self._seen + len(frames)) * self._scale > self._size:
            self._halve()
        if len(frames):
            level_db = 10 * np.log10(np.maximum(self._rows.bands(frames.plain_amplitude), 10 ** (LOWEST_DB / 10)))
            draw_frames(self.plain, level_db.astype(np.float32), self._seen, self._scale)
        self._seen += len(frames)
        peaks = self._linker.process(added, last)
        if peaks is None:
            return
        self.frames += len(peaks.count)
        if self.vectors:
            self.vectors.add(peaks)
        strokes = self._strokes.process(peaks)
        strokes[:, 1:6:3] *= self.rows_per_octave / ROWS_PER_OCTAVE
        draw_strokes(self.lines, self.voices, faded_db(strokes), self._scale)

    def drawn(self) -> tuple[Floats, Floats]:
        """The columns of all frames so far, of lines and of the filterbank."""
        columns = max(1, int(np.ceil(self._seen * self._scale)))
        return self.lines[:columns], self.plain[:columns]

    def _halve(self) -> None:
        half = self._size // 2
        if self.voices.size:
            later = self.lines[1::2] > self.lines[::2]
            self.voices[:half] = np.where(later, self.voices[1::2], self.voices[::2])
            self.voices[half:] = 0
        for picture in (self.lines, self.plain):
            picture[:half] = np.maximum(picture[::2], picture[1::2])
            picture[half:] = LOWEST_DB
        self._scale /= 2
        self._strokes.step = max(1, round(1 / self._scale))


@kernel
def draw_frames(picture: Floats, level_db: Floats, first: int, scale: float) -> None:
    """Where each frame's columns are not louder already, its levels (frames, rows) dB."""
    for frame in range(len(level_db)):
        begin = int((first + frame) * scale)
        for column in range(begin, max(begin + 1, int((first + frame + 1) * scale))):
            for row in range(picture.shape[1]):
                picture[column, row] = max(picture[column, row], level_db[frame, row])


@kernel
def draw_strokes(picture: Floats, voices: Classes, strokes: Doubles, scale: float) -> None:
    """Strokes (strokes, 8): frame, row and dB of both ends, weight, voice; a frame's middle is half a frame after it.

    In each column that a stroke passes, its level stands on all rows that it passes there, and falls beside them as a
    Gaussian does. Columns of half as many frames, the largest of two in one, are the same as these.
    """
    columns, rows = picture.shape
    reach = np.sqrt(DEEPEST_DB / FLANK_DB)
    for n in range(len(strokes)):
        x0, x1 = (strokes[n, 0] + 0.5) * scale, (strokes[n, 3] + 0.5) * scale
        y0, y1, db0, db1 = strokes[n, 1], strokes[n, 4], strokes[n, 2], strokes[n, 5]
        for column in range(max(0, int(x0)), min(columns - 1, int(x1)) + 1):
            begin, end = 0.0, 1.0
            if x1 > x0:
                begin = min(1.0, max(0.0, (column - x0) / (x1 - x0)))
                end = min(1.0, max(0.0, (column + 1 - x0) / (x1 - x0)))
            a, b = y0 + begin * (y1 - y0), y0 + end * (y1 - y0)
            level_db = max(db0 + begin * (db1 - db0), db0 + end * (db1 - db0))
            low, high = min(a, b), max(a, b)
            for row in range(max(0, int(np.ceil(low - reach))), min(rows - 1, int(high + reach)) + 1):
                off = max(0.0, max(low - row, row - high))
                level = level_db - FLANK_DB * off * off
                if level > picture[column, row]:
                    picture[column, row] = level
                    if voices.size:
                        voices[column, row] = np.uint8(strokes[n, 7])


def levels_below(picture: Floats, range_db: float) -> NDArray[np.float32]:
    """Levels below the picture's own largest, −`range_db` at least; nothing but that where there is nothing.

    >>> levels_below(np.array([[-120.0, -30.0, -20.0]], np.float32), 60.0).tolist()
    [[-60.0, -10.0, 0.0]]
    """
    largest = picture.max(initial=LOWEST_DB)
    below: NDArray[np.float32] = (picture - (largest if largest > LOWEST_DB else 0.0)).clip(-range_db, 0.0)
    return below
