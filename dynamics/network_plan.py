"""How a network is laid out for its kernel: parameters one behind the other, and where everything lies."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from .cell import Cell
from .kinds import CELL_COLUMNS, DENSE, FIELDS, INDEX_AT, ONE_TO_ONE, PARAMS, SPARSE
from .network_kernel import Plan


def csr_array(*given: Any, **options: Any) -> Any:
    """SciPy's, which is imported when one is made: programs without any start sooner."""
    return scipy.sparse.csr_array(*given, **options)


class Place(NamedTuple):
    """A field or port of a cell; of no cell, an input of the network."""

    cell: str
    name: str
    width: int


class Operator(NamedTuple):
    """``gain W``: what a flow does to its source."""

    gain: float
    weight: NDArray[np.float32] | None = None
    """(targets, sources), or the values that a sparse one stores, or None for one to one."""

    structure: Any = None
    """A sparse one's row starts, columns and shape."""

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
    if scipy.sparse.issparse(weight):
        rows = csr_array(weight, dtype=np.float32)
        rows.sum_duplicates()
        return Operator(float(gain), rows.data, (rows.indptr, rows.indices, rows.shape))
    dense = np.asarray(weight)
    if dense.ndim != 2 or np.iscomplexobj(dense) or not np.isfinite(dense).all():
        raise ValueError(f"expected a flow's weight as a finite real matrix, received {dense.dtype} {dense.shape}")
    return Operator(float(gain), np.array(dense, np.float32))


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


class _Store:
    """Numbers one behind the other."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind, self.size = kind, 0
        self._parts: list[NDArray[Any]] = []

    def put(self, *values: ArrayLike) -> int:
        """Append, and say where they begin."""
        begin = self.size
        for value in values:
            flat = np.ravel(np.asarray(value)).astype(self._kind)
            self._parts.append(flat)
            self.size += flat.size
        return begin

    def array(self) -> NDArray[Any]:
        """All of them; never empty, as no kernel's argument may be."""
        return np.concatenate([*self._parts, np.zeros(1, self._kind)])


def packed(
    cells: Mapping[str, Cell],
    flows: Sequence[tuple[Place, Place, Operator, int]],
    inputs: Mapping[str, int],
    read: Place,
    state: Any,
    streams: int,
) -> tuple[Plan, int, int]:
    """The plan, the width of all cells' inputs, and the longest row that a step works on."""
    floats, numbers = _Store(np.float32), _Store(np.int64)
    input_at, fields = _input_places(cells), _field_places(cells, state)
    rows = []
    for name, cell in cells.items():
        params = [(numbers if value.dtype.kind == "i" else floats).put(value) for value in cell.params.values()]
        own = [fields[name, field] for field in cell.state_fields]
        end = own[-1] + streams * list(cell.state_fields.values())[-1]
        ports = cell.ports
        driven = any(not source.cell and target.cell == name for source, target, *_ in flows)
        at = input_at[name, next(iter(ports))]
        line = np.full(CELL_COLUMNS, -1)
        line[:PARAMS] = cell.kind, cell.units, cell.extra, at, sum(ports.values()), driven
        line[PARAMS : PARAMS + len(params)] = params
        line[FIELDS : FIELDS + len(own) + 1] = [*own, end]
        rows.append(line)
    first = dict(zip(inputs, np.cumsum([0, *inputs.values()]).tolist(), strict=False))
    lines, delays = [], []
    for number, (source, target, operator, delay) in enumerate(flows):
        begin = fields[source.cell, source.name] if source.cell else first[source.name]
        if delay:
            late = int(state["delayed"].fields[str(number)][1] + state.fields["delayed"][1]) // 4
            delays.append((begin, late, delay, source.width))
            begin = late
        kind_of = ONE_TO_ONE if operator.weight is None else DENSE if operator.structure is None else SPARSE
        weight_at = floats.put(operator.gain, *([] if operator.weight is None else [operator.weight]))
        index_at = numbers.put(*(operator.structure or ())[:2])
        place = input_at[target.cell, target.name]
        lines.append((kind_of, not source.cell, begin, source.width, place, target.width, weight_at, index_at))
    plan = Plan(
        np.array(rows, np.int64),
        np.reshape(np.array(lines, np.int64), (-1, INDEX_AT + 1)),
        np.reshape(np.array(delays, np.int64), (-1, 4)),
        np.array([(fields[read.cell, read.name], 0, read.width)], np.int64),
        floats.array(),
        numbers.array(),
    )
    longest = max(max(cell.units, cell.longest) for cell in cells.values())
    width = sum(sum(cell.ports.values()) for cell in cells.values())
    return plan, width, longest


def _input_places(cells: Mapping[str, Cell]) -> dict[tuple[str, str], int]:
    places, at = {}, 0
    for name, cell in cells.items():
        for port, width in cell.ports.items():
            places[name, port] = at
            at += width
    return places


def _field_places(cells: Mapping[str, Cell], state: Any) -> dict[tuple[str, str], int]:
    """Where each field of each cell's state begins, in floats."""
    return {
        (name, field): int(state.fields[name][1] + state[name].fields[field][1]) // 4
        for name, cell in cells.items()
        for field in cell.state_fields
    }
