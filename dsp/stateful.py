"""State as a value, for everything here that remembers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Stateful:
    """Keeps what the next output depends on in one structured array, `_state`, of zeros at the start."""

    _state: NDArray[np.void]

    def _remember(self, fields: list[tuple[Any, ...]]) -> None:
        """Set up the state: fields of a structured dtype."""
        self._state = np.zeros((), np.dtype(fields, align=True))

    @property
    def state(self) -> NDArray[np.void]:
        """Everything that the next output depends on, as one structured array (a copy)."""
        return self._state.copy()

    @state.setter
    def state(self, value: NDArray[np.void]) -> None:
        if value.dtype != self._state.dtype:
            raise ValueError(f"expected a state of {self._state.dtype}, received {value.dtype}")
        self._state[...] = value

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        self._state[...] = np.zeros((), self._state.dtype)
