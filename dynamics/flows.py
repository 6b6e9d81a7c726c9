"""Flows from cell to cell, and the linear operators that they carry."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray


def csr_array(*given: Any, **options: Any) -> Any:
    """SciPy's, which is imported when one is made: programs without any start sooner."""
    return scipy.sparse.csr_array(*given, **options)


@dataclass(frozen=True)
class Flow:
    """What one cell receives from another, or from an input of the network.

    ``target ← target + gain W source``

    Args:
        source: "cell" or "cell.field" of its state; any other name is an input of the network.
        target: "cell" or "cell.port".
        weight: W, (targets, sources), an array or a SciPy sparse array; one to one when None.
        gain: of it all.
        delay: frames. Without delay a step sees what the step before left; with it all steps of a frame see what was
            there at the end of so many frames before.

    >>> feedback = Flow("rivals", "partials", gain=0.1, delay=1)
    >>> feedback.label
    'rivals->partials'
    """

    source: str
    target: str
    weight: Any = None
    gain: float = 1.0
    delay: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.delay, Integral) or self.delay < 0:
            raise ValueError(f"expected a delay in whole frames, none negative, received {self.delay!r}")
        if not isinstance(self.gain, Real) or not np.isfinite(np.float32(self.gain)):
            raise ValueError(f"expected a finite real gain, received {self.gain!r}")

    @property
    def label(self) -> str:
        """Its name among a network's parameters."""
        return f"{self.source}->{self.target}"


class Operator(NamedTuple):
    """``gain W``: what a flow does to its source."""

    gain: float
    weight: NDArray[np.float32] | None = None
    """(targets, sources), or the values that a sparse one stores, or None for one to one."""

    structure: Any = None
    """A sparse one's row starts, columns and shape."""

    def changed(self, weight: NDArray[Any] | None = None, gain: ArrayLike | None = None) -> "Operator":
        """With another weight or gain, or both.

        Raises:
            ValueError: they are not finite.
        """
        given = self.weight if weight is None else weight, self.gain if gain is None else float(np.asarray(gain))
        if not all(np.isfinite(value).all() for value in given if value is not None):
            raise ValueError("expected a finite weight and gain of a flow, received others")
        return self._replace(weight=given[0], gain=given[1])

    @property
    def matrix(self) -> Any:
        """W as it was given, or None."""
        if self.structure is None:
            return self.weight
        starts, columns, shape = self.structure
        return csr_array((self.weight, columns, starts), shape)

    @property
    def targets(self) -> int | None:
        """Rows, or None where it fits any."""
        return None if self.weight is None else int(self.matrix.shape[0])

    @property
    def sources(self) -> int | None:
        """Columns, or None where it fits any."""
        return None if self.weight is None else int(self.matrix.shape[1])

    @property
    def norm(self) -> float:
        """Largest singular value, or the bound ``√(‖W‖₁ ‖W‖_∞)`` of it for a sparse one."""
        if self.weight is None:
            return abs(self.gain)
        if self.structure is None:
            return abs(self.gain) * float(np.linalg.norm(self.weight, 2))
        size = abs(self.matrix)
        return abs(self.gain) * float(np.sqrt(size.sum(axis=0).max(initial=0) * size.sum(axis=1).max(initial=0)))


def operator_of(weight: Any, gain: float) -> Operator:
    """The operator of a flow.

    Raises:
        ValueError: the weight is not a finite real matrix.
    """
    if weight is None:
        return Operator(float(gain))
    sparse = scipy.sparse.issparse(weight)
    given: Any = weight if sparse else np.asarray(weight)
    if given.ndim != 2 or given.dtype.kind not in "biuf":
        raise ValueError(f"expected a flow's weight as a finite real matrix, received {given.dtype} {given.shape}")
    with np.errstate(over="ignore"):
        matrix: Any = csr_array(given, dtype=np.float32) if sparse else np.array(given, np.float32)
    values: NDArray[np.float32] = matrix.data if sparse else matrix
    if not np.isfinite(values).all():
        raise ValueError("expected a flow's weight as a finite real matrix, received one that is not finite")
    if not sparse:
        return Operator(float(gain), values)
    matrix.sum_duplicates()
    return Operator(float(gain), matrix.data, (matrix.indptr, matrix.indices, matrix.shape))


def composed(after: Any, before: Any) -> Any:
    """``after before``, where None is one to one."""
    if after is None or before is None:
        return before if after is None else after
    return after @ before


def convolution(kernel: ArrayLike, shape: tuple[int, ...]) -> Any:
    """``(W x)_i = Σ_d kernel_d x_{i−d}`` over units on a grid, d from the kernel's centre; zero beyond the edges.

    >>> convolution([1, 2, 3], (4,)).toarray().tolist()
    [[2.0, 1.0, 0.0, 0.0], [3.0, 2.0, 1.0, 0.0], [0.0, 3.0, 2.0, 1.0], [0.0, 0.0, 3.0, 2.0]]
    """
    weights = np.asarray(kernel, np.float32)
    if weights.ndim != len(shape):
        raise ValueError(f"expected a kernel of {len(shape)} axes, received {weights.ndim}")
    here = np.indices(shape).reshape(len(shape), -1)
    rows, columns, values = [], [], []
    for place in np.ndindex(weights.shape):
        offset = np.array(place) - np.array(weights.shape) // 2
        there = here - offset[:, None]
        inside = ((there >= 0) & (there < np.array(shape)[:, None])).all(axis=0)
        rows.append(np.flatnonzero(inside))
        columns.append(np.ravel_multi_index(tuple(there[:, inside]), shape))
        values.append(np.full(rows[-1].size, weights[place]))
    units = int(np.prod(shape))
    return csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(units, units))
