"""The backend of a GPU, over a driver that owns memory and launches kernels."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .arguments import Packer
from .backend import NO_CONSTANTS, Backend, Constants, Kernel, Record, check_state, copy_of
from .pending import Arrays, Pending, T
from .source import source_text

WARP = 32
LARGEST_BLOCK = 256


class GpuUnavailableError(RuntimeError):
    """There is no GPU to compute on: the message says what is missing, in one line."""


class LayerTooLargeError(ValueError):
    """A block of threads has not the working memory that a layer needs for a stream."""


class Driver(Protocol):
    """What a `DeviceBackend` needs of a device: arrays, and functions of compiled source."""

    name: str

    def use(self) -> None:
        """Make this the device on which this thread's array operations run."""

    def array(self, value: Any, dtype: DTypeLike | None) -> NDArray[Any]:
        """`value` as a contiguous array of the device."""

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of the device."""

    def numpy(self, array: Any) -> NDArray[Any]:
        """A copy of an array of the device."""

    def sent(self, block: NDArray[Any]) -> AbstractContextManager[NDArray[Any]]:
        """A contiguous copy on the device, on its way; it belongs to the kernels that are launched inside."""

    def fetch(self, arrays: Arrays) -> Callable[[], Arrays]:
        """Send copies of arrays of the device to page-locked memory; what is returned waits for them."""

    def address(self, array: Any) -> int | None:
        """Where an array of the device begins, None for anything else."""

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        """A kernel of a source: ``function(blocks, threads, arguments)`` launches it."""


class DeviceRecord:
    """A `Record` on the device: one run of bytes, each field a view of it, so that a state moves in one copy.

    Fields without axes, such as counters, are for Python to read: they stay on the host.
    """

    def __init__(self, dtype: DTypeLike, driver: Driver) -> None:
        self.dtype = np.dtype(dtype)
        self._driver = driver
        kinds = {name: kind for name, (kind, *_) in (self.dtype.fields or {}).items()}
        self._counters = {name: np.zeros((), kind) for name, kind in kinds.items() if kind.isbuiltin}
        self._bytes = driver.empty((self.dtype.itemsize,), np.uint8)
        self._bytes[...] = 0
        self._fields = _views(self.dtype, self._bytes) | self._counters

    def __deepcopy__(self, memo: dict[int, Any]) -> "DeviceRecord":
        copy = DeviceRecord(self.dtype, self._driver)
        copy.value = self.value
        return copy

    def __getitem__(self, field: str) -> NDArray[Any]:
        found: NDArray[Any] = self._fields[field]
        return found

    def __setitem__(self, field: str, value: Any) -> None:
        self._driver.use()
        self._fields[field][...] = value

    @property
    def floats(self) -> NDArray[np.float32]:
        """A record of float32 alone, as one array."""
        floats: NDArray[np.float32] = self._bytes.view(np.float32)
        return floats

    @property
    def value(self) -> NDArray[np.void]:
        """The whole record as one structured array (a copy)."""
        value: NDArray[np.void] = np.ndarray((), self.dtype, self._driver.numpy(self._bytes))
        for name, count in self._counters.items():
            value[name] = count
        return value

    @value.setter
    def value(self, value: NDArray[np.void]) -> None:
        check_state(value, self.dtype)
        ours: NDArray[np.uint8] = np.ndarray((self.dtype.itemsize,), np.uint8, copy_of(value))
        self._bytes[...] = self._driver.array(ours, None)
        for name, count in self._counters.items():
            count[...] = value[name]

    def clear(self) -> None:
        """Set all fields to zeros, as at the start."""
        self._driver.use()
        self._bytes[...] = 0
        for count in self._counters.values():
            count[...] = 0


def _views(dtype: np.dtype[Any], memory: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, (kind, offset, *_) in (dtype.fields or {}).items():
        part = memory[offset : offset + kind.itemsize]
        fields[name] = _views(kind, part) if kind.fields else part.view(kind.base).reshape(kind.shape)
    return fields


class DeviceBackend(Backend):
    """Kernels of CUDA source, compiled for the device when an object is built."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.name = driver.name

    def kernel(
        self, function: Any, constants: Constants = NO_CONSTANTS, *, blocks: int, threads: int, shared_bytes: int = 0
    ) -> Kernel:
        """The CUDA kernel of that name beside `function`, compiled for the constants."""
        block = min(LARGEST_BLOCK, -(-threads // WARP) * WARP)
        text = source_text(function, tuple(constants.items()))
        run = self.driver.function(text, function.__name__, shared_bytes)
        packed = Packer(self.driver.address)

        def launch(*arguments: Any) -> None:
            run(blocks, block, packed(arguments))

        return launch

    def array(self, value: Any, dtype: DTypeLike | None = None) -> NDArray[Any]:
        """`value` copied to the device, unless it is there."""
        return self.driver.array(value, dtype)

    def holds(self, value: Any) -> bool:
        """Whether `value` is an array of the device."""
        return self.driver.address(value) is not None

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of the device."""
        return self.driver.empty(shape, dtype)

    def room(self, shape: tuple[int, ...], dtype: DTypeLike, blocks: int) -> NDArray[Any]:
        """Memory of the device, for each of so many blocks."""
        return self.empty((shape[0] * blocks, *shape[1:]), dtype)

    def numpy(self, array: Any) -> NDArray[Any]:
        """An array of the device copied to the host."""
        return self.driver.numpy(array)

    def sent(self, block: NDArray[Any]) -> AbstractContextManager[NDArray[Any]]:
        """`block` on its way to the device, for the kernels that are launched inside and no others."""
        return self.driver.sent(block)

    def fetch(self, *arrays: Any, make: Callable[..., T]) -> Pending[T]:
        """What `make` makes of arrays of the device, which come to the host beside what is computed meanwhile."""
        return Pending(self.driver.fetch(arrays), make, lent=True)

    def record(self, dtype: DTypeLike) -> Record:
        """A state of zeros, kept on the device."""
        return DeviceRecord(dtype, self.driver)
