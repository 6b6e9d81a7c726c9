"""A Gauss-Newton step of what the partials of voices share, their amplitudes projected out. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, kernel
from sharpear.compiler.products import ANYTHING, HALF, add_products

from .voice_algebra_kernel import Matrix, clear, solve_real, turn_by
from .voice_fit import VoiceFit, VoiceTables
from .voices_kernel import (
    LARGEST_CURVATURE,
    LARGEST_GROWTH,
    LARGEST_SLOPE,
    LARGEST_STEP,
    LARGEST_STIFFNESS,
    PARTIALS,
    SHARED,
)

OVER = (1.0, 1 / 2, 1 / 6)
"""f0, slope and curvature turn partials by these times t, t² and t³."""


@kernel(apart=True)
def step(fit: VoiceFit, tables: VoiceTables) -> None:
    """One step, by what the fit leaves: its products are there for all powers of time."""
    _lay_equations(fit, tables)
    solve_real(fit.step.normal, SHARED * fit.voices.number[0], fit.step.slope)
    _move_by(fit.step.slope, fit, tables)


@kernel
def promised(fit: VoiceFit, tables: VoiceTables) -> float:
    """By how much a step would lower the energy that is left, were all as straight as it takes it to be."""
    _lay_equations(fit, tables)
    room, ways, energy = fit.step, SHARED * fit.voices.number[0], 0.0
    for i in range(ways):
        room.before[i] = room.slope[i]
    solve_real(room.normal, ways, room.slope)
    for i in range(ways):
        energy += room.before[i] * room.slope[i]
    return energy


@kernel(apart=True)
def _lay_equations(fit: VoiceFit, tables: VoiceTables) -> None:
    """The lower triangle of a step's equations, and their right side."""
    voices, room = fit.voices, fit.step
    ways, noise = SHARED * voices.number[0], max(fit.energy[0] / tables.time_s.size, 1e-36)
    _find_turning(fit)
    _find_slope(fit, tables)
    _find_normal(fit, ways)
    _find_seen(fit, ways)
    for i in range(ways):
        precision = noise / tables.spread[i % SHARED] ** 2
        for j in range(i + 1):
            room.normal[i, j] += room.normal[j, i] - room.taken[i, j]
        room.normal[i, i] = room.normal[i, i] * (1 + 1e-9) + precision
        if i % SHARED > 0:
            room.slope[i] -= precision * voices.shared[i // SHARED, i % SHARED]


@kernel
def _find_turning(fit: VoiceFit) -> None:
    """How each partial turns, in time, per f0's relative change, and how many times that per change of stiffness."""
    for k in range(fit.partials[0]):
        v, h = fit.partial_voice[k], fit.partial_number[k]
        turning = 2 * math.pi * h * fit.voices.shared[v, 0]
        fit.step.turning_real[k], fit.step.turning_imag[k] = -turning * fit.imag[k], turning * fit.real[k]
        stretching = 0.5 * h * h / math.sqrt(1 + fit.voices.shared[v, 4] * h * h)
        fit.step.stretching[k] = stretching if fit.voices.stiff[v] else 0.0


@kernel
def _find_slope(fit: VoiceFit, tables: VoiceTables) -> None:
    """Real parts of products of ways with what is left."""
    samples, slope = tables.time_s.size, fit.step.slope
    slope[: SHARED * fit.voices.number[0]] = 0.0
    for k in range(fit.partials[0]):
        q, turning = SHARED * fit.partial_voice[k], complex(fit.step.turning_real[k], fit.step.turning_imag[k])
        first, second, third = _moments(
            tables.time_s, fit.atom_real[k, :samples], fit.atom_imag[k, :samples], fit.rest_real, fit.rest_imag
        )
        for m, moment in enumerate((first, second, third)):
            slope[q + m] += OVER[m] * (turning.conjugate() * moment).real
        slope[q + 3] += fit.real[k] * first.real + fit.imag[k] * first.imag
        slope[q + 4] += fit.step.stretching[k] * (turning.conjugate() * first).real


@kernel(fastmath={"contract", "reassoc"})
def _moments(
    t: Floats, atom_real: Floats, atom_imag: Floats, real: Floats, imag: Floats
) -> tuple[complex, complex, complex]:
    """``Σ t^m atom* row`` for m of 1, 2 and 3."""
    a = b = c = d = e = f = np.float32(0)
    for n in range(t.size):
        x = t[n] * (atom_real[n] * real[n] + atom_imag[n] * imag[n])
        y = t[n] * (atom_real[n] * imag[n] - atom_imag[n] * real[n])
        a += x
        b += y
        c += t[n] * x
        d += t[n] * y
        e += t[n] * (t[n] * x)
        f += t[n] * (t[n] * y)
    return (
        complex(np.float64(a), np.float64(b)),
        complex(np.float64(c), np.float64(d)),
        complex(np.float64(e), np.float64(f)),
    )


@kernel
def _find_normal(fit: VoiceFit, ways: int) -> None:
    """Products of ways with each other, of partials that see each other: in the sum with its transpose each is whole.

    The ways of a voice are its partials times powers of time: ``t X``, ``t² X / 2`` and ``t³ X / 6`` for f0, slope and
    curvature, ``t A`` for growth, ``t S`` for stiffness. A is the sum of its partials, X of the same as f0 turns them,
    S as stiffness turns them.
    """
    pairs, room = fit.pairs, fit.step
    room.normal[:ways, :ways] = 0.0
    for i in range(fit.partials[0]):
        above = pairs.order[i]
        turning = complex(room.turning_real[above], -room.turning_imag[above])
        level = complex(fit.real[above], -fit.imag[above])
        for j in range(pairs.first[i], i + 1):
            below = pairs.order[j]
            to, q = SHARED * fit.partial_voice[above], SHARED * fit.partial_voice[below]
            share = 0.5 if i == j else 1.0
            own = share * complex(room.turning_real[below], room.turning_imag[below])
            own_level = share * complex(fit.real[below], fit.imag[below])
            _add_pair(
                turning * own, turning * own_level, level * own, level * own_level, room.stretching[above],
                room.stretching[below], pairs.real[i - j, :, i], pairs.imag[i - j, :, i],
                room.normal[to : to + SHARED, q : q + SHARED],
            )  # fmt: skip


@kernel
def _add_pair(
    both: complex, left: complex, right: complex, levels: complex, above: float, below: float, real: Floats,
    imag: Floats, normal: Floats,
) -> None:  # fmt: skip
    """What two partials bring: real, imag are their products by powers of time.

    both, left, right, levels: products of how both turn, of how one turns and the level of the other, of both levels.
    above, below: how much more stiffness turns each.
    """
    for m in range(3):
        for n in range(3):
            normal[m, n] += OVER[m] * OVER[n] * (both.real * real[m + n + 2] - both.imag * imag[m + n + 2])
        turned = OVER[m] * (both.real * real[m + 2] - both.imag * imag[m + 2])
        first = OVER[m] * (left.real * real[m + 2] - left.imag * imag[m + 2])
        second = OVER[m] * (right.real * real[m + 2] - right.imag * imag[m + 2])
        normal[m, 3] += first
        normal[3, m] += second
        normal[m, 4] += below * turned
        normal[4, m] += above * turned
        if m == 0:
            normal[3, 4] += below * second
            normal[4, 3] += above * first
            normal[4, 4] += above * below * turned
    normal[3, 3] += levels.real * real[2] - levels.imag * imag[2]


@kernel(apart=True)
def _find_seen(fit: VoiceFit, ways: int) -> None:
    """Products of partials with ways, behind the triangle's inverse, and of these with each other.

    A way is a sum of partials times powers of time: what it shares with a partial, it shares with those that this sees.
    """
    pairs, count, room = fit.pairs, fit.partials[0], fit.step
    width = -(-ways // HALF) * HALF
    seen = room.seen.reshape(room.seen.size)[: 2 * count * width].reshape(2 * count, width)
    for i in range(count):
        clear(seen[i], seen[count + i])
    for i in range(count):
        above = pairs.order[i]
        to = SHARED * fit.partial_voice[above]
        for j in range(pairs.first[i], i + 1):
            below = pairs.order[j]
            real, imag, q = pairs.real[i - j, :, i], pairs.imag[i - j, :, i], SHARED * fit.partial_voice[below]
            _share(real, imag, 1.0, fit, below, seen[i, q : q + SHARED], seen[count + i, q : q + SHARED])
            if j < i:
                _share(real, imag, -1.0, fit, above, seen[j, to : to + SHARED], seen[count + j, to : to + SHARED])
    _solve_rows(fit.lower, fit, seen)
    by_way, taken = room.seen_by_way[:width, : 2 * count], room.taken[:width, :width]
    for n in range(2 * count):
        for q in range(width):
            by_way[q, n] = seen[n, q]
    for q in range(width):
        clear(taken[q], taken[q])
    add_products(by_way, seen, ANYTHING, taken)


@kernel
def _share(
    real: Floats, imag: Floats, sign: float, fit: VoiceFit, k: int, seen_real: Floats, seen_imag: Floats
) -> None:  # fmt: skip
    """What a partial sees of partial k, as ways of its voice.

    real, imag: products with it by powers of time; sign: -1 for their conjugates.
    """
    turning = complex(fit.step.turning_real[k], fit.step.turning_imag[k])
    first = complex(real[1], sign * imag[1]) * turning
    second = 1 / 2 * complex(real[2], sign * imag[2]) * turning
    third = 1 / 6 * complex(real[3], sign * imag[3]) * turning
    level = complex(real[1], sign * imag[1]) * complex(fit.real[k], fit.imag[k])
    stretched = fit.step.stretching[k] * first
    for m, way in enumerate((first, second, third, level, stretched)):
        seen_real[m] += np.float32(way.real)
        seen_imag[m] += np.float32(way.imag)


@kernel(fastmath={"contract"})
def _solve_rows(lower: Matrix, fit: VoiceFit, seen: Floats) -> None:
    """``seen ← L⁻¹ seen``, all ways side by side."""
    count = fit.partials[0]
    for i in range(count):
        row_real, row_imag = seen[i], seen[count + i]
        for k in range(fit.pairs.first[i], i):
            turn_by(-complex(lower.real[i, k], lower.imag[i, k]), seen[k], seen[count + k], row_real, row_imag)
        over = np.float32(1 / lower.real[i, i])
        for q in range(row_real.size):
            row_real[q] *= over
            row_imag[q] *= over


@kernel
def _move_by(change: Floats, fit: VoiceFit, tables: VoiceTables) -> None:
    """What partials share, moved within its bounds; partials above the top are left out."""
    for v in range(fit.voices.number[0]):
        q, shared = SHARED * v, fit.voices.shared[v]
        shared[0] *= math.exp(min(max(change[q], -LARGEST_STEP), LARGEST_STEP))
        shared[1] = min(max(shared[1] + change[q + 1], -LARGEST_SLOPE), LARGEST_SLOPE)
        shared[2] = min(max(shared[2] + change[q + 2], -LARGEST_CURVATURE), LARGEST_CURVATURE)
        shared[3] = min(max(shared[3] + change[q + 3], -LARGEST_GROWTH), LARGEST_GROWTH)
        if fit.voices.stiff[v]:
            shared[4] = min(max(shared[4] + change[q + 4], 0.0), LARGEST_STIFFNESS)
        for h in range(1, PARTIALS):
            if (h + 1) * shared[0] > tables.top_hz:
                fit.voices.used[v, h] = False
