"""Arrays that kernels are given, by what they hold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Complexes = NDArray[np.complex64]
LongComplexes = NDArray[np.complex128]
Integers = NDArray[np.int64]
ShortIntegers = NDArray[np.int32]

Units = NDArray[Any]
"""float32 or complex64, as the units of a layer are."""
