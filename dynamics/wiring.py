"""Which cells there are, and what flows between them: names looked up, sizes agreed, gains bounded."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .cell import Cell, Params, checked
from .flows import Flow, operator_of


class Place(NamedTuple):
    """A field or port of a cell; of no cell, an input of the network."""

    cell: str
    name: str
    width: int


class Wiring:
    """Cells, flows between them, and the field that is read.

    Raises:
        ValueError: a flow names what is not there, or sizes do not agree.
    """

    def __init__(self, cells: Mapping[str, Cell], flows: Sequence[Flow], reading: str) -> None:
        self.cells, self.flows, self.reading = dict(cells), list(flows), reading
        self.operators = [operator_of(flow.weight, flow.gain) for flow in self.flows]
        self.inputs: dict[str, int] = {}
        self._replaced = 0
        for flow, operator in zip(self.flows, self.operators, strict=True):
            if flow.source.partition(".")[0] not in self.cells:
                self._add_input(flow, operator.sources or self.target(flow.target).width)
            source, target = self.source(flow.source).width, self.target(flow.target).width
            received = (operator.targets or source, operator.sources or target)
            if received != (target, source):
                raise ValueError(f"expected {flow.label} of shape ({target}, {source}), received {received}")
        if not self.source(reading).cell:
            raise ValueError(f"expected to read one of {', '.join(self.cells)}, received {reading!r}")

    def _add_input(self, flow: Flow, width: int) -> None:
        if "." in flow.source or flow.delay:
            raise ValueError(f"expected a cell's field or an input without delay as a source, received {flow!r}")
        if self.inputs.setdefault(flow.source, width) != width:
            raise ValueError(f"expected {self.inputs[flow.source]} values of input {flow.source!r}, received {width}")

    def source(self, name: str) -> Place:
        """Where a flow comes from: a field of a cell, or an input of the network."""
        cell, _, field = name.partition(".")
        if cell not in self.cells:
            return Place("", name, self.inputs.get(name, 0))
        field = field or self.cells[cell].output
        if field not in self.cells[cell].state_fields:
            fields = ", ".join(self.cells[cell].state_fields)
            raise ValueError(f"expected a field of {cell!r}: {fields}, received {name!r}")
        return Place(cell, field, self.cells[cell].state_fields[field])

    def target(self, name: str) -> Place:
        """Where a flow goes: a port of a cell."""
        cell, _, port = name.partition(".")
        if cell not in self.cells:
            raise ValueError(f"expected a flow to one of {', '.join(self.cells)}, received {name!r}")
        port = port or next(iter(self.cells[cell].ports))
        if port not in self.cells[cell].ports:
            raise ValueError(f"expected a port of {cell!r}: {', '.join(self.cells[cell].ports)}, received {name!r}")
        return Place(cell, port, self.cells[cell].ports[port])

    @property
    def labels(self) -> list[str]:
        """Names of the flows among the parameters; a second one between the same two is numbered."""
        labels: list[str] = []
        for flow in self.flows:
            again = sum(label.partition("#")[0] == flow.label for label in labels)
            labels.append(f"{flow.label}#{again + 1}" if again else flow.label)
        return labels

    @property
    def params(self) -> Params:
        """Parameters of the cells, "cell.name", and of the flows, "source->target" and "source->target.gain"."""
        found = {f"{name}.{key}": value for name, cell in self.cells.items() for key, value in cell.params.items()}
        for label, operator in zip(self.labels, self.operators, strict=True):
            if operator.weight is not None:
                found[label] = operator.weight.copy()
            found[f"{label}.gain"] = np.array(operator.gain, np.float32)
        return found

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters of cells or flows; of a sparse flow the values that are stored.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value; then none is set.
        """
        known, of_flows = self.params, {label: place for place, label in enumerate(self.labels)}
        operators = list(self.operators)
        of_cells: dict[str, dict[str, ArrayLike]] = {}
        for name, value in params.items():
            label = name.removesuffix(".gain")
            if name not in known:
                raise ValueError(f"expected parameters {', '.join(known)}, received {name!r}")
            if label in of_flows:
                change = {"gain" if name != label else "weight": checked(known, {name: value})[name]}
                operators[of_flows[label]] = operators[of_flows[label]].changed(**change)
            else:
                cell, key = name.rsplit(".", 1)
                of_cells.setdefault(cell, {})[key] = value
        before: dict[str, Params] = {name: self.cells[name].params for name in of_cells}
        try:
            for name, values in of_cells.items():
                self.cells[name].replace(values)
        except ValueError:
            for name, kept in before.items():
                self.cells[name].replace(kept)
            raise
        self.operators = operators
        self._replaced += 1

    @property
    def revisions(self) -> int:
        """How often parameters of cells or flows have been set."""
        return self._replaced + sum(cell.revision for cell in self.cells.values())

    def present_flows(self) -> list[Flow]:
        """The flows with their weights and gains as they are now."""
        return [
            replace(flow, weight=operator.matrix, gain=operator.gain)
            for flow, operator in zip(self.flows, self.operators, strict=True)
        ]

    @property
    def loop_gain(self) -> float:
        """The largest eigenvalue of the gains from cell to cell."""
        names = list(self.cells)
        own = {name: getattr(cell, "gain", None) for name, cell in self.cells.items()}
        excited = dict.fromkeys(names, 0.0)
        gains = np.zeros((len(names), len(names)))
        for flow, operator in zip(self.flows, self.operators, strict=True):
            source, target = self.source(flow.source), self.target(flow.target)
            if source.cell and source.cell == target.cell and operator.weight is None and own[source.cell]:
                excited[source.cell] += operator.gain
            elif source.cell:
                gains[names.index(target.cell), names.index(source.cell)] += operator.norm
        for name, gain in own.items():
            if gain and not np.isfinite(gain(excited[name])):
                return np.inf
            gains[:, names.index(name)] *= gain(excited[name]) if gain else 1.0
        return float(np.abs(np.linalg.eigvals(gains)).max()) if np.isfinite(gains).all() else np.inf


def warn_of_growth(loop_gain: float) -> None:
    """Warn, where a network is made or changed, of loops whose signals may not die out."""
    if not loop_gain < 1:
        warnings.warn(
            f"expected flows with a loop gain below 1, above which activity may grow without end, received "
            f"{loop_gain:.3g}", stacklevel=3
        )  # fmt: skip
