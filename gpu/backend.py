"""What a part of the signal path asks of the place where its kernels run."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .pending import Pending, T
from .source import Constant

Kernel = Callable[..., None]
Constants = Mapping[str, Constant]
Fields = TypeVar("Fields")
"""A named tuple of arrays, each annotated with its numbers and its axes."""

NO_CONSTANTS: Constants = {}


class Record(Protocol):
    """The state of an object: a structured dtype's fields as arrays, zeros at the start."""

    dtype: np.dtype[Any]
    value: NDArray[np.void]

    @property
    def floats(self) -> NDArray[np.float32]:
        """A record of float32 alone, as one array."""

    def __getitem__(self, field: str) -> NDArray[Any]: ...

    def __setitem__(self, field: str, value: Any) -> None: ...

    def clear(self) -> None:
        """Set all fields to zeros, as at the start."""


def copy_of(record: NDArray[np.void]) -> NDArray[np.void]:
    """Field by field into zeros, so that equal states are equal bytes: NumPy's own copies have chance in the gaps."""
    copy: NDArray[np.void] = np.zeros(record.shape, record.dtype)
    copy[...] = record
    return copy


def check_state(value: object, dtype: np.dtype[Any]) -> None:
    """A state of another shape, precision or kind of object is refused before it is copied anywhere.

    Raises:
        ValueError: `value` is not one record of `dtype`; the message names the first field that differs.

    >>> check_state(np.zeros((), [("u", np.float32, (2, 9))]), np.dtype([("u", np.float32, (3, 9))]))
    Traceback (most recent call last):
        ...
    ValueError: expected a state with u float32 (3, 9), received u float32 (2, 9)
    """
    expected = _fields(dtype)
    if not isinstance(value, np.ndarray | np.void) or value.dtype.names is None:
        received = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"expected a state, one record of {', '.join(expected)}, received {received}")
    if value.shape != ():
        raise ValueError(f"expected a state, one record, received an array of records of shape {value.shape}")
    received_fields = _fields(value.dtype)
    if list(received_fields) != list(expected):
        raise ValueError(f"expected a state with {', '.join(expected)}, received one with {', '.join(received_fields)}")
    for name, kind in expected.items():
        if received_fields[name] != kind:
            raise ValueError(f"expected a state with {name} {kind}, received {name} {received_fields[name]}")
    if value.dtype != dtype:
        raise ValueError("expected a state with its fields aligned as NumPy aligns them, received them otherwise")


def _fields(dtype: np.dtype[Any]) -> dict[str, str]:
    """The fields of a structured dtype, those within fields too, each in words."""
    words: dict[str, str] = {}
    for name, (kind, *_) in (dtype.fields or {}).items():
        if kind.names:
            words |= {f"{name}.{inner}": word for inner, word in _fields(kind).items()}
        else:
            words[name] = f"{kind.base} {kind.shape}" if kind.shape else str(kind)
    return words


class HostRecord:
    """A `Record` of NumPy's arrays, which stay where they are: views of its fields are made once."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._array: NDArray[np.void] = np.zeros((), self.dtype)
        self._views: dict[str, NDArray[Any]] = {name: self._array[name] for name in self.dtype.names or ()}
        self._named: dict[Any, Any] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "HostRecord":
        copy = HostRecord(self.dtype)
        copy.value = self.value
        return copy

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self._views[field]

    def named(self, kind: Callable[..., Fields]) -> Fields:
        """Those fields that a named tuple names, always the same one."""
        found: Fields | None = self._named.get(kind)
        if found is None:
            names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
            found = self._named[kind] = kind(*(self._views[name] for name in names))
        return found

    def __setitem__(self, field: str, value: Any) -> None:
        self._views[field][...] = value

    @property
    def floats(self) -> NDArray[np.float32]:
        """A record of float32 alone, as one array."""
        return self._array.reshape(1).view(np.float32)

    @property
    def value(self) -> NDArray[np.void]:
        """The whole record as one structured array (a copy)."""
        return copy_of(self._array)

    @value.setter
    def value(self, value: NDArray[np.void]) -> None:
        check_state(value, self.dtype)
        self._array[...] = value

    def clear(self) -> None:
        """Set all fields to zeros, as at the start."""
        self._array[...] = np.zeros((), self.dtype)


class Backend(ABC):
    """Runs kernels and keeps what they work on.

    Arrays are NumPy's on the CPU. Those of a GPU are CuPy's, which work alike; both are called `NDArray` here.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: what runs there may be copied, the place may not."""
        return self

    @abstractmethod
    def kernel(
        self, function: Any, constants: Constants = NO_CONSTANTS, *, blocks: int, threads: int, shared_bytes: int = 0
    ) -> Kernel:
        """What runs `function`, a Numba kernel, here; it takes the kernel's own arguments.

        constants: what a GPU's compiler has to know, by name. Numba finds out by itself.
        blocks, threads, shared_bytes: on a GPU, how many blocks of how many threads share the work, and the working
        memory of each.
        """

    @abstractmethod
    def array(self, value: Any, dtype: DTypeLike | None = None) -> NDArray[Any]:
        """`value` as a contiguous array where kernels reach it."""

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Whether `value` is an array where kernels reach it."""

    def view(self, value: Any) -> NDArray[Any]:
        """`value` itself if it is held here; anything else as NumPy's array, whose shape and dtype can be asked for."""
        ours: NDArray[Any] = value if self.holds(value) else np.asarray(value)
        return ours

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array for results."""

    def room(self, shape: tuple[int, ...], dtype: DTypeLike, blocks: int) -> NDArray[Any]:
        """Uninitialised memory that a kernel works in: of a GPU's blocks, which run side by side, each has as much.

        Theirs lie one after the other along the first axis.
        """
        return self.empty(shape, dtype)

    @abstractmethod
    def numpy(self, array: Any) -> NDArray[Any]:
        """An array of this backend as NumPy's."""

    def sent(self, block: NDArray[Any]) -> AbstractContextManager[NDArray[Any]]:
        """`block` as an array where kernels reach it, for the kernels that are started inside and no others.

        On a GPU it travels while earlier kernels still run. Once inside, `block` may be written over.
        """
        return nullcontext(self.array(block))

    def fetch(self, *arrays: Any, make: Callable[..., T]) -> Pending[T]:
        """What `make` makes of arrays of this backend, as NumPy's, once they are there: a GPU goes on meanwhile."""
        return Pending(lambda: arrays, make)

    @abstractmethod
    def record(self, dtype: DTypeLike) -> Record:
        """A state of zeros with the fields of a structured dtype."""


class _Cpu(Backend):
    def kernel(
        self, function: Any, constants: Constants = NO_CONSTANTS, *, blocks: int, threads: int, shared_bytes: int = 0
    ) -> Kernel:
        return cast(Kernel, function)

    def array(self, value: Any, dtype: DTypeLike | None = None) -> NDArray[Any]:
        return np.ascontiguousarray(value, dtype)

    def holds(self, value: Any) -> bool:
        return isinstance(value, np.ndarray)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def numpy(self, array: Any) -> NDArray[Any]:
        return np.asarray(array)

    def record(self, dtype: DTypeLike) -> Record:
        return HostRecord(dtype)


CPU: Backend = _Cpu()
"""The CPU: Numba's kernels on NumPy's arrays."""
