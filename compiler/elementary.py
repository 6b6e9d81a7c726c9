"""Logarithm, exponential and cosine in single precision, without a branch or a call: a loop over them runs in lanes."""

import numpy as np

from .cache import kernel

LN2 = np.float32(0.6931471805599453)
PER_LN2 = np.float32(1.4426950408889634)
COARSE, FINE = np.float32(0.693145751953125), np.float32(1.42860677e-06)
"""ln 2 in two parts, of which whole multiples of the first are exact."""

HALF_PI = np.float32(np.pi / 2)

ROOT_HALF = np.int32(0x3F3504F3)
"""The bits of √½: mantissas are taken from there to √2."""

LEAST, MOST = np.float32(-87.0), np.float32(88.0)
"""e to powers beyond is taken for e to these: normal numbers."""


@kernel
def ln(x: np.float32) -> np.float32:
    """Logarithm of a positive normal number, to 1e-7 of it or of 1: of its exponent and, by artanh, of its mantissa.

    >>> round(ln(np.float32(10)), 6)
    2.302585
    """
    bits = np.float32(x).view(np.int32)
    exponent = np.int32(bits - ROOT_HALF) >> np.int32(23)
    m = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32)
    t = (m - np.float32(1)) / (m + np.float32(1))
    t2 = t * t
    series = np.float32(1) + t2 * (np.float32(1 / 3) + t2 * (np.float32(1 / 5) + t2 * np.float32(1 / 7)))
    return np.float32(exponent) * LN2 + np.float32(2) * t * series


@kernel
def exp(x: np.float32) -> np.float32:
    """e^x, to 2e-7 of it: 2^n, and Taylor's series of what is left, which is within ± ln 2 / 2.

    >>> round(exp(np.float32(-3)), 6)
    0.049787
    """
    within = min(max(np.float32(x), LEAST), MOST)
    n = np.floor(within * PER_LN2 + np.float32(0.5))
    r = (within - n * COARSE) - n * FINE
    series = np.float32(1 / 24) + r * (np.float32(1 / 120) + r * np.float32(1 / 720))
    series = np.float32(1) + r * (np.float32(1) + r * (np.float32(1 / 2) + r * (np.float32(1 / 6) + r * series)))
    power = np.int32(np.int32(np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(series * power)


@kernel
def turned(turns: float) -> tuple[np.float32, np.float32]:
    """Cosine and sine of 2π times so many turns, to 6e-7: Taylor's series of a quarter of them, doubled twice.

    >>> [round(float(x), 6) for x in turned(100.125)]
    [0.707107, 0.707107]
    """
    within = np.float32(turns - np.floor(turns + 0.5))
    x = within * HALF_PI
    x2 = x * x
    sine = np.float32(1 / 120) + x2 * (np.float32(-1 / 5040) + x2 * np.float32(1 / 362880))
    sine = x * (np.float32(1) + x2 * (np.float32(-1 / 6) + x2 * sine))
    less = np.float32(1 / 24) + x2 * (np.float32(-1 / 720) + x2 * np.float32(1 / 40320))
    less = x2 * (np.float32(-1 / 2) + x2 * less)  # the cosine less 1, of which nothing is lost
    for _ in range(2):
        sine, less = np.float32(2) * sine * (np.float32(1) + less), np.float32(-2) * sine * sine
    return np.float32(1) + less, sine
