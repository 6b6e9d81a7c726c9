"""Arguments of a Numba kernel as the CUDA kernel of that name takes them: structures by value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_INT = 2**31 - 1


def packed(value: Any, address: Any) -> NDArray[Any]:
    """One argument as an array of no dimensions, whose bytes the kernel reads.

    An array becomes ``Array<T, N>``: its address and its shape. A tuple becomes a structure of its members, in order. A
    float must say its precision.  address: gives an array's address, or None for what is no array of the device.

    Raises:
        TypeError: the kernels have no such argument.

    >>> packed((True, np.float32(0.5), 3), lambda value: None).dtype
    dtype([('f0', '<i4'), ('f1', '<f4'), ('f2', '<i4')], align=True)
    """
    if isinstance(value, tuple):
        parts = [packed(part, address) for part in value]
        structure = np.zeros((), np.dtype([(f"f{i}", part.dtype) for i, part in enumerate(parts)], align=True))
        for i, part in enumerate(parts):
            structure[f"f{i}"] = part
        return structure
    if isinstance(value, bool | int | np.integer) and abs(int(value)) <= LARGEST_INT:
        return np.array(value, np.int32)
    if isinstance(value, np.float32 | np.float64):
        return np.asarray(value)
    place = address(value)
    if place is None:
        raise TypeError(f"expected an array of the GPU or a number with a precision, received {type(value).__name__}")
    array = np.zeros((), np.dtype([("data", np.uint64), ("shape", np.int64, (value.ndim,))], align=True))
    array["data"], array["shape"] = place, value.shape
    return array
