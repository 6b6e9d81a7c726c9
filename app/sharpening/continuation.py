"""Which line of one frame goes on as which line of the next."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

NEAR_CENTS = 20.0
"""A line that moves farther from one frame to the next is not known to be the same."""


def continuation(before_hz: ArrayLike, after_hz: ArrayLike) -> NDArray[np.int64]:
    """For each line of a frame the line of the next one that continues it, or -1: each is the other's nearest.

    Both in Hz, in any order; lines farther apart than `NEAR_CENTS` do not continue each other.

    >>> continuation([440.0, 900.0, 901.0], [902.0, 441.0]).tolist()
    [1, -1, 0]
    """
    before, after = (np.log2(np.asarray(hz, np.float64)) for hz in (before_hz, after_hz))
    if not (before.size and after.size):
        return np.full(before.size, -1)
    forth, back = _nearest(before, after), _nearest(after, before)
    meet = (back[forth] == np.arange(before.size)) & (np.abs(after[forth] - before) <= NEAR_CENTS / 1200)
    return np.where(meet, forth, -1)


def _nearest(points: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.int64]:
    order = np.argsort(among, kind="stable")
    ordered = among[order]
    above = np.searchsorted(ordered, points).clip(1, max(1, ordered.size - 1)) if ordered.size > 1 else None
    if above is None:
        return np.zeros(points.size, np.int64)
    nearest = np.where(points - ordered[above - 1] <= ordered[above] - points, above - 1, above)
    return np.asarray(order[nearest], np.int64)
