"""The spectrum of windowed samples of the voices' band. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel


class SpectrumTables(NamedTuple):
    """A Fourier transform of 2^n points: its order of bits reversed, and its roots."""

    reversed_bits: Annotated[NDArray[np.int64], "points"]
    root_real: Annotated[NDArray[np.float32], "half points"]
    root_imag: Annotated[NDArray[np.float32], "half points"]


class SpectrumRoom(NamedTuple):
    """A spectrum, and its power."""

    real: Annotated[NDArray[np.float32], "points"]
    imag: Annotated[NDArray[np.float32], "points"]
    power: Annotated[NDArray[np.float32], "points"]


@kernel(apart=True)
def transform(
    samples_real: Floats, samples_imag: Floats, window: Floats, tables: SpectrumTables, room: SpectrumRoom
) -> None:  # fmt: skip
    """Power of the Fourier transform of windowed samples, windowed once more (Cooley and Tukey 1965, radix 2)."""
    real, imag, points = room.real, room.imag, room.power.size
    real[:], imag[:] = 0.0, 0.0
    for n in range(window.size):
        at = tables.reversed_bits[n]
        real[at], imag[at] = samples_real[n] * window[n], samples_imag[n] * window[n]
    size = 2
    while size <= points:
        half, stride = size // 2, points // size
        for begin in range(0, points, size):
            for m in range(half):
                turn_real, turn_imag = tables.root_real[m * stride], tables.root_imag[m * stride]
                i, j = begin + m, begin + m + half
                a = turn_real * real[j] - turn_imag * imag[j]
                b = turn_real * imag[j] + turn_imag * real[j]
                real[j], imag[j] = real[i] - a, imag[i] - b
                real[i] += a
                imag[i] += b
        size *= 2
    for m in range(points):
        room.power[m] = real[m] * real[m] + imag[m] * imag[m]
