"""The driver of a CUDA GPU, through CuPy: its arrays, its compiler with a cache on disk, its launches."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .device import GpuUnavailableError
from .source import OPTIONS

PLAIN_SHARED_BYTES = 48 * 1024
"""Working memory that a block has without asking for more."""


class CupyDriver:
    """One GPU.

    Args:
        index: its number.

    Raises:
        GpuUnavailableError: CuPy, the driver or the card is missing.
    """

    def __init__(self, index: int = 0) -> None:
        try:
            import cupy  # noqa: PLC0415 (an extra that most do without)
        except ImportError as error:
            raise GpuUnavailableError(f"no CuPy ({error}): pip install 'sharpear[gpu]'") from None
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise GpuUnavailableError(f"no CUDA GPU: {error}") from None
        if not 0 <= index < count:
            raise GpuUnavailableError(f"expected a GPU from 0 to {count - 1}, received {index}")
        self._cupy = cupy
        self._device = cupy.cuda.Device(index)
        self._device.use()
        made = cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()
        self.name = f"{made} (CuPy {cupy.__version__})"
        self._module = lru_cache(lambda source: cupy.RawModule(code=source, options=OPTIONS))

    def array(self, value: Any, dtype: DTypeLike | None) -> NDArray[Any]:
        """`value` as a contiguous array of the device."""
        with self._device:
            ours: NDArray[Any] = self._cupy.ascontiguousarray(self._cupy.asarray(value, dtype))
        return ours

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of the device."""
        with self._device:
            ours: NDArray[Any] = self._cupy.empty(shape, dtype)
        return ours

    def numpy(self, array: Any) -> NDArray[Any]:
        """A copy of an array of the device."""
        with self._device:
            copy: NDArray[Any] = self._cupy.asnumpy(array)
        return copy

    def address(self, array: Any) -> int | None:
        """Where an array of the device begins, None for anything else."""
        return int(array.data.ptr) if isinstance(array, self._cupy.ndarray) else None

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        """A kernel of a source: ``function(blocks, threads, arguments)`` launches it.

        Raises:
            ValueError: its block needs more working memory than the GPU has for one.
        """
        with self._device:
            most = int(self._device.attributes["MaxSharedMemoryPerBlockOptin"])
            if shared_bytes > most:
                raise ValueError(
                    f"expected a layer whose stream needs at most {most} bytes beside this GPU's threads, "
                    f"received {name} with {shared_bytes}: use fewer units"
                )
            kernel = self._module(source).get_function(name)
            if shared_bytes > PLAIN_SHARED_BYTES:
                kernel.max_dynamic_shared_size_bytes = shared_bytes

        def run(blocks: int, threads: int, arguments: list[NDArray[np.void]]) -> None:
            with self._device:
                kernel((blocks,), (threads,), tuple(arguments), shared_mem=shared_bytes)

        return run
