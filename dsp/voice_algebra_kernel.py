"""Small complex linear algebra, parts apart, so that sums over rows run in lanes. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel

Reals = Floats | Doubles


class Matrix(NamedTuple):
    """Complex, as large as the largest that is needed, its parts apart."""

    real: Annotated[NDArray[np.float64], "all partials", "all partials"]
    imag: Annotated[NDArray[np.float64], "all partials", "all partials"]


@kernel(fastmath={"contract", "reassoc"})
def product(left_real: Reals, left_imag: Reals, right_real: Reals, right_imag: Reals) -> complex:
    """``Σ left* right``."""
    a = b = c = d = left_real.dtype.type(0)
    for n in range(left_real.size):
        a += left_real[n] * right_real[n]
        b += left_imag[n] * right_imag[n]
        c += left_real[n] * right_imag[n]
        d += left_imag[n] * right_real[n]
    return complex(np.float64(a + b), np.float64(c - d))


@kernel(fastmath={"contract", "reassoc"})
def plain_product(left_real: Doubles, left_imag: Doubles, right_real: Doubles, right_imag: Doubles) -> complex:
    """``Σ left right``."""
    a = b = c = d = 0.0
    for n in range(left_real.size):
        a += left_real[n] * right_real[n]
        b += left_imag[n] * right_imag[n]
        c += left_real[n] * right_imag[n]
        d += left_imag[n] * right_real[n]
    return complex(a - b, c + d)


@kernel
def turn_by(factor: complex, row_real: Reals, row_imag: Reals, into_real: Reals, into_imag: Reals) -> None:
    """``into += factor row``."""
    real, imag = row_real.dtype.type(factor.real), row_real.dtype.type(factor.imag)
    for n in range(row_real.size):
        into_real[n] += real * row_real[n] - imag * row_imag[n]
        into_imag[n] += real * row_imag[n] + imag * row_real[n]


@kernel
def factor(matrix: Matrix, size: int) -> None:
    """The lower triangle of a Hermitian positive matrix becomes L of ``L L*``."""
    real, imag = matrix.real, matrix.imag
    for i in range(size):
        for j in range(i):
            s = product(real[j, :j], imag[j, :j], real[i, :j], imag[i, :j])
            over = 1 / real[j, j]
            real[i, j], imag[i, j] = (real[i, j] - s.real) * over, (imag[i, j] - s.imag) * over
        own = product(real[i, :i], imag[i, :i], real[i, :i], imag[i, :i]).real
        real[i, i], imag[i, i] = math.sqrt(max(real[i, i] - own, 1e-300)), 0.0


@kernel
def solve_lower(lower: Matrix, size: int, real: Doubles, imag: Doubles) -> None:
    """``values ← L⁻¹ values``."""
    for i in range(size):
        s = plain_product(lower.real[i, :i], lower.imag[i, :i], real[:i], imag[:i])
        over = 1 / lower.real[i, i]
        real[i], imag[i] = (real[i] - s.real) * over, (imag[i] - s.imag) * over


@kernel
def solve_upper(lower: Matrix, size: int, real: Doubles, imag: Doubles) -> None:
    """``values ← L*⁻¹ values``."""
    for i in range(size - 1, -1, -1):
        over = 1 / lower.real[i, i]
        a, b = real[i] * over, imag[i] * over
        real[i], imag[i] = a, b
        row_real, row_imag = lower.real[i], lower.imag[i]
        for k in range(i):
            real[k] -= row_real[k] * a + row_imag[k] * b
            imag[k] -= row_real[k] * b - row_imag[k] * a


@kernel
def solve_real(matrix: Doubles, size: int, values: Doubles) -> None:
    """Solve a symmetric positive system, the lower triangle of which is given, in place."""
    for j in range(size):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] ** 2
        d = math.sqrt(max(matrix[j, j], 1e-300))
        matrix[j, j] = d
        for i in range(j + 1, size):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= d
    for i in range(size):
        for k in range(i):
            values[i] -= matrix[i, k] * values[k]
        values[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            values[i] -= matrix[k, i] * values[k]
        values[i] /= matrix[i, i]
