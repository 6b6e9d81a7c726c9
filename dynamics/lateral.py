"""Lateral weights: how strongly units of a layer inhibit one another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class BandedWeights:
    """A square matrix kept as its band, column by column: ``band[j, half_width + d] = G[j + d, j]``.

    Column order lets a kernel add what one active unit does to its neighbours and skip the silent ones.

    >>> weights = BandedWeights.from_dense(np.array([[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]))
    >>> weights.half_width
    1
    >>> weights.dense().tolist()
    [[0.0, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.0]]
    """

    band: NDArray[Any]
    """(units, 2 half_width + 1) float32 or complex64."""

    def __post_init__(self) -> None:
        band = self.band
        if band.ndim != 2 or band.shape[1] % 2 == 0 or band.dtype not in (np.float32, np.complex64):
            raise ValueError(
                f"expected a band (units, odd width) of float32 or complex64, received {band.dtype} {band.shape}"
            )
        if not len(band) or not np.isfinite(band).all():
            raise ValueError(f"expected a finite band of at least one unit, received {band.shape}")

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.band)

    @property
    def half_width(self) -> int:
        """Farthest neighbour that a unit reaches."""
        return int(self.band.shape[1] // 2)

    @classmethod
    def from_dense(cls, matrix: NDArray[Any], tolerance: float = 1e-6) -> "BandedWeights":
        """Keep the diagonals of `matrix` up to the farthest one with an entry above `tolerance` × the largest entry.

        Raises:
            ValueError: `matrix` is not square.
        """
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"expected a square matrix, received shape {matrix.shape}")
        units = matrix.shape[0]
        size = np.abs(matrix)
        row, column = np.nonzero(size > tolerance * size.max(initial=0.0))
        half_width = int(np.abs(row - column).max(initial=0))
        dtype = np.complex64 if np.iscomplexobj(matrix) else np.float32
        band = np.zeros((units, 2 * half_width + 1), dtype)
        target = np.arange(units)[:, None] + np.arange(-half_width, half_width + 1)
        inside = (target >= 0) & (target < units)
        source = np.broadcast_to(np.arange(units)[:, None], target.shape)
        band[inside] = matrix[target[inside], source[inside]]
        return cls(band)

    @classmethod
    def from_receptive_fields(cls, fields: NDArray[Any], tolerance: float = 1e-6) -> "BandedWeights":
        """Lateral weights ``G = WᴴW − I`` of receptive fields W, (inputs, units), whose columns have unit norm."""
        gram = np.conj(fields.T) @ fields
        return cls.from_dense(gram - np.eye(gram.shape[0], dtype=gram.dtype), tolerance)

    def dense(self) -> NDArray[Any]:
        """The whole matrix."""
        matrix = np.zeros((self.units, self.units), self.band.dtype)
        for offset in range(-self.half_width, self.half_width + 1):
            column = np.arange(max(0, -offset), min(self.units, self.units - offset))
            matrix[column + offset, column] = self.band[column, self.half_width + offset]
        return matrix
