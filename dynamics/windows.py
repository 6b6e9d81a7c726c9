"""Windows of units on a grid of any number of axes: boxes around each unit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def half_widths(value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(axes, longest side) half widths of the windows, whole numbers, at every place along every axis."""
    given = np.asarray(value)
    if given.dtype.kind not in "biuf" or not ((given == np.rint(given)) & (given >= 0) & (given < np.inf)).all():
        raise ValueError(f"expected half_width in whole units, none negative, received {value!r}")
    if given.shape not in ((), (len(shape),), *([shape] if len(shape) == 1 else [])):
        wanted = f"one for each of {len(shape)} axes" if len(shape) > 1 else f"{shape[0]}, one per unit"
        raise ValueError(f"expected one half_width or {wanted}, received {value!r}")
    rows = given if given.ndim and len(shape) == 1 else np.broadcast_to(given, len(shape))[:, None]
    return np.array(np.broadcast_to(rows, (len(shape), max(shape))), np.int64)


def loops_of(half_width: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(units,) inhibitory units through which each unit inhibits itself: the diagonal of W W."""
    loops = np.ones((), np.int64)
    for side, half in zip(shape, half_width, strict=True):
        apart = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
        inside = apart <= half[:side, None]
        loops = np.multiply.outer(loops, (inside & inside.T).sum(axis=1))
    return loops.ravel()
