"""How exactly a file keeps its numbers: rounded as far as nobody hears or measures, they take half the place."""

import numpy as np
from numpy.typing import NDArray

MANTISSA_BITS = 23
"""Bits that single precision keeps of a number below its first."""


def relative_of_db(db: float) -> float:
    """The relative error that a level may have where it may be off by `db` either way.

    >>> round(relative_of_db(0.1), 5)
    0.01145
    """
    return float(1 - 10 ** (-db / 20))


def relative_of_cents(cents: float) -> float:
    """The relative error that a frequency may have where it may be off by `cents` either way.

    >>> round(relative_of_cents(100), 4)
    0.0561
    """
    return float(1 - 2 ** (-cents / 1200))


def rounded(values: NDArray[np.float32], relative: float) -> NDArray[np.float32]:
    """Numbers whose last bits are zero, each within ``relative |x|`` of x.

    x is rounded to a multiple of the largest power of two up to ``2 relative |x|``, as in Dekker's split of a number in
    two (Numerische Mathematik 18, 1971): ``y = c x - (c x - x)`` with ``c = 2²⁴ relative``. What is rounded stays as
    it is when it is rounded again.

    values: any shape, below 2¹⁰⁰.  relative: from 2⁻²⁴ to 0.1.

    >>> rounded(np.array([0.3, 440.123, 0.0], np.float32), relative_of_db(0.1)).tolist()
    [0.30078125, 440.0, 0.0]
    """
    scaled = values * np.float32(relative * 2 ** (MANTISSA_BITS + 1))
    scaled -= scaled - values
    return scaled
