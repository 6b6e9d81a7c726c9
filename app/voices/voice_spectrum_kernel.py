"""The spectrum of windowed samples of the voices' band. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel


class SpectrumTables(NamedTuple):
    """A Fourier transform of 2^n points: its order of bits reversed, and the roots of each stage's butterflies."""

    reversed_bits: Annotated[NDArray[np.int64], "points"]
    root_real: Annotated[NDArray[np.float32], "stages", "half points"]
    root_imag: Annotated[NDArray[np.float32], "stages", "half points"]


class SpectrumRoom(NamedTuple):
    """A spectrum, and room for the stage before, in turns; its power."""

    real: Annotated[NDArray[np.float32], "two", "points"]
    imag: Annotated[NDArray[np.float32], "two", "points"]
    power: Annotated[NDArray[np.float32], "points"]


@kernel(apart=True)
def transform(
    samples_real: Floats, samples_imag: Floats, window: Floats, tables: SpectrumTables, room: SpectrumRoom
) -> None:  # fmt: skip
    """Power of the Fourier transform of windowed samples, windowed once more.

    Radix 2 (Cooley and Tukey 1965) of constant geometry (Pease 1968): every stage takes neighbours, and puts what
    becomes of them half of the points apart, so that all stages run in lanes.
    """
    real, imag, stages = room.real[0], room.imag[0], tables.root_real.shape[0]
    real[:], imag[:] = 0.0, 0.0
    for n in range(window.size):
        at = tables.reversed_bits[n]
        real[at], imag[at] = samples_real[n] * window[n], samples_imag[n] * window[n]
    for m in range(stages):
        now, then = m % 2, 1 - m % 2
        _combine(
            tables.root_real[m], tables.root_imag[m], room.real[now], room.imag[now], room.real[then], room.imag[then]
        )  # fmt: skip
    real, imag = room.real[stages % 2], room.imag[stages % 2]
    for m in range(real.size):
        room.power[m] = real[m] * real[m] + imag[m] * imag[m]


@kernel
def _combine(
    root_real: Floats, root_imag: Floats, real: Floats, imag: Floats, into_real: Floats, into_imag: Floats
) -> None:
    """Butterflies of neighbours: ``x_i ± r_i x_{i+1}``."""
    half = root_real.size
    low_real, high_real, low_imag, high_imag = into_real[:half], into_real[half:], into_imag[:half], into_imag[half:]
    for i in range(half):
        x, y = real[2 * i + 1], imag[2 * i + 1]
        a = root_real[i] * x - root_imag[i] * y
        b = root_real[i] * y + root_imag[i] * x
        low_real[i], low_imag[i] = real[2 * i] + a, imag[2 * i] + b
        high_real[i], high_imag[i] = real[2 * i] - a, imag[2 * i] - b
