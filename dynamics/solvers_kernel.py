"""Steps of the networks that solve: projections for constrained least squares, zeroing for systems that change."""

import math

import numpy as np

from sharpear.compiler import Doubles, Floats, kernel

BOX, SIMPLEX = range(2)
"""Sets that can be projected on."""

LINEAR, SIGN_BI_POWER = range(2)
"""Activations of a zeroing network."""

SINGULAR = 1e-12
"""Pivots below this, of a matrix's largest entry, count as zero."""


@kernel
def project_simplex(y: Floats, total: np.float32) -> None:
    """The nearest point of ``y ≥ 0, Σy = total``: subtract what makes the positive ones sum to it, until none changes.

    Reference: Michelot 1986, Journal of Optimization Theory and Applications 50.
    """
    count = y.size + 1
    shift = -np.inf
    while True:
        left, sum_left = 0, 0.0
        for i in range(y.size):
            if y[i] > shift:
                left += 1
                sum_left += y[i]
        if left == count:
            break
        count, shift = left, float((sum_left - total) / left)
    for i in range(y.size):
        y[i] = max(np.float32(y[i] - shift), np.float32(0.0))


@kernel
def projection_step(
    drive: Floats, Q: Floats, bounds: tuple[Floats, Floats], block: int, total: np.float32, step: np.float32,
    rate: np.float32, x: Floats, y: Floats,
) -> None:  # fmt: skip
    """``x ← x + rate (P_Ω(x − step (Qx − c)) − x)``; block: units of each simplex, 0 for the box of `bounds`."""
    units, (lower, upper) = x.size, bounds
    for i in range(units):
        gradient = -drive[i]
        for j in range(units):
            gradient += Q[i, j] * x[j]
        y[i] = x[i] - step * gradient
    if block == 0:
        for i in range(units):
            y[i] = min(max(y[i], lower[i]), upper[i])
    else:
        for first in range(0, units, block):
            project_simplex(y[first : first + block], total)
    for i in range(units):
        x[i] += rate * (y[i] - x[i])


@kernel
def activation(error: float, kind: int, power: float) -> float:
    """Φ: the error itself, or ``½ sign(e) (|e|^r + |e|^(1/r))``, which vanishes in finite time."""
    if kind == LINEAR or error == 0.0:
        return error
    size = abs(error)
    return math.copysign(0.5 * (size**power + size ** (1.0 / power)), error)


@kernel
def zeroing_step(
    drive: Floats, size: int, gains: Floats, x: Floats, S: Floats, A_before: Floats, b_before: Floats, work: Doubles
) -> None:
    """``A x ← b + E − h (γ Φ(E) + κ S)``, ``E = A⁻x − b⁻``, ``S ← S + h E``; A⁻ and b⁻ are those of the step before.

    drive: A (size, size), then b (size, columns). gains: γ, κ, h, Φ's kind, r. A matrix that cannot be solved for
    leaves x as it is.
    """
    gamma, kappa, h, kind, power = gains[0], gains[1], gains[2], int(gains[3]), gains[4]
    columns, square = x.size // size, size * size
    A, right = work[:square].reshape((size, size)), work[square : square + x.size].reshape((size, columns))
    for i in range(size):
        for k in range(columns):
            e = -np.float64(b_before[i * columns + k])
            for j in range(size):
                e += np.float64(A_before[i * size + j]) * np.float64(x[j * columns + k])
            integral = S[i * columns + k]
            fall = gamma * activation(e, kind, power) + kappa * integral
            right[i, k] = np.float64(drive[square + i * columns + k]) + e - h * fall
            S[i * columns + k] += np.float32(h * e)
        for j in range(size):
            A[i, j] = drive[i * size + j]
    if eliminate(A, right):
        for i in range(x.size):
            x[i] = np.float32(right[i // columns, i % columns])
    for i in range(square):
        A_before[i] = drive[i]
    for i in range(x.size):
        b_before[i] = drive[square + i]


@kernel
def eliminate(A: Doubles, right: Doubles) -> bool:
    """Solve ``A X = right`` in place of `right`, by elimination with pivots from the rows left; whether A allows it."""
    size, columns = right.shape
    largest = 0.0
    for i in range(size):
        for j in range(size):
            largest = max(largest, abs(A[i, j]))
    for p in range(size):
        best = p
        for i in range(p + 1, size):
            if abs(A[i, p]) > abs(A[best, p]):
                best = i
        if not abs(A[best, p]) > SINGULAR * largest:
            return False
        for j in range(size):
            A[p, j], A[best, j] = A[best, j], A[p, j]
        for k in range(columns):
            right[p, k], right[best, k] = right[best, k], right[p, k]
        for i in range(p + 1, size):
            factor = A[i, p] / A[p, p]
            for j in range(p, size):
                A[i, j] -= factor * A[p, j]
            for k in range(columns):
                right[i, k] -= factor * right[p, k]
    for p in range(size - 1, -1, -1):
        for k in range(columns):
            for j in range(p + 1, size):
                right[p, k] -= A[p, j] * right[j, k]
            right[p, k] /= A[p, p]
    return True
