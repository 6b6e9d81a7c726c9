"""What a network is made of: cells, which receive inputs, keep a state, and are read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu import Backend

Params = dict[str, NDArray[Any]]
State = NDArray[np.void]
"""A structured array of float32 fields (streams, width)."""


class Cell(ABC):
    """Units with parameters, whose state a step moves under its inputs.

    `init`, `step` and `read` are pure: they change neither the cell nor what they are given. What has a state of its
    own and streams is built on them: a layer by itself, or a `Network` of cells.

    >>> from sharpear.dynamics import Lca
    >>> cell = Lca.over(np.array([[1.0, 0.6], [0.0, 0.8]]), 0.1, tau_s=0.01, step_s=0.003)
    >>> after = cell.step(cell.params, cell.init(), np.float32([[1.0, 0.6]]))
    >>> cell.read(after)["u"].round(2)
    array([[0.26, 0.16]], dtype=float32)
    """

    units: int
    """How many it has."""

    streams: int
    """Independent signals."""

    backend: Backend
    """Where it runs."""

    revision = 0
    """How often its parameters have been set: networks lay them out anew then."""

    kind: ClassVar[int]
    """What the network's kernel knows it as."""

    output: ClassVar[str]
    """The field of the state that is its activity."""

    @property
    def ports(self) -> dict[str, int]:
        """Width of each input, the first of which is meant by the cell's name alone."""
        return {"drive": self.units}

    @property
    @abstractmethod
    def state_fields(self) -> dict[str, int]:
        """Width of each field of the state."""

    @property
    def extra(self) -> int:
        """The one size that the kernel cannot tell from the parameters."""
        return 0

    @property
    def longest(self) -> int:
        """Floats that a step needs room for, beside one for each unit."""
        return 0

    @property
    def links(self) -> tuple[int, int]:
        """Row starts and connections that a step needs room for, where these are found anew every frame."""
        return 0, 0

    @property
    @abstractmethod
    def params(self) -> Params:
        """All parameters by name, copies."""

    @property
    def packed(self) -> Params:
        """Those that the network's kernel takes, in its order: `at[k]` there is where the k-th begins.

        Those of integers lie in an array of their own (`Plan.numbers`), all others in `Plan.parameters`.
        """
        return self.params

    @abstractmethod
    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """

    def save(self, path: str | PathLike[str]) -> None:
        """Write all parameters as npz, whole or not at all."""
        with TemporaryDirectory(dir=Path(path).parent) as folder:
            whole = Path(folder, "parameters.npz")
            np.savez(whole, allow_pickle=False, **self.params)
            whole.replace(path)

    def load(self, path: str | PathLike[str]) -> None:
        """Replace the parameters by those of an npz file."""
        with np.load(path, allow_pickle=False) as file:
            self.replace(dict(file))

    def init(self, streams: int | None = None, rng: np.random.Generator | None = None) -> State:
        """A state at rest; with `rng`, activities drawn from it, below 1e-3, so that equals are not equal."""
        from .network import alone  # noqa: PLC0415  # networks are made of cells

        return alone(self, streams or self.streams).init(None, rng)["cell"]

    def step(self, params: Mapping[str, ArrayLike], state: State, inputs: Mapping[str, ArrayLike] | ArrayLike) -> State:
        """The state after one step. inputs: (streams, width) by port, or of the first one alone."""
        from .network import alone  # noqa: PLC0415  # networks are made of cells

        network = alone(self, len(state[self.output]))
        whole = np.zeros((), network.state.dtype)
        whole["cell"] = state
        named = inputs if isinstance(inputs, Mapping) else {next(iter(self.ports)): inputs}
        return network.step({f"cell.{name}": value for name, value in params.items()}, whole, named)["cell"]

    def read(self, state: State) -> dict[str, NDArray[np.float32]]:
        """The fields of a state by name."""
        return {name: np.array(state[name]) for name in self.state_fields}


def check_counts(**counts: object) -> None:
    """Refuse anything but whole numbers from 1 on.

    >>> check_counts(units=0, streams=1)
    Traceback (most recent call last):
        ...
    ValueError: expected whole numbers of at least 1, received units=0, streams=1
    """
    if not all(isinstance(count, Integral) and int(count) >= 1 for count in counts.values()):
        received = ", ".join(f"{name}={count!r}" for name, count in counts.items())
        raise ValueError(f"expected whole numbers of at least 1, received {received}")


def checked(params: Mapping[str, NDArray[Any]], changes: Mapping[str, ArrayLike]) -> Params:
    """`changes` as arrays like the parameters of their names.

    Raises:
        ValueError: there is none of that name, or it has another shape.
    """
    result: Params = {}
    for name, value in changes.items():
        if name not in params:
            raise ValueError(f"expected parameters {', '.join(params)}, received {name!r}")
        before, given = params[name], np.asarray(value)
        if (
            given.shape != before.shape
            or given.dtype.kind not in "biufc"
            or np.isnan(given).any()
            or (np.iscomplexobj(given) and before.dtype.kind != "c")
        ):
            like = given.shape == before.shape and given.dtype.kind in "biuf"
            received = "NaN in it" if like else f"{given.dtype} {given.shape}"
            raise ValueError(f"expected {name} of {before.dtype} {before.shape}, received {received}")
        result[name] = given.astype(before.dtype)
    return result
