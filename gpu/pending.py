"""Results that a device has not finished yet."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Arrays = tuple[NDArray[Any], ...]


class Pending(Generic[T]):
    """What becomes of arrays on their way from a device; meanwhile the next block can be sent there.

    Args:
        wait: gives the arrays when they are there.
        make: what becomes of them.
        lent: whether their memory is page-locked, of which there is little, so that what is kept must be copied.

    >>> sums = Pending(lambda: (np.ones(3),), lambda ones: ones.sum())
    >>> float(sums.result())
    3.0
    """

    def __init__(self, wait: Callable[[], Arrays], make: Callable[..., T], lent: bool = False) -> None:
        self._wait, self._make, self._lent = wait, make, lent

    def result(self) -> T:
        """Wait for the arrays, and return what becomes of them."""
        arrays = self._wait()
        return self._make(*(map(np.array, arrays) if self._lent else arrays))

    def lent(self) -> T:
        """Like `result`, without a copy: the arrays stay where they arrived, so use them at once and keep nothing."""
        return self._make(*self._wait())
