"""State as a value, for everything here that remembers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend, Record


class StateTooLargeError(ValueError):
    """So many streams at once are more than NumPy's structured arrays hold."""


class Stateful:
    """Keeps what the next output depends on in one record of fields, `_state`, of zeros at the start."""

    backend: Backend
    _state: Record

    def _remember(self, fields: list[tuple[Any, ...]], backend: Backend = CPU) -> None:
        """Set up the state, the fields of a structured dtype, where the kernels run."""
        self.backend = backend
        try:
            dtype = np.dtype(fields, align=True)
        except ValueError as error:
            raise StateTooLargeError("a part's state would be larger than 2 GiB") from error
        self._state = backend.record(dtype)

    @property
    def state(self) -> NDArray[np.void]:
        """Everything that the next output depends on, as one structured array of NumPy's (a copy)."""
        return self._state.value

    @state.setter
    def state(self, value: NDArray[np.void]) -> None:
        self._state.value = value

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        self._state.clear()
