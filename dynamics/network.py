"""Networks: cells that feed one another through flows, stepped by one kernel."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu import CPU
from sharpear.gpu.backend import HostRecord
from sharpear.gpu.stateful import Stateful

from .cell import Cell, Params, State, checked
from .kinds import NO_CELL
from .layer import Activity, usable
from .network_kernel import network_process, network_settle
from .network_plan import Place, composed, operator_of, packed


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
        if self.delay != int(self.delay) or self.delay < 0:
            raise ValueError(f"expected a delay in whole frames, none negative, received {self.delay!r}")

    @property
    def label(self) -> str:
        """Its name among a network's parameters."""
        return f"{self.source}->{self.target}"


class Settled(NamedTuple):
    """Where a network came to rest.

    >>> from sharpear.dynamics import Lca
    >>> layer = Lca.over(np.array([[1.0, 0.6], [0.0, 0.8]]), 0.1, tau_s=0.01, step_s=0.003)
    >>> settled = Network({"lca": layer}, [Flow("input", "lca")]).settle(np.array([1.0, 0.6]))
    >>> settled.activity.round(2), bool(settled.residual[0] < 1e-3)
    (array([[0.9, 0. ]], dtype=float32), True)
    """

    activity: NDArray[np.float32]
    """(streams, read)"""

    iterations: NDArray[np.int64]
    """(streams,) steps taken."""

    residual: NDArray[np.float64]
    """(streams,) the largest change of a state in the last step, of the largest of them."""


