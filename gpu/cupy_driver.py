"""The driver of a CUDA GPU, through CuPy: its arrays, its compiler with a cache on disk, its launches."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .device import GpuUnavailableError, LayerTooLargeError
from .pending import Arrays
from .source import OPTIONS

PLAIN_SHARED_BYTES = 48 * 1024
"""Shared memory that a block of threads has without asking for more, bytes."""

OUT_OF_MEMORY = 2
"""CUDA's number of the error that memory has run out."""


class CupyDriver:
    """A GPU, reached through CuPy.

    Args:
        index: its number.

    Raises:
        GpuUnavailableError: CuPy, the driver or the card is missing, or the card cannot be used.
    """

    def __init__(self, index: int = 0) -> None:
        try:
            import cupy  # noqa: PLC0415 (an extra that most do without)
        except ImportError as error:
            absent = isinstance(error, ModuleNotFoundError) and error.name == "cupy"
            cause = "no CuPy: pip install 'sharpear[gpu]'" if absent else f"CuPy cannot be loaded: {error}"
            raise GpuUnavailableError(cause) from None
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise GpuUnavailableError(f"no CUDA GPU: {error}") from None
        if not 0 <= index < count:
            raise GpuUnavailableError(f"expected a GPU from 0 to {count - 1}, received {index}")
        self._cupy = cupy
        self._device = cupy.cuda.Device(index)
        try:
            self._set_up()
        except (RuntimeError, OSError, MemoryError, cupy.cuda.compiler.CompileException) as error:
            raise GpuUnavailableError(f"GPU {index} cannot be used: {_first_line(error)}") from error
        made = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
        self.name = f"{made} (CuPy {cupy.__version__})"
        self._module = lru_cache(lambda source: cupy.RawModule(code=source, options=OPTIONS))

    def _set_up(self) -> None:
        self.use()
        self._most_shared_bytes = int(self._device.attributes["MaxSharedMemoryPerBlockOptin"])
        # They do not wait for what is computed, as streams of CUDA's do by themselves, but for the events below.
        self._up, self._down = (self._cupy.cuda.Stream(non_blocking=True) for _ in range(2))
        self._travelling: deque[tuple[Any, Any]] = deque()
        self._keeping = threading.Lock()
        self._cupy.ones(1)  # compiled by CuPy: a compiler or a cache on disk that does not work is found out here

    def use(self) -> None:
        """Make this the device on which this thread's array operations run."""
        self._device.use()

    def array(self, value: Any, dtype: DTypeLike | None) -> NDArray[Any]:
        """`value` as a contiguous array of the device."""
        self.use()
        ours: NDArray[Any] = self._cupy.ascontiguousarray(self._cupy.asarray(value, dtype))
        return ours

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of the device."""
        self.use()
        ours: NDArray[Any] = self._cupy.empty(shape, dtype)
        return ours

    def numpy(self, array: Any) -> NDArray[Any]:
        """A copy of an array of the device."""
        self.use()
        copy: NDArray[Any] = self._cupy.asnumpy(array)
        return copy

    @contextmanager
    def sent(self, block: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """A contiguous copy on the device, on its way; it belongs to the kernels that are launched inside."""
        self.use()
        computing = self._cupy.cuda.get_current_stream()
        staged = self._page_locked(block)
        staged[...] = block
        with self._up:  # memory that is free in the order of this stream
            ours: NDArray[Any] = self._cupy.empty(block.shape, block.dtype)
        if block.size:
            ours.set(staged, stream=self._up)  # type: ignore[attr-defined]
        computing.wait_event(self._event(self._up))
        try:
            yield ours
        finally:
            self._keep(self._event(computing), ours, staged)

    def fetch(self, arrays: Arrays) -> Callable[[], Arrays]:
        """Send copies of arrays of the device to page-locked memory; what is returned waits for them."""
        self.use()
        arrays = tuple(self._cupy.ascontiguousarray(array) for array in arrays)
        copies = tuple(self._page_locked(array) for array in arrays)
        self._down.wait_event(self._event(self._cupy.cuda.get_current_stream()))
        for array, copy in zip(arrays, copies, strict=True):
            if copy.size:
                array.get(stream=self._down, out=copy, blocking=False)  # type: ignore[attr-defined]
        there = self._event(self._down)
        self._keep(there, arrays, copies)

        def wait() -> Arrays:
            there.synchronize()
            return copies

        return wait

    def _event(self, stream: Any) -> Any:
        """An event that comes once `stream` has done all that was asked of it; who waits for it sleeps."""
        event = self._cupy.cuda.Event(block=True, disable_timing=True)
        stream.record(event)
        return event

    def _keep(self, event: Any, *memory: Any) -> None:
        """Keep `memory` from being reused before `event` is reached: copies and kernels use it, unknown to Python."""
        with self._keeping:  # several threads may work on one GPU
            while self._travelling and self._travelling[0][0].done:
                self._travelling.popleft()
            self._travelling.append((event, memory))

    def _page_locked(self, like: Any) -> NDArray[Any]:
        from cupyx import empty_pinned  # noqa: PLC0415 (as CuPy)

        try:
            memory: NDArray[Any] = (empty_pinned if like.size else np.empty)(like.shape, like.dtype)
        except self._cupy.cuda.runtime.CUDARuntimeError as error:
            if error.status != OUT_OF_MEMORY:  # a kernel's failure, which this call is the first to report
                raise
            raise MemoryError(f"no page-locked memory is left: {error}") from error
        return memory

    def address(self, array: Any) -> int | None:
        """Where an array of the device begins, None for anything else."""
        if not isinstance(array, self._cupy.ndarray):
            return None
        if not array.flags.c_contiguous:
            raise ValueError(f"expected a contiguous array, received one of shape {array.shape}")
        return int(array.data.ptr)

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        """A kernel of a source: ``function(blocks, threads, arguments)`` launches it.

        Raises:
            LayerTooLargeError: its block needs more working memory than the GPU has for one.
        """
        self.use()
        if shared_bytes > self._most_shared_bytes:
            raise LayerTooLargeError(
                f"expected a layer whose stream needs at most {self._most_shared_bytes} bytes on this GPU, "
                f"received {name} with {shared_bytes}: use fewer units"
            )
        try:
            kernel = self._module(source).get_function(name)
        except self._cupy.cuda.compiler.CompileException as error:
            raise GpuUnavailableError(f"CuPy's compiler refuses {name}: {_first_line(error)}") from error
        if shared_bytes > PLAIN_SHARED_BYTES:  # for all layers that run it: one with fewer units must not lower it
            kernel.max_dynamic_shared_size_bytes = self._most_shared_bytes

        def run(blocks: int, threads: int, arguments: list[NDArray[np.void]]) -> None:
            self.use()
            kernel((blocks,), (threads,), tuple(arguments), shared_mem=shared_bytes)

        return run


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
