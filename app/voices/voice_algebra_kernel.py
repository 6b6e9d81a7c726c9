"""Small complex linear algebra, parts apart: sums over samples in lanes, and triangles with few columns a row.

A Hermitian matrix is given by its lower triangle, of row i the columns from ``first[i]`` on, which ascend; its Cholesky
factor has no others. No validation here.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel


class Matrix(NamedTuple):
    """Complex, as large as the largest that is needed, its parts apart."""

    real: Annotated[NDArray[np.float64], "all partials", "all partials"]
    imag: Annotated[NDArray[np.float64], "all partials", "all partials"]


@kernel(fastmath={"contract", "reassoc"})
def product(left_real: Floats, left_imag: Floats, right_real: Floats, right_imag: Floats) -> complex:
    """``Σ left* right``."""
    a = b = c = d = np.float32(0)
    for n in range(left_real.size):
        a += left_real[n] * right_real[n]
        b += left_imag[n] * right_imag[n]
        c += left_real[n] * right_imag[n]
        d += left_imag[n] * right_real[n]
    return complex(np.float64(a + b), np.float64(c - d))


@kernel(fastmath={"contract", "reassoc"})
def real_product(left_real: Floats, left_imag: Floats, right_real: Floats, right_imag: Floats) -> float:
    """The real part of ``Σ left* right``."""
    a = b = np.float32(0)
    for n in range(left_real.size):
        a += left_real[n] * right_real[n]
        b += left_imag[n] * right_imag[n]
    return np.float64(a + b)


@kernel(fastmath={"contract"})
def turn_by(factor: complex, row_real: Floats, row_imag: Floats, into_real: Floats, into_imag: Floats) -> None:
    """``into += factor row``."""
    real, imag = np.float32(factor.real), np.float32(factor.imag)
    for n in range(row_real.size):
        into_real[n] += real * row_real[n] - imag * row_imag[n]
        into_imag[n] += real * row_imag[n] + imag * row_real[n]


@kernel(fastmath={"contract"})
def turn_both(
    factor: complex, row_real: Floats, row_imag: Floats, second: complex, other_real: Floats, other_imag: Floats,
    into_real: Floats, into_imag: Floats,
) -> None:  # fmt: skip
    """``into += factor row + second other``: what is added to is loaded and stored once for both."""
    real, imag, c, d = (
        np.float32(factor.real),
        np.float32(factor.imag),
        np.float32(second.real),
        np.float32(second.imag),
    )
    for n in range(row_real.size):
        a = into_real[n] + (real * row_real[n] - imag * row_imag[n])
        b = into_imag[n] + (real * row_imag[n] + imag * row_real[n])
        into_real[n] = a + (c * other_real[n] - d * other_imag[n])
        into_imag[n] = b + (c * other_imag[n] + d * other_real[n])


@kernel
def clear(real: Floats, imag: Floats) -> None:
    """``row ← 0``: a loop, which is faster than an assignment to all of an array."""
    for n in range(real.size):
        real[n] = imag[n] = 0.0


@kernel
def factor(matrix: Matrix, first: Integers, size: int) -> None:
    """The lower triangle of a positive matrix becomes L of ``L L*``."""
    real, imag = matrix.real, matrix.imag
    for i in range(size):
        own = real[i, i]
        for j in range(first[i], i):
            a, b = real[i, j], imag[i, j]
            for k in range(max(first[i], first[j]), j):
                a -= real[i, k] * real[j, k] + imag[i, k] * imag[j, k]
                b -= imag[i, k] * real[j, k] - real[i, k] * imag[j, k]
            over = 1 / real[j, j]
            real[i, j], imag[i, j] = a * over, b * over
            own -= real[i, j] ** 2 + imag[i, j] ** 2
        real[i, i], imag[i, i] = math.sqrt(max(own, 1e-300)), 0.0


@kernel
def solve_lower(lower: Matrix, first: Integers, size: int, real: Doubles, imag: Doubles) -> None:
    """``values ← L⁻¹ values``."""
    for i in range(size):
        a, b = real[i], imag[i]
        for k in range(first[i], i):
            a -= lower.real[i, k] * real[k] - lower.imag[i, k] * imag[k]
            b -= lower.real[i, k] * imag[k] + lower.imag[i, k] * real[k]
        over = 1 / lower.real[i, i]
        real[i], imag[i] = a * over, b * over


@kernel
def solve_upper(lower: Matrix, first: Integers, size: int, real: Doubles, imag: Doubles) -> None:
    """``values ← L*⁻¹ values``."""
    for i in range(size - 1, -1, -1):
        over = 1 / lower.real[i, i]
        a, b = real[i] * over, imag[i] * over
        real[i], imag[i] = a, b
        for k in range(first[i], i):
            real[k] -= lower.real[i, k] * a + lower.imag[i, k] * b
            imag[k] -= lower.real[i, k] * b - lower.imag[i, k] * a


@kernel
def invert(lower: Matrix, first: Integers, size: int, inverse: Matrix) -> None:
    """``(L L*)⁻¹`` where the matrix has columns, of which no more is needed to know it there (Takahashi 1973)."""
    real, imag = inverse.real, inverse.imag
    last = size - 1
    for j in range(size - 1, -1, -1):
        while first[last] > j:
            last -= 1
        over = 1 / lower.real[j, j]
        for i in range(last, j - 1, -1):
            a, b = (over if i == j else 0.0), 0.0
            for k in range(j + 1, last + 1):
                x, y = (real[i, k], imag[i, k]) if k <= i else (real[k, i], -imag[k, i])
                a -= x * lower.real[k, j] - y * lower.imag[k, j]
                b -= x * lower.imag[k, j] + y * lower.real[k, j]
            real[i, j], imag[i, j] = a * over, b * over


@kernel
def solve_real(matrix: Doubles, size: int, values: Doubles) -> None:
    """Solve a symmetric positive system, the lower triangle of which is given, in place."""
    for i in range(size):
        for j in range(i + 1):
            a = matrix[i, j]
            for k in range(j):
                a -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = a / matrix[j, j] if j < i else math.sqrt(max(a, 1e-300))
    for i in range(size):
        a = values[i]
        for k in range(i):
            a -= matrix[i, k] * values[k]
        values[i] = a / matrix[i, i]
    for i in range(size - 1, -1, -1):
        a = values[i]
        for k in range(i + 1, size):
            a -= matrix[k, i] * values[k]
        values[i] = a / matrix[i, i]
