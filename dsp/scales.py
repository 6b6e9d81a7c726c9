"""Frequency scales: where a filterbank's centres, or a network's atoms, stand."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.compiler import kernel

Scale = Literal["erb", "log", "linear"]

LOG, ERB, LINEAR = range(3)
SCALE_CODE: dict[Scale, int] = {"log": LOG, "erb": ERB, "linear": LINEAR}
"""Numbers by which kernels know the scales."""

ERB_MINIMUM_HZ = 24.7
ERB_QUALITY = 9.265
"""Bandwidth of the ear in Hohmann 2002: 24.7 Hz at 0 Hz, growing by 1 Hz per 9.265 Hz."""

ERB_NUMBER_SLOPE = 9.2645
ERB_NUMBER_PER_HZ = 0.00437
"""The ERB-number scale of Glasberg & Moore 1990 (the rounded integral of 1/ERB), as the published banks use it."""


def erb_hz(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Equivalent rectangular bandwidth of the ear, in Hz, at `frequency_hz`.

    ``ERB(f) = 24.7 + f / 9.265``

    >>> float(erb_hz(1000.0).round(3))
    132.633
    """
    return ERB_MINIMUM_HZ + np.asarray(frequency_hz, dtype=np.float64) / ERB_QUALITY


def hz_to_erb(frequency_hz: ArrayLike) -> NDArray[np.float64]:
    """Position on the ERB-number scale, ``9.2645 ln(1 + 0.00437 f)``.

    >>> float(hz_to_erb(1000.0).round(4))
    15.572
    """
    return ERB_NUMBER_SLOPE * np.log1p(ERB_NUMBER_PER_HZ * np.asarray(frequency_hz, dtype=np.float64))


def erb_to_hz(erb_number: ArrayLike) -> NDArray[np.float64]:
    """Frequency, Hz, of an ERB number: the inverse of `hz_to_erb`.

    >>> float(erb_to_hz(hz_to_erb(440.0)).round(9))
    440.0
    """
    return np.expm1(np.asarray(erb_number, dtype=np.float64) / ERB_NUMBER_SLOPE) / ERB_NUMBER_PER_HZ


def space_frequencies(low_hz: float, high_hz: float, count: int, scale: Scale) -> NDArray[np.float64]:
    """`count` frequencies from `low_hz` to `high_hz`, both included, evenly spaced on `scale`.

    Raises:
        ValueError: `low_hz` is not positive, `high_hz` is not above it, or `count` is below 2.

    >>> space_frequencies(110.0, 880.0, 4, "log").round(6).tolist()
    [110.0, 220.0, 440.0, 880.0]
    """
    if not 0 < low_hz < high_hz < np.inf:
        raise ValueError(f"expected 0 < low_hz < high_hz, received low_hz={low_hz:g}, high_hz={high_hz:g}")
    if count < 2:
        raise ValueError(f"expected at least 2 frequencies, received {count}")
    if scale == "log":
        return np.geomspace(low_hz, high_hz, count)
    if scale == "linear":
        return np.linspace(low_hz, high_hz, count)
    return erb_to_hz(np.linspace(hz_to_erb(low_hz), hz_to_erb(high_hz), count))


def step_from_base(low_hz: float, high_hz: float, base_hz: float, per_erb: float) -> NDArray[np.float64]:
    """Centres `1 / per_erb` ERB apart, of which one is exactly `base_hz`, within `low_hz` to `high_hz`.

    Reference: Hohmann 2002, Acta Acustica 88, section 2.

    >>> len(step_from_base(70.0, 6700.0, base_hz=1000.0, per_erb=1.0))
    30
    """
    if not 0 < low_hz <= base_hz <= high_hz:
        raise ValueError(f"expected 0 < low_hz <= base_hz <= high_hz, received {low_hz:g}, {base_hz:g}, {high_hz:g}")
    base, low, high = hz_to_erb([base_hz, low_hz, high_hz])
    below = np.floor((base - low) * per_erb)
    above = np.floor((high - base) * per_erb)
    return erb_to_hz(base + np.arange(-below, above + 1) / per_erb)


@kernel
def scale_position(frequency_hz: float, scale_code: int) -> float:
    """Position of one frequency on the scale of `SCALE_CODE`: what `space_frequencies` spaces evenly.

    >>> scale_position(880.0, SCALE_CODE["log"]) - scale_position(440.0, SCALE_CODE["log"])
    1.0
    """
    exact = np.float64(frequency_hz)  # in single precision lines would be rounded to other atoms on a GPU
    if scale_code == LOG:
        return math.log2(exact)
    if scale_code == ERB:
        return math.log1p(ERB_NUMBER_PER_HZ * exact)
    return exact
