"""Rows of units, real or complex, as the kernels of all layers handle them."""

import math
from typing import Any

import numpy as np

from sharpear.compiler import Units, kernel

SMALLEST_AMPLITUDE, SMALLEST_POWER = np.float32(1e-15), np.float32(1e-30)
"""States below these are set to zero at a frame's end, before silence turns them, or their squares, into denormal
numbers: a CPU is slow with them, and a card takes them for zero."""


@kernel
def squared_modulus(z: Any) -> Any:
    """``|z|²`` of a real or complex number."""
    return z.real * z.real + z.imag * z.imag


@kernel
def with_phase_of(size: Any, u: Any) -> Any:
    """A number of modulus `size` with the phase (or sign) of u; zero where u is."""
    modulus = math.sqrt(squared_modulus(u))
    return u * np.float32(size / modulus) if modulus > 0 else u * np.float32(0.0)


@kernel
def flush(state: Units, least: Any) -> None:
    """Replace what is smaller than `least` by zero."""
    for i in range(state.size):
        if abs(state[i].real) + abs(state[i].imag) < least:
            state[i] = 0


@kernel
def copy(source: Units, target: Units) -> None:
    """Copy one row; written out, because a slice assignment takes Numba seconds to compile."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def is_silent(row: Units) -> bool:
    """Whether all of a row is zero."""
    sounding = 0
    for i in range(row.size):
        sounding += row[i] != 0
    return sounding == 0
