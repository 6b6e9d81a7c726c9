"""Where harmonics stand out of what voices have left: the spectrum's roots summed at multiples. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel

STEP_CENTS = 8
"""Steps of the grid of fundamentals that are looked for."""

ALIKE_STEPS = 8
"""Fundamentals as near as this, 64 cents, are one: their harmonics share bins of the spectrum."""


class SalienceTables(NamedTuple):
    """A Fourier transform of 2^n points, and which of its bins harmonics are in.

    reversed_bits, root_real, root_imag: of the transform.
    grid_hz: fundamentals; peak, above, below: bins of their harmonics, and half way to the next ones; inside: of how
    many the band knows.
    """

    reversed_bits: Annotated[NDArray[np.int64], "points"]
    root_real: Annotated[NDArray[np.float32], "half points"]
    root_imag: Annotated[NDArray[np.float32], "half points"]
    grid_hz: Annotated[NDArray[np.float64], "grid"]
    peak: Annotated[NDArray[np.int64], "grid", "harmonics"]
    above: Annotated[NDArray[np.int64], "grid", "harmonics"]
    below: Annotated[NDArray[np.int64], "grid", "harmonics"]
    inside: Annotated[NDArray[np.int64], "grid"]


class SalienceRoom(NamedTuple):
    """The spectrum of what is left, its power, and how much each fundamental of the grid stands out."""

    real: Annotated[NDArray[np.float32], "points"]
    imag: Annotated[NDArray[np.float32], "points"]
    power: Annotated[NDArray[np.float32], "points"]
    salience: Annotated[NDArray[np.float32], "grid"]


@kernel
def transform(left_real: Floats, left_imag: Floats, window: Floats, tables: SalienceTables, room: SalienceRoom) -> None:
    """Power of the Fourier transform of windowed samples, windowed once more (Cooley and Tukey 1965, radix 2)."""
    real, imag, points = room.real, room.imag, room.power.size
    real[:], imag[:] = 0.0, 0.0
    for n in range(window.size):
        at = tables.reversed_bits[n]
        real[at], imag[at] = left_real[n] * window[n], left_imag[n] * window[n]
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


@kernel
def find_salience(tables: SalienceTables, room: SalienceRoom) -> float:
    """``Σ_h √max(P(h f) − (P((h−½) f) + P((h+½) f))/2, 0)`` of every f of the grid; their mean is returned."""
    power, points, total = room.power, room.power.size, 0.0
    for g in range(tables.grid_hz.size):
        sum_of_roots = 0.0
        for h in range(tables.inside[g]):
            at = tables.peak[g, h]
            peak = max(power[at], power[(at + 1) % points], power[(at - 1) % points])
            sum_of_roots += math.sqrt(
                max(peak - 0.5 * (power[tables.above[g, h]] + power[tables.below[g, h]]), np.float32(0))
            )
        room.salience[g] = sum_of_roots
        total += sum_of_roots
    return total / tables.grid_hz.size


@kernel
def take_highest(more_than: float, tables: SalienceTables, room: SalienceRoom) -> float:
    """The fundamental that stands out most, Hz, by `more_than` at least, or 0; none alike is found again."""
    at, most, salience = -1, more_than, room.salience
    for g in range(1, salience.size - 1):
        s = salience[g]
        if s > most and s >= salience[g - 1] and s > salience[g + 1]:
            at, most = g, s
    if at < 0:
        return 0.0
    salience[max(at - ALIKE_STEPS, 0) : at + ALIKE_STEPS + 1] = 0.0
    return float(tables.grid_hz[at])
