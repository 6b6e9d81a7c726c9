"""State as a value, for everything here that remembers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .backend import CPU, Backend, Fields, HostRecord, Record, check_state
from .source import array_kind


def fields_of(kind: Any, lengths: Mapping[str, int]) -> list[tuple[Any, ...]]:
    """Name, type and shape of each array of a named tuple, as a structured dtype takes them; lengths: of its axes."""
    kinds = {name: array_kind(hint) for name, hint in kind.__annotations__.items()}
    return [(name, number, tuple(lengths[axis] for axis in axes)) for name, (number, *axes) in kinds.items()]


def named(kind: Callable[..., Fields], state: Any) -> Fields:
    """Those fields of a state that a named tuple names."""
    if isinstance(state, HostRecord):
        return state.named(kind)
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    return kind(*(state[name] for name in names))


def allocated(
    kind: Callable[..., Fields], lengths: Mapping[str, int], backend: Backend = CPU, blocks: int = 1
) -> Fields:
    """Uninitialised arrays of a named tuple, and of those within it, as room for a kernel: see `Backend.room`."""
    parts: list[Any] = []
    for hint in kind.__annotations__.values():
        if hasattr(hint, "_fields"):
            parts.append(allocated(hint, lengths, backend, blocks))
        else:
            number, *axes = array_kind(hint)
            parts.append(backend.room(tuple(lengths[axis] for axis in axes), number, blocks))
    return kind(*parts)


def at_rest(kind: Callable[..., Fields], lengths: Mapping[str, int]) -> Fields:
    """Arrays of zeros of a named tuple: what a kernel remembers and finds before the first time."""
    return kind(*(np.zeros(shape, number) for _, number, shape in fields_of(kind, lengths)))


class StateTooLargeError(ValueError):
    """So many streams at once are more than NumPy's structured arrays hold."""


class Stateful:
    """Keeps what the next output depends on in one record of fields, `_state`, of zeros at the start.

    changes: how often all of it was set or forgotten; what was known of its contents is then out of date.
    """

    backend: Backend
    """Where its kernels run, and its state is."""

    changes = 0
    _state: Record

    def _remember(
        self, fields: list[tuple[Any, ...]], backend: Backend = CPU, below: Mapping[str, int] | None = None
    ) -> None:
        """Set up the state, the fields of a structured dtype, where the kernels run.

        below: what those integers stay below that say where something stands; none is ever negative.
        """
        self.backend = backend
        self._below = below or {}
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
        check_state(value, self._state.dtype)
        self._check_integers(value)
        self._state.value = value
        self.changes += 1

    def _check_integers(self, value: NDArray[np.void]) -> None:
        """Kernels find places in memory by them, and look at no bounds."""
        for name in value.dtype.names or ():
            held, limit = value[name], self._below.get(name)
            if held.dtype.kind != "i" or not held.size:
                continue
            received = int(held.min()) if held.min() < 0 else int(held.max())
            if received < 0 or (limit is not None and received >= limit):
                expected = "0 or more" if limit is None else f"0 to {limit - 1}"
                raise ValueError(f"expected a state with {name} of {expected}, received {received}")

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        self._state.clear()
        self.changes += 1
