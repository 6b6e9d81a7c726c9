"""Strokes kept as such, as many as a file can hold: of a longer recording coarser ones, of a long one none."""

import numpy as np

from sharpear.compiler import Doubles

from .strokes import Peaks, Strokes, faded_db

MOST_STROKES = 60_000
"""Beyond, each joins twice as many frames."""
LEVELS = 7
"""Strokes of up to 64 frames: of longer ones most would be whole lines, and as many."""


class Vectors:
    """Peaks in, the finest strokes that are not too many out, without those below `range_db` of the loudest.

    >>> Vectors(60.0).strokes.shape
    (0, 8)
    """

    def __init__(self, range_db: float) -> None:
        self._range_db, self._loudest_db = range_db, -np.inf
        self._levels: list[tuple[Strokes, list[Doubles]]] = [(Strokes(1 << level), []) for level in range(LEVELS)]

    def add(self, peaks: Peaks) -> None:
        """Draw peaks that follow those before."""
        for strokes, kept in self._levels:
            drawn = faded_db(strokes.process(peaks))
            louder = drawn[:, 2:6:3].max(axis=1)
            self._loudest_db = max(self._loudest_db, float(louder.max(initial=-np.inf)))
            kept.append(drawn[louder > self._loudest_db - self._range_db])
        while self._levels and sum(map(len, self._levels[0][1])) > MOST_STROKES:
            del self._levels[0]

    @property
    def strokes(self) -> Doubles | None:
        """(strokes, 8), as of `Strokes`, with the levels that they are drawn at; None where there are too many."""
        if not self._levels:
            return None
        pieces = self._levels[0][1]
        return np.concatenate(pieces) if pieces else np.zeros((0, 8))


def chained(strokes: Doubles) -> list[Doubles]:
    """Strokes that begin where another ends are one line: (points, 2) of frame and row each.

    >>> strokes = np.array([[0, 1, 0, 4, 2, 0, 1, 0], [0, 9, 0, 4, 9, 0, 1, 0], [4, 2, 0, 8, 3, 0, 1, 0.0]])
    >>> [line.tolist() for line in chained(strokes)]
    [[[0.0, 1.0], [4.0, 2.0], [8.0, 3.0]], [[0.0, 9.0], [4.0, 9.0]]]
    """
    lines: list[list[tuple[float, float]]] = []
    ending: dict[tuple[float, float], list[tuple[float, float]]] = {}
    for t0, row0, _, t1, row1, *_ in strokes.tolist():
        line = ending.pop((t0, row0), None)
        if line is None:
            line = [(t0, row0)]
            lines.append(line)
        line.append((t1, row1))
        ending[t1, row1] = line
    return [np.array(line) for line in lines]
