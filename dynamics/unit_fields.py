"""Receptive fields W, (inputs, units), of layers that compete to explain their inputs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def unit_columns(fields: ArrayLike) -> NDArray[np.float32]:
    """Receptive fields (inputs, units) as float32.

    Raises:
        ValueError: they are no real finite matrix of columns of norm 1.
    """
    W = np.asarray(fields)
    if W.ndim != 2 or not W.size or W.dtype.kind not in "biuf" or not np.isfinite(W).all():
        raise ValueError(f"expected real finite receptive fields (inputs, units), received {W.dtype} {W.shape}")
    norms = np.linalg.norm(W, axis=0)
    if not np.allclose(norms, 1, atol=1e-3):
        raise ValueError(
            f"expected receptive fields of unit columns, received norms from {norms.min():.3g} to {norms.max():.3g}: "
            "divide by np.linalg.norm(W, axis=0)"
        )
    return W.astype(np.float32)


def random_fields(inputs: int, units: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Receptive fields (inputs, units) to begin learning with: not negative, of unit columns.

    >>> W = random_fields(4, 3, np.random.default_rng(0))
    >>> W.shape, np.linalg.norm(W, axis=0).round(3).tolist(), bool((W >= 0).all())
    ((4, 3), [1.0, 1.0, 1.0], True)
    """
    W = np.abs(rng.standard_normal((inputs, units)))
    return np.asarray(W / np.linalg.norm(W, axis=0), np.float32)
