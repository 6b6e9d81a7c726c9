"""How a network is laid out for its kernel: parameters one behind the other, and where everything lies."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cell import Cell
from .kinds import CELL_COLUMNS, DENSE, FIELDS, INDEX_AT, ONE_TO_ONE, PARAMS, SPARSE
from .network_tables import Plan
from .wiring import Wiring

DELAYED = "delayed"
"""The part of a network's state that holds what flows late."""


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


def packed(wiring: Wiring, state: Any, streams: int) -> Plan:
    """The plan: all that the kernel is told of a network, whose state has that dtype."""
    floats, numbers = _Store(np.float32), _Store(np.int64)
    cells, input_at, fields = wiring.cells, _input_places(wiring.cells), _field_places(wiring.cells, state)
    flows = [(wiring.source(flow.source), wiring.target(flow.target), flow.delay) for flow in wiring.flows]
    rows = []
    for name, cell in cells.items():
        params = [(numbers if value.dtype.kind == "i" else floats).put(value) for value in cell.packed.values()]
        own = [fields[name, field] for field in cell.state_fields]
        end = own[-1] + streams * list(cell.state_fields.values())[-1]
        ports = cell.ports
        driven = any(not source.cell and target.cell == name for source, target, _ in flows)
        at = input_at[name, next(iter(ports))]
        line = np.full(CELL_COLUMNS, -1)
        line[:PARAMS] = cell.kind, cell.units, cell.extra, at, sum(ports.values()), driven
        assert len(params) <= FIELDS - PARAMS, f"{name}: {len(params)} parameters, and {FIELDS - PARAMS} columns"
        line[PARAMS : PARAMS + len(params)] = params
        line[FIELDS : FIELDS + len(own) + 1] = [*own, end]
        rows.append(line)
    first = dict(zip(wiring.inputs, np.cumsum([0, *wiring.inputs.values()]).tolist(), strict=False))
    lines, delays = [], []
    for number, ((source, target, delay), operator) in enumerate(zip(flows, wiring.operators, strict=True)):
        begin = fields[source.cell, source.name] if source.cell else first[source.name]
        if delay:
            late = int(state[DELAYED].fields[str(number)][1] + state.fields[DELAYED][1]) // 4
            delays.append((begin, late, delay, source.width))
            begin = late
        kind_of = ONE_TO_ONE if operator.weight is None else DENSE if operator.structure is None else SPARSE
        weight_at = floats.put(operator.gain, *([] if operator.weight is None else [operator.weight]))
        index_at = numbers.put(*(operator.structure or ())[:2])
        place = input_at[target.cell, target.name]
        lines.append((kind_of, not source.cell, begin, source.width, place, target.width, weight_at, index_at))
    read = wiring.source(wiring.reading)
    return Plan(
        np.array(rows, np.int64),
        np.reshape(np.array(lines, np.int64), (-1, INDEX_AT + 1)),
        np.reshape(np.array(delays, np.int64), (-1, 4)),
        np.array([(fields[read.cell, read.name], 0, read.width)], np.int64),
        floats.array(),
        numbers.array(),
    )


def room_lengths(cells: Mapping[str, Cell]) -> dict[str, int]:
    """Lengths of the axes of a step's `Room`."""
    longest = max(max(cell.units, cell.longest) for cell in cells.values())
    inputs = sum(sum(cell.ports.values()) for cell in cells.values())
    starts, links = np.sum([cell.links for cell in cells.values()], axis=0).tolist()
    return {"inputs": inputs, "longest": longest, "sums": 2 * longest + 1, "starts": starts, "links": links}


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
