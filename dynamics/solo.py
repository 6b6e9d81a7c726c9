"""Cells without a loop of their own: by themselves they run as a network of one."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from sharpear.gpu import Backend

from .cell import Cell, Params, State, check_counts, checked
from .layer import Activity
from .network import Network, Settled, alone


class SoloCell(Cell):
    """A cell that streams by itself: inputs (frames, streams, width), by name where it has several ports."""

    def __init__(self, units: int, params: Params, iterations: int, streams: int, backend: Backend) -> None:
        check_counts(units=units, streams=streams, iterations=iterations)
        self.units, self.streams, self.iterations, self.backend = units, streams, iterations, backend
        self._params = params
        self._check(params)

    @property
    def params(self) -> Params:
        """All parameters by name, copies."""
        return {name: np.array(value) for name, value in self._params.items()}

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """
        changed = self.params | checked(self._params, params)
        self._check(changed)
        self._params = changed
        self.revision += 1

    @abstractmethod
    def _check(self, params: Params) -> None:
        """Refuse impossible values."""

    @cached_property
    def _alone(self) -> Network:
        return alone(self, self.streams)

    @property
    def _network(self) -> Network:
        self._alone.iterations = self.iterations
        return self._alone

    @property
    def state(self) -> State:
        """Everything that the next output depends on (a copy)."""
        return self._network.state

    @state.setter
    def state(self, value: State) -> None:
        self._network.state = value

    def reset(self) -> None:
        """Forget the past."""
        self._network.reset()

    def __call__(self, inputs: Mapping[str, ArrayLike] | ArrayLike) -> Activity:
        """Advance one frame: (streams, width) in, (streams, units) out."""
        return self._network(inputs)

    def process(self, inputs: Mapping[str, ArrayLike] | Activity, out: Activity | None = None) -> Activity:
        """Advance over (frames, streams, width); the activity after each frame."""
        return self._network.process(inputs, out)

    def settle(
        self, inputs: Mapping[str, ArrayLike] | ArrayLike, tolerance: float = 1e-5, limit: int = 10_000
    ) -> Settled:
        """Step under constant inputs until the activity hardly changes, as `Network.settle` does."""
        return self._network.settle(inputs, tolerance, limit)
