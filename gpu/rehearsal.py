"""A backend that runs nothing, and notes what would have been called."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .backend import NO_CONSTANTS, Constants, Kernel, _Cpu


class Rehearsal(_Cpu):
    """Notes kernels and the types of the arguments that they would get, once each, in their order.

    >>> from sharpear.dsp.splitter_kernel import usable_samples
    >>> rehearsal = Rehearsal()
    >>> samples = np.zeros((8, 1), np.float32)
    >>> rehearsal.kernel(usable_samples, blocks=1, threads=1)(samples, np.zeros(1, np.int64), samples.T)
    >>> [kernel.__name__ for kernel, types in rehearsal.calls]
    ['usable_samples']
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[Any, tuple[Any, ...]], None] = {}

    @property
    def calls(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """(kernel, types of its arguments)."""
        return list(self._calls)

    def kernel(
        self, function: Any, constants: Constants = NO_CONSTANTS, *, blocks: int, threads: int, shared_bytes: int = 0
    ) -> Kernel:
        """What only notes that it is called."""

        def note(*arguments: Any) -> None:
            self._calls[function, tuple(function.typeof_pyval(each) for each in arguments)] = None

        return note

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Results that nobody computes: zeros."""
        return np.zeros(shape, dtype)