class Network(Stateful, Cell):
    """Cells that feed one another through flows; itself a cell, so that networks nest.

    In every step all cells receive what the step before left of the others' states, and then all move. Once a frame,
    before its steps, an LCA's memory leaks, and its level follows the inputs of the network that reach it (or all that
    it receives, if none does). A network within a network gives its cells and flows to the outer one, their names
    behind its own and a slash; it is stepped as often as the outer one.

    Args:
        cells: layers, solvers or networks by name, on one backend. Their own states stay out of it: the network keeps
            one for each. Set their parameters by `replace`.
        flows: what feeds what.
        read: the "cell" or "cell.field" that comes out; the first cell's activity by default.
        iterations: steps a frame.
        streams: independent signals; as many as the cells have when None.

    Raises:
        ValueError: a flow names what is not there, or sizes do not agree.

    Warns:
        UserWarning: the `loop_gain` is not below 1.

    >>> from sharpear.dynamics import LcAdam, WtaCircuit, WtaConv
    >>> W = np.eye(4) + 0.6 * np.eye(4, k=1)
    >>> W /= np.linalg.norm(W, axis=0)
    >>> partials = LcAdam.over(W, 0.05, frame_s=0.003, level_tau_s=0.2, beta1=0.65, beta2=0.75, eta=0.05, epsilon=0.2)
    >>> circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> rivals = WtaConv(4, 1, tau_s=0.003, step_s=0.001, circuit=circuit)
    >>> flows = [Flow("input", "partials", W.T), Flow("partials.u", "rivals"), Flow("rivals", "partials", gain=0.1)]
    >>> network = Network({"partials": partials, "rivals": rivals}, flows)
    >>> network.settle(W[:, 2]).activity.argmax(axis=1).tolist()
    [2]
    """

    kind = NO_CELL

    def __init__(
        self,
        cells: Mapping[str, Cell],
        flows: Sequence[Flow],
        *,
        read: str | None = None,
        iterations: int = 1,
        streams: int | None = None,
    ) -> None:
        if not cells or (streams is None and len({cell.streams for cell in cells.values()}) > 1):
            raise ValueError(f"expected cells of as many streams, received {[c.streams for c in cells.values()]}")
        first = next(iter(cells.values()))
        if any(cell.backend is not first.backend for cell in cells.values()):
            raise ValueError("expected all cells on one backend, received several")
        if first.backend is not CPU:
            raise ValueError("expected cells on the CPU, where networks run, received others: LcAdamWta runs on a GPU")
        if iterations < 1:
            raise ValueError(f"expected at least 1 iteration, received {iterations}")
        for name, cell in cells.items():
            if not name or set(name) & set("./>"):
                raise ValueError(f"expected cells' names without '.', '/' and '>', received {name!r}")
            if cell.kind == NO_CELL and not isinstance(cell, Network):
                raise ValueError(f"expected cells or networks, received {type(cell).__name__} {name!r}")
            if getattr(cell, "dtype", np.dtype(np.float32)).kind == "c":
                raise ValueError(f"expected real cells, received {name!r} of complex units: LcAdamWta couples those")
        self.iterations, self.streams, self.backend = iterations, streams or first.streams, first.backend
        self.cells, self.flows, self.reading = flattened(cells, flows, read or next(iter(cells)))
        self._operators = [operator_of(flow.weight, flow.gain) for flow in self.flows]
        self._inputs = self._input_widths()
        self._check_flows()
        states = [
            (name, [(field, np.float32, (self.streams, width)) for field, width in cell.state_fields.items()])
            for name, cell in self.cells.items()
        ]
        late = [
            (str(i), np.float32, (flow.delay, self.streams, self._source(flow.source).width))
            for i, flow in enumerate(self.flows)
            if flow.delay
        ]
        self._remember([*states, *([("delayed", late)] if late else [])], self.backend)
        self._floats = cast(HostRecord, self._state).floats
        self.units = self._source(self.reading).width
        self.refresh()
        self._warn_of_loops()

    @property
    def output(self) -> str:  # type: ignore[override]
        """What is read."""
        return self.reading

    @property
    def ports(self) -> dict[str, int]:
        """Width of each input."""
        return dict(self._inputs)

    @property
    def state_fields(self) -> dict[str, int]:
        """Width of each field of each cell's state."""
        return {f"{name}.{f}": width for name, cell in self.cells.items() for f, width in cell.state_fields.items()}

    @property
    def params(self) -> Params:
        """Parameters of the cells, "cell.name", and of the flows, "source->target" and "source->target.gain"."""
        found = {f"{name}.{key}": value for name, cell in self.cells.items() for key, value in cell.params.items()}
        for label, operator in zip(self.flow_labels(), self._operators, strict=True):
            if operator.weight is not None:
                found[label] = operator.weight.copy()
            found[f"{label}.gain"] = np.array(operator.gain, np.float32)
        return found

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters of cells or flows; of a sparse flow the values that are stored.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """
        changes = checked(self.params, params)
        for index, label in enumerate(self.flow_labels()):
            weight, gain = changes.pop(label, None), changes.pop(f"{label}.gain", None)
            operator = self._operators[index]
            operator = operator if weight is None else operator._replace(weight=weight)
            self._operators[index] = operator if gain is None else operator._replace(gain=float(gain))
        of_cells: dict[str, Params] = {}
        for name, value in changes.items():
            cell, key = name.rsplit(".", 1)
            of_cells.setdefault(cell, {})[key] = value
        for name, values in of_cells.items():
            self.cells[name].replace(values)
        self.refresh()
        self._warn_of_loops()

    @property
    def loop_gain(self) -> float:
        """The largest eigenvalue of the gains from cell to cell: below 1, signals around all loops die out.

        A flow's gain is its operator's norm, a cell's the largest steady activity of a unit for a drive of 1, with what
        it feeds back to itself one to one. A bound for receptive fields that are nowhere negative, where ``aᵀWᵀWa ≥
        ‖a‖²``; cells that say no gain, which solve or divide, count as 1.
        """
        names = list(self.cells)
        excited = dict.fromkeys(names, 0.0)
        gains = np.zeros((len(names), len(names)))
        for flow, operator in zip(self.flows, self._operators, strict=True):
            source, target = self._source(flow.source), self._target(flow.target)
            if source.cell and source.cell == target.cell and operator.weight is None:
                excited[source.cell] += operator.gain
            elif source.cell:
                gains[names.index(target.cell), names.index(source.cell)] += operator.norm
        for name in names:
            gain = getattr(self.cells[name], "gain", None)
            gains[:, names.index(name)] *= gain(excited[name]) if gain else 1 / max(1 - abs(excited[name]), 1e-9)
        return float(np.abs(np.linalg.eigvals(gains)).max()) if np.isfinite(gains).all() else np.inf

    def init(self, streams: int | None = None, rng: np.random.Generator | None = None) -> State:
        """A state at rest; with `rng`, activities drawn from it, below 1e-3, so that equals are not equal.

        Raises:
            ValueError: the network is for another number of streams.
        """
        if streams not in (None, self.streams):
            raise ValueError(f"expected {self.streams} streams, for which the network is, received {streams}")
        state: State = np.zeros((), self._state.dtype)
        if rng is not None:
            for name, cell in self.cells.items():
                part = state[name][cell.output]
                part[...] = 1e-3 * rng.random(part.shape)
        return state

    def step(self, params: Mapping[str, ArrayLike], state: State, inputs: Mapping[str, ArrayLike] | ArrayLike) -> State:
        """The state after a frame of one step, with `params` in place of those of that name."""
        before, kept, iterations = self.params, self.state, self.iterations
        try:
            self.replace(params)
            self.state, self.iterations = state, 1
            self.process(self._joined(inputs)[None])
            return self.state
        finally:
            self.state, self.iterations = kept, iterations
            self.replace(before)

    def read(self, state: State | None = None) -> dict[str, NDArray[np.float32]]:
        """Every field of every cell's state, "cell.field"; of the present state by default."""
        whole = self.state if state is None else state
        return {name: np.array(whole[name.rsplit(".", 1)[0]][name.rsplit(".", 1)[1]]) for name in self.state_fields}

    def __call__(self, inputs: Mapping[str, ArrayLike] | ArrayLike) -> Activity:
        """Advance one frame: (streams, width) in, by name where there are several inputs; (streams, read) out."""
        activity: Activity = self.process(self._joined(inputs)[None])[0]
        return activity

    def process(self, inputs: Mapping[str, ArrayLike] | Activity, out: Activity | None = None) -> Activity:
        """Advance over (frames, streams, width), by name where there are several inputs; what is read after each frame.

        Raises:
            ValueError: the shape of an input, or of `out`, is wrong.
        """
        drive = np.asarray(self._joined(inputs) if isinstance(inputs, Mapping) else inputs)
        width = sum(self._inputs.values())
        if drive.ndim != 3 or drive.shape[1:] != (self.streams, width) or np.iscomplexobj(drive):
            raise ValueError(
                f"expected a drive of floats, (frames, {self.streams}, {width}), received {drive.dtype} {drive.shape}"
            )
        shape = (len(drive), self.streams, self.units)
        if out is None:
            out = np.empty(shape, np.float32)
        elif out.shape != shape or out.dtype != np.float32:
            raise ValueError(f"expected out of {shape} float32, received {out.shape} {out.dtype}")
        drive = usable(drive, np.float32, CPU)
        network_process(drive, self._plan, self.iterations, self._input_size, self._longest, self._floats, out)
        return out

    def settle(
        self, inputs: Mapping[str, ArrayLike] | ArrayLike, tolerance: float = 1e-5, limit: int = 10_000
    ) -> Settled:
        """Step under constant inputs, from the present state, until no state changes much any more.

        Args:
            inputs: (streams, width), or (width,) for a single stream; by name where there are several.
            tolerance: the largest change in a step, of the largest state, at which a stream has settled.
            limit: steps after which it is given up.
        """
        drive = usable(self._joined(inputs), np.float32, CPU)
        out = np.zeros((self.streams, self.units), np.float32)
        steps, residual = np.zeros(self.streams, np.int64), np.zeros(self.streams)
        network_settle(
            drive, self._plan, limit, tolerance, self._input_size, self._longest, self._floats, out, steps,
            residual,
        )  # fmt: skip
        return Settled(out, steps, residual)

    def present_flows(self) -> list[Flow]:
        """The flows with their weights and gains as they are now."""
        return [
            replace(flow, weight=operator.matrix, gain=operator.gain)
            for flow, operator in zip(self.flows, self._operators, strict=True)
        ]

    def _joined(self, inputs: Mapping[str, ArrayLike] | ArrayLike) -> Activity:
        """Inputs by name side by side; a single stream's may come without its axis."""
        if not isinstance(inputs, Mapping):
            if len(self._inputs) > 1:
                raise ValueError(f"expected inputs by name: {', '.join(self._inputs)}")
            drive = np.asarray(inputs)
            return drive[None] if drive.ndim == 1 and self.streams == 1 else drive
        if set(inputs) != set(self._inputs):
            raise ValueError(f"expected inputs {', '.join(self._inputs)}, received {', '.join(inputs)}")
        parts = [np.asarray(inputs[name], np.float32) for name in self._inputs]
        return np.concatenate([part[None] if part.ndim == 1 and self.streams == 1 else part for part in parts], axis=-1)

    def _source(self, name: str) -> Place:
        """Where a flow comes from: a field of a cell, or an input of the network."""
        cell, _, field = name.partition(".")
        if cell not in self.cells:
            return Place("", name, self._inputs.get(name, 0))
        field = field or self.cells[cell].output
        if field not in self.cells[cell].state_fields:
            fields = ", ".join(self.cells[cell].state_fields)
            raise ValueError(f"expected a field of {cell!r}: {fields}, received {name!r}")
        return Place(cell, field, self.cells[cell].state_fields[field])

    def _target(self, name: str) -> Place:
        cell, _, port = name.partition(".")
        if cell not in self.cells:
            raise ValueError(f"expected a flow to one of {', '.join(self.cells)}, received {name!r}")
        port = port or next(iter(self.cells[cell].ports))
        if port not in self.cells[cell].ports:
            raise ValueError(f"expected a port of {cell!r}: {', '.join(self.cells[cell].ports)}, received {name!r}")
        return Place(cell, port, self.cells[cell].ports[port])

    def _input_widths(self) -> dict[str, int]:
        widths: dict[str, int] = {}
        for flow, operator in zip(self.flows, self._operators, strict=True):
            if flow.source.partition(".")[0] in self.cells:
                continue
            if "." in flow.source or flow.delay:
                raise ValueError(f"expected a cell's field or an input without delay as a source, received {flow!r}")
            width = operator.sources or self._target(flow.target).width
            if widths.setdefault(flow.source, width) != width:
                raise ValueError(f"expected {widths[flow.source]} values of input {flow.source!r}, received {width}")
        return widths

    def _check_flows(self) -> None:
        for flow, operator in zip(self.flows, self._operators, strict=True):
            source, target = self._source(flow.source).width, self._target(flow.target).width
            received = (operator.targets or source, operator.sources or target)
            if received != (target, source):
                raise ValueError(f"expected {flow.label} of shape ({target}, {source}), received {received}")

    def flow_labels(self) -> list[str]:
        """Names of the flows among the parameters; a second one between the same two is numbered."""
        labels: list[str] = []
        for flow in self.flows:
            again = sum(label.partition("#")[0] == flow.label for label in labels)
            labels.append(f"{flow.label}#{again + 1}" if again else flow.label)
        return labels

    def refresh(self) -> None:
        """Lay the parameters out for the kernel, where it runs: after a cell's have been set on the cell itself."""
        flows = [
            (self._source(flow.source), self._target(flow.target), operator, flow.delay)
            for flow, operator in zip(self.flows, self._operators, strict=True)
        ]
        self._plan, self._input_size, self._longest = packed(
            self.cells, flows, self._inputs, self._source(self.reading), self._state.dtype, self.streams
        )
        threads = max(cell.units for cell in self.cells.values())
        self._run = self.backend.kernel(
            network_process, {"UNIT": np.dtype(np.float32)}, blocks=self.streams, threads=threads
        )

    def _warn_of_loops(self) -> None:
        if not self.loop_gain < 1:
            warnings.warn(
                f"expected flows with a loop gain below 1, above which activity may grow without end, received "
                f"{self.loop_gain:.3g}", stacklevel=3
            )  # fmt: skip


