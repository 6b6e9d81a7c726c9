"""Networks: cells that feed one another through flows, stepped by one kernel."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.compiler.ahead import Call
from sharpear.gpu.stateful import Stateful, allocated

from .cell import Cell, Params, State, check_counts
from .flows import Flow
from .kinds import NO_CELL
from .layer import Activity
from .nesting import flattened
from .network_inputs import side_by_side
from .network_kernel import network_process, network_settle
from .network_plan import DELAYED, packed, room_lengths
from .network_tables import Plan, Room
from .wiring import Wiring, warn_of_growth

SETTLING_BYTES = 8
"""What a GPU's block keeps in common while a network settles: the largest change and the largest state."""


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
            one for each. Parameters are the cells' own, set there or by `replace`.
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
    wiring: Wiring
    """Its cells and flows, laid out in one list, those of inner networks among them."""

    def __init__(
        self,
        cells: Mapping[str, Cell],
        flows: Sequence[Flow],
        *,
        read: str | None = None,
        iterations: int = 1,
        streams: int | None = None,
    ) -> None:
        _check_cells(cells, streams)
        check_counts(iterations=iterations, streams=streams or 1)
        first = next(iter(cells.values()))
        inner = {name: cell.wiring for name, cell in cells.items() if isinstance(cell, Network)}
        self.wiring = flattened(cells, inner, flows, read or next(iter(cells)))
        self.iterations, self.streams = iterations, streams or first.streams
        self.units = self.wiring.source(self.wiring.reading).width
        self._remember(_fields(self.wiring, self.streams), first.backend)
        self._floats = self._state.floats
        self._lengths = room_lengths(self.cells)
        self._room = allocated(Room, self._lengths, self.backend, self.streams)
        self._process, self._settle = (
            self.backend.kernel(
                function, {"UNIT": np.dtype(np.float32)}, blocks=self.streams, threads=self._lengths["longest"],
                shared_bytes=SETTLING_BYTES,
            )
            for function in (network_process, network_settle)
        )  # fmt: skip
        self._lay_out()
        warn_of_growth(self.loop_gain)

    @property
    def cells(self) -> dict[str, Cell]:
        """All cells by name, those of inner networks among them."""
        return self.wiring.cells

    @property
    def reading(self) -> str:
        """What is read."""
        return self.wiring.reading

    @property
    def output(self) -> str:  # type: ignore[override]
        """What is read."""
        return self.wiring.reading

    @property
    def ports(self) -> dict[str, int]:
        """Width of each input."""
        return dict(self.wiring.inputs)

    @property
    def state_fields(self) -> dict[str, int]:
        """Width of each field of each cell's state."""
        return {f"{name}.{f}": width for name, cell in self.cells.items() for f, width in cell.state_fields.items()}

    @property
    def params(self) -> Params:
        """Parameters of the cells, "cell.name", and of the flows, "source->target" and "source->target.gain"."""
        return self.wiring.params

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters of cells or flows; of a sparse flow the values that are stored.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value; then none is set.
        """
        self.wiring.replace(params)
        self.revision += 1
        warn_of_growth(self.loop_gain)

    def _lay_out(self) -> None:
        """The parameters as the kernel takes them, where it runs."""
        self._laid_out = self.wiring.revisions
        plan = packed(self.wiring, self._state.dtype, self.streams)
        self._plan = Plan(*(self.backend.array(part) for part in plan))
        lengths = room_lengths(self.cells)
        if lengths != self._lengths:  # fields that reach farther connect more
            self._lengths = lengths
            self._room = allocated(Room, self._lengths, self.backend, self.streams)

    @property
    def loop_gain(self) -> float:
        """The largest eigenvalue of the gains from cell to cell: below 1, signals around all loops die out.

        A flow's gain is its operator's norm, a circuit's the largest steady activity of a unit for a drive of 1, with
        what it feeds back to itself one to one; other cells count as 1. A bound for receptive fields that are nowhere
        negative, where ``aᵀWᵀWa ≥ ‖a‖²``.
        """
        return self.wiring.loop_gain

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
            self(inputs)
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
        out = self.backend.empty((1, self.streams, self.units), np.float32)
        drive = self._drive(inputs, ())[None]
        self._process(drive, self._plan, self.iterations, self._room, self._floats, out)
        return self._returned(out[0], inputs)

    def process(self, inputs: Mapping[str, ArrayLike] | Activity, out: Activity | None = None) -> Activity:
        """Advance over (frames, streams, width), by name where there are several inputs; what is read after each frame.

        On a GPU, inputs may be its own arrays or NumPy's; the result is of the same kind.

        Raises:
            ValueError: the shape of an input, or of `out`, is wrong.
        """
        drive = self._drive(inputs, ("frames",))
        shape = (len(drive), self.streams, self.units)
        if out is None:
            out = self.backend.empty(shape, np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not self.backend.holds(out):
            raise ValueError(f"expected out of {shape} float32, received {out.shape} {out.dtype}")
        self._process(drive, self._plan, self.iterations, self._room, self._floats, out)
        return self._returned(out, inputs)

    @property
    def call(self) -> Call:
        """The kernel that `process` calls, and arguments of the types of its own, for one that is compiled ahead."""
        drive, out = (
            np.empty((0, self.streams, n), np.float32) for n in (sum(self.wiring.inputs.values()), self.units)
        )
        return self._process, (drive, self._plan, self.iterations, self._room, self._floats, out)

    def settle(
        self, inputs: Mapping[str, ArrayLike] | ArrayLike, tolerance: float = 1e-5, limit: int = 10_000
    ) -> Settled:
        """Step under constant inputs, from the present state, until no state changes much any more.

        Args:
            inputs: (streams, width), or (width,) for a single stream; by name where there are several.
            tolerance: the largest change in a step, of the largest state, at which a stream has settled.
            limit: steps after which it is given up.

        Raises:
            ValueError: the shape of an input is wrong, or there is no step to take.
        """
        drive = self._drive(inputs, ())
        if limit < 1 or not tolerance > 0:
            raise ValueError(f"expected a positive tolerance and limit, received {tolerance:g} and {limit}")
        streams, array = self.streams, self.backend.empty
        out, before = array((streams, self.units), np.float32), array(self._floats.shape, np.float32)
        steps, residual = array((streams,), np.int64), array((streams,), np.float64)
        limits = int(limit), np.float64(tolerance)
        self._settle(drive, self._plan, *limits, self._room, before, self._floats, out, steps, residual)
        return Settled(*(self.backend.numpy(part) for part in (out, steps, residual)))

    @property
    def flows(self) -> list[Flow]:
        """The flows as they were given."""
        return self.wiring.flows

    def present_flows(self) -> list[Flow]:
        """The flows with their weights and gains as they are now."""
        return self.wiring.present_flows()

    def flow_labels(self) -> list[str]:
        """Names of the flows among the parameters; a second one between the same two is numbered."""
        return self.wiring.labels

    def _drive(self, inputs: Mapping[str, ArrayLike] | ArrayLike, before: tuple[str, ...]) -> Any:
        if self.wiring.revisions != self._laid_out:  # a cell was changed by itself
            self._lay_out()
        return side_by_side(inputs, self.wiring.inputs, (*before, self.streams), self.backend)

    def _returned(self, out: Activity, inputs: Any) -> Activity:
        """Where the inputs came from."""
        given = inputs.values() if isinstance(inputs, Mapping) else [inputs]
        return out if any(map(self.backend.holds, given)) else self.backend.numpy(out)


def alone(cell: Cell, streams: int) -> Network:
    """A network of one cell, "cell", whose inputs are its ports, for any number of streams."""
    return Network({"cell": cell}, [Flow(port, f"cell.{port}") for port in cell.ports], streams=streams)


def _check_cells(cells: Mapping[str, Cell], streams: int | None) -> None:
    for name, cell in cells.items():
        if not isinstance(name, str) or not name or set(name) & set("./>") or name == DELAYED:
            raise ValueError(f"expected cells' names without '.', '/' and '>', and none {DELAYED!r}, received {name!r}")
        if not isinstance(cell, Cell) or (cell.kind == NO_CELL and not isinstance(cell, Network)):
            raise ValueError(f"expected cells or networks, received {type(cell).__name__} {name!r}")
        if getattr(cell, "dtype", np.dtype(np.float32)).kind == "c":
            raise ValueError(f"expected real cells, received {name!r} of complex units: LcAdamWta couples those")
    if not cells or (streams is None and len({cell.streams for cell in cells.values()}) > 1):
        raise ValueError(f"expected cells of as many streams, received {[c.streams for c in cells.values()]}")
    if len({id(cell.backend) for cell in cells.values()}) > 1:
        raise ValueError("expected all cells on one backend, received several")


def _fields(wiring: Wiring, streams: int) -> list[tuple[Any, ...]]:
    """The state: each cell's, and what flows late."""
    fields: list[tuple[Any, ...]] = [
        (name, [(field, np.float32, (streams, width)) for field, width in cell.state_fields.items()])
        for name, cell in wiring.cells.items()
    ]
    late = [
        (str(i), np.float32, (flow.delay, streams, wiring.source(flow.source).width))
        for i, flow in enumerate(wiring.flows)
        if flow.delay
    ]
    return [*fields, *([(DELAYED, late)] if late else [])]
