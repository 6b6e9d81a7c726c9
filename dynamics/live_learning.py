"""Hebbian learning of a network's receptive fields while it listens."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .hebbian import BATCH_FRAMES, LEARNING_RATE, USE_MEMORY, follow, idle, normalise
from .kinds import LCADAM
from .lateral import BandedWeights
from .layer import Activity
from .network import Network


class Hebbian:
    """A network whose receptive fields along one flow keep following what it hears.

    For the a of each frame and what the flow brought, y: ``ΔW_j = rate Σ (y − W a) a_j / Σ a_j²`` over `frames` of
    them, then ``W ← max(W, 0)`` with unit columns; the flow's weight is Wᵀ, and an LCA's lateral weights follow it as
    WᵀW − I. Local: a unit sees its own activity and what is left of its inputs. It is stable, since columns keep their
    norm, and units that fall silent or repeat others begin anew as what was explained worst.

    Args:
        network: changed as it learns; its flow carries a matrix, nowhere negative and with rows of norm 1.
        flow: the flow's name among `network.params`, "source->target", without delay.
        rate: share of the way to the fields that would explain the frames best.
        frames: after how many the fields move.

    Raises:
        ValueError: there is no such flow, or its weight is no such matrix.

    Reference: Olshausen & Field 1997, Vision Research 37, for the rule.

    >>> from sharpear.dynamics import Flow, Lca, random_fields
    >>> rng = np.random.default_rng(0)
    >>> W = random_fields(6, 3, rng)
    >>> layer = Lca.over(W, 0.3, tau_s=0.01, step_s=0.003)
    >>> network = Network({"parts": layer}, [Flow("input", "parts", W.T)], iterations=30)
    >>> learner = Hebbian(network, "input->parts")
    >>> heard = np.eye(6, dtype=np.float32)[rng.integers(0, 3, (2000, 1))]
    >>> a = learner.process(heard)
    >>> np.sort(learner.fields.argmax(axis=0)).tolist()
    [0, 1, 2]
    """

    def __init__(self, network: Network, flow: str, rate: float = LEARNING_RATE, frames: int = BATCH_FRAMES) -> None:
        labels = network.flow_labels()
        if flow not in labels or network.flows[labels.index(flow)].delay:
            raise ValueError(f"expected a flow without delay among {', '.join(labels)}, received {flow!r}")
        weight = network.params.get(flow)
        if weight is None or weight.ndim != 2 or (weight < 0).any():
            raise ValueError(f"expected {flow} to carry a matrix that is nowhere negative, received another")
        if not np.allclose(np.linalg.norm(weight, axis=1), 1, atol=1e-3):
            raise ValueError(f"expected {flow} to carry rows of norm 1, received others")
        if not 0 < rate <= 1 or frames < 1:
            raise ValueError(f"expected a rate from 0 to 1 and 1 frame or more, received {rate:g} and {frames}")
        self.network, self.flow, self.rate, self.frames = network, flow, rate, frames
        self._source, self._cell = network.flows[labels.index(flow)].source, flow.split("->")[1].partition(".")[0]
        self._cell = self._cell.partition("#")[0]
        units, inputs = weight.shape
        self._memory: dict[str, NDArray[Any]] = {
            "atoms": weight.astype(np.float64),
            "use": np.ones(units),
            "pull": np.zeros((units, inputs)),
            "overlap": np.zeros((units, units)),
            "total": np.zeros(units),
            "worst": np.zeros(inputs),
            "worst_error": np.zeros(()),
            "seen": np.zeros((), np.int64),
        }
        self._first = self._copy()
        self._write()

    @property
    def fields(self) -> NDArray[np.float64]:
        """(inputs, units) the receptive fields W as they are now (a copy)."""
        return self._memory["atoms"].T.copy()

    @property
    def state(self) -> dict[str, Any]:
        """The network's state, the fields, and what of the present frames they have not followed yet (copies)."""
        return {"network": self.network.state, **self._copy()}

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        if set(value) != {"network", *self._memory}:
            raise ValueError(f"expected a state with {', '.join(['network', *self._memory])}, received another")
        for name, held in self._memory.items():
            given = np.asarray(value[name])
            if given.shape != held.shape or given.dtype != held.dtype:
                raise ValueError(f"expected {name} {held.dtype} {held.shape}, received {given.dtype} {given.shape}")
        self.network.state = value["network"]
        self._memory = {name: np.array(value[name]) for name in self._memory}
        self._write()

    def reset(self) -> None:
        """Forget all that was heard and learned."""
        self.network.reset()
        self._memory = {name: value.copy() for name, value in self._first.items()}
        self._write()

    def __call__(self, inputs: Mapping[str, ArrayLike] | ArrayLike) -> Activity:
        """Advance one frame, and learn from it: (streams, width) in, (streams, read) out."""
        out = self.network(inputs)
        self._hear(inputs)
        return out

    def process(self, inputs: Activity) -> Activity:
        """Advance over (frames, streams, width), learning; what the network reads after each frame, as NumPy's."""
        out = np.empty((len(inputs), self.network.streams, self.network.units), np.float32)
        for frame, result in zip(inputs, out, strict=True):
            result[...] = self.network.backend.numpy(self(frame))
        return out

    def _hear(self, inputs: Mapping[str, ArrayLike] | ArrayLike) -> None:
        memory, read = self._memory, self.network.read()
        activity = read[f"{self._cell}.{self.network.cells[self._cell].output}"].astype(np.float64)
        y = np.asarray(self._brought(inputs, read), np.float64)
        memory["pull"] += activity.T @ y
        memory["overlap"] += activity.T @ activity
        memory["total"] += activity.sum(axis=0)
        error = np.square(y - activity @ memory["atoms"]).sum(axis=1)
        if error.max() > memory["worst_error"]:
            memory["worst"][:], memory["worst_error"][...] = y[error.argmax()], error.max()
        memory["seen"] += 1
        if memory["seen"] == self.frames:
            self._learn()

    def _brought(self, inputs: Mapping[str, ArrayLike] | ArrayLike, read: Mapping[str, Any]) -> Any:
        cell, _, field = self._source.partition(".")
        if cell in self.network.cells:
            return read[f"{cell}.{field or self.network.cells[cell].output}"]
        y = self.network.backend.numpy(inputs[cell] if isinstance(inputs, Mapping) else inputs)
        return np.where(np.isfinite(y), y, 0).reshape(self.network.streams, -1)

    def _learn(self) -> None:
        memory, atoms = self._memory, self._memory["atoms"]
        follow(atoms, memory["pull"] - memory["overlap"] @ atoms, np.diag(memory["overlap"]), self.rate)
        normalise(atoms)
        if memory["total"].any():  # silence teaches nothing, and is no reason to forget
            mean = memory["total"] / self.frames
            memory["use"] *= USE_MEMORY
            memory["use"] += (1 - USE_MEMORY) * mean / mean.mean()
        dead = idle(atoms, memory["use"])
        if dead.size and memory["worst"].any():
            atoms[dead[0]] = memory["worst"]
            normalise(atoms)
            memory["use"][dead[0]] = memory["use"].mean()
        for name in ("pull", "overlap", "total", "worst", "worst_error", "seen"):
            memory[name][...] = 0
        self._write()

    def _write(self) -> None:
        """Bring the fields into the network."""
        atoms = self._memory["atoms"]
        cell: Any = self.network.cells[self._cell]
        if cell.kind <= LCADAM:
            cell.lateral = BandedWeights.from_dense((atoms @ atoms.T - np.eye(len(atoms))).astype(np.float32))
        self.network.replace({self.flow: atoms})

    def _copy(self) -> dict[str, NDArray[Any]]:
        return {name: value.copy() for name, value in self._memory.items()}