def alone(cell: Cell, streams: int) -> Network:
    """A network of one cell, "cell", whose inputs are its ports, for any number of streams."""
    return Network({"cell": cell}, [Flow(port, f"cell.{port}") for port in cell.ports], streams=streams)


def flattened(cells: Mapping[str, Cell], flows: Sequence[Flow], read: str) -> tuple[dict[str, Cell], list[Flow], str]:
    """Cells, flows and what is read, with those of networks among the cells in their place."""
    flat: dict[str, Cell] = {}
    joined: list[Flow] = []
    inner = {name: cell for name, cell in cells.items() if isinstance(cell, Network)}
    for name, cell in cells.items():
        flat |= {f"{name}/{part}": own for part, own in inner[name].cells.items()} if name in inner else {name: cell}
    for name, network in inner.items():
        for flow in network.present_flows():
            if _cell_of(flow.source) in network.cells:
                joined.append(replace(flow, source=f"{name}/{flow.source}", target=f"{name}/{flow.target}"))
    for flow in flows:
        outside = replace(flow, source=_from_outside(flow.source, inner))
        name = _cell_of(flow.target)
        joined += _into(inner[name], name, outside) if name in inner else [outside]
    return flat, joined, _from_outside(read, inner)


def _into(network: Network, name: str, flow: Flow) -> list[Flow]:
    """A flow to an input of a network within, as flows to the cells that this input reaches."""
    port = flow.target.partition(".")[2] or next(iter(network.ports), "")
    reached = [own for own in network.present_flows() if own.source == port]
    if not reached:
        raise ValueError(f"expected an input of {name!r}: {', '.join(network.ports)}, received {flow.target!r}")
    return [
        Flow(flow.source, f"{name}/{own.target}", composed(own.weight, flow.weight), own.gain * flow.gain, flow.delay)
        for own in reached
    ]


def _cell_of(name: str) -> str:
    return name.partition(".")[0]


def _from_outside(name: str, inner: Mapping[str, Network]) -> str:
    """What a network's name alone means as a source: what it reads."""
    return f"{name}/{inner[name].reading}" if name in inner else name
