"""Whose each pixel of a picture is: the pitch class of the voice that has the loudest partial there."""

import math

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames

from .strokes import FLANK_DB, LOWEST_DB

A4_HZ = 440.0
CLASSES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
REACH_ROWS = 3
"""A partial's level falls beside it as a stroke's does; farther than this it says nothing of a pixel."""
HELD_FRAMES, HELD_DB = 12, 1.0
"""Before and after its frame it says so much, less by so much a frame: voices are not known at every moment."""


class Owners:
    """Drawn frame by frame, beside the strokes of a canvas of that shape.

    classes: (columns, rows) uint8, of each pixel 1 to 12, C to B, or 0 where no voice has a partial.

    Args:
        low_hz: of the lowest row.  rows_per_octave: how many.  shape: (columns, rows).
    """

    def __init__(self, low_hz: float, rows_per_octave: float, shape: tuple[int, ...]) -> None:
        self._low_hz, self._rows_per_octave = low_hz, rows_per_octave
        self.classes: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self._level_db = np.full(shape, LOWEST_DB, np.float32)

    def add(self, frames: Frames, first: int, scale: float) -> None:
        """Take frames (frames, 1, atoms), of which the first begins at column `first` · `scale`.

        Raises:
            UsageError: they do not say whose their lines are.
        """
        if frames.fundamental is None:
            raise UsageError(
                "picture: colours by voice need frames that say whose their lines are, as those of preset music on a "
                "CPU do; received none: choose other colours"
            )
        with np.errstate(divide="ignore"):
            level_db = 20 * np.log10(frames.amplitude[:, 0])
            row = self._rows_per_octave * np.log2(frames.instantaneous_frequency[:, 0] / self._low_hz)
        draw_owners(
            self._level_db, self.classes, level_db, row.astype(np.float32), frames.fundamental[:, 0], first, scale
        )

    def halve(self) -> None:
        """One column where there were two: the louder says."""
        half = len(self.classes) // 2
        later = self._level_db[1::2] > self._level_db[::2]
        self.classes[:half] = np.where(later, self.classes[1::2], self.classes[::2])
        self._level_db[:half] = np.maximum(self._level_db[1::2], self._level_db[::2])
        self.classes[half:], self._level_db[half:] = 0, LOWEST_DB


@kernel
def draw_owners(
    loudest: Floats, classes: NDArray[np.uint8], level_db: Floats, row: Floats, fundamental: Floats, first: int,
    scale: float,
) -> None:  # fmt: skip
    """Where a frame's partials are louder than what was drawn already, the pitch classes of their voices."""
    columns, rows = loudest.shape
    for f in range(len(level_db)):
        begin = max(0, int((first + f - HELD_FRAMES) * scale))
        end = min(columns, int((first + f + 1 + HELD_FRAMES) * scale) + 1)
        for j in range(level_db.shape[1]):
            if fundamental[f, j] <= 0 or level_db[f, j] <= LOWEST_DB:
                continue
            own = 1 + (round(12 * math.log2(fundamental[f, j] / A4_HZ)) + 9) % 12
            middle = round(row[f, j])
            for column in range(begin, end):
                held_db = level_db[f, j] - HELD_DB * abs(column / scale - (first + f))
                for y in range(max(0, middle - REACH_ROWS), min(rows, middle + REACH_ROWS + 1)):
                    level = held_db - FLANK_DB * (y - row[f, j]) ** 2
                    if level > loudest[column, y]:
                        loudest[column, y], classes[column, y] = level, own
