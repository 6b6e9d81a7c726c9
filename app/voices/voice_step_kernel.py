"""A Gauss-Newton step of what the partials of voices share, their amplitudes projected out. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, kernel
from sharpear.compiler.products import ANYTHING, HALF, add_products

from .voice_algebra_kernel import Matrix, clear, real_product, solve_real, turn_by
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


@kernel(apart=True)
def step(fit: VoiceFit, tables: VoiceTables) -> None:
    """One step, by the way in which the fit leaves what is left."""
    samples, voices = tables.time_s.size, fit.voices.number[0]
    ways, room = SHARED * voices, fit.step
    _find_turning(fit)
    _lay_ways(fit, tables)
    _find_seen(fit, ways)
    noise = max(fit.energy[0] / samples, 1e-36)
    for i in range(ways):
        way_real, way_imag = room.way_real[i, :samples], room.way_imag[i, :samples]
        room.normal[i, : i + 1], room.slope[i] = 0.0, 0.0
        if leads_nowhere(fit, i):
            continue
        for j in range(i + 1):
            if not leads_nowhere(fit, j):
                both = real_product(way_real, way_imag, room.way_real[j, :samples], room.way_imag[j, :samples])
                room.normal[i, j] = both - room.taken[i, j]
        room.slope[i] = real_product(way_real, way_imag, fit.rest_real, fit.rest_imag)
    for i in range(ways):
        precision = noise / tables.spread[i % SHARED] ** 2
        room.normal[i, i] = room.normal[i, i] * (1 + 1e-9) + precision
        if i % SHARED > 0:
            room.slope[i] -= precision * fit.voices.shared[i // SHARED, i % SHARED]
    solve_real(room.normal, ways, room.slope)
    _move_by(room.slope, fit, tables)


@kernel
def leads_nowhere(fit: VoiceFit, way: int) -> bool:
    """Whether it is the stiffness of a voice that has none."""
    return bool(way % SHARED == SHARED - 1 and not fit.voices.stiff[way // SHARED])


@kernel
def _find_turning(fit: VoiceFit) -> None:
    """How each partial turns, in time, per f0's relative change, and how many times that per change of stiffness."""
    for k in range(fit.partials[0]):
        v, h = fit.partial_voice[k], fit.partial_number[k]
        turning = 2 * math.pi * h * fit.voices.shared[v, 0]
        fit.step.turning_real[k], fit.step.turning_imag[k] = -turning * fit.imag[k], turning * fit.real[k]
        stretching = 0.5 * h * h / math.sqrt(1 + fit.voices.shared[v, 4] * h * h)
        fit.step.stretching[k] = stretching if fit.voices.stiff[v] else 0.0


@kernel(apart=True)
def _lay_ways(fit: VoiceFit, tables: VoiceTables) -> None:
    """Each voice's ``t X``, ``t² X / 2`` and ``t³ X / 6`` for f0, slope and curvature, ``t A``, and ``t S``.

    A is the sum of its partials, X of the same each as it turns, S of the same each as stiffness turns it.
    """
    samples, real, imag = tables.time_s.size, fit.step.way_real, fit.step.way_imag
    for v in range(fit.voices.number[0]):
        for m in (0, 4):
            clear(real[SHARED * v + m, :samples], imag[SHARED * v + m, :samples])
    for k in range(fit.partials[0]):
        v, turning = fit.partial_voice[k], complex(fit.step.turning_real[k], fit.step.turning_imag[k])
        row_real, row_imag, q = fit.atom_real[k, :samples], fit.atom_imag[k, :samples], SHARED * v
        turn_by(turning, row_real, row_imag, real[q], imag[q])
        if fit.voices.stiff[v]:
            turn_by(fit.step.stretching[k] * turning, row_real, row_imag, real[q + 4], imag[q + 4])
    t = tables.time_s
    for v in range(fit.voices.number[0]):
        q = SHARED * v
        _weigh_by_time(t, real[q], imag[q])
        _weigh_by(t, 1 / 2, real[q], imag[q], real[q + 1], imag[q + 1])
        _weigh_by(t, 1 / 3, real[q + 1], imag[q + 1], real[q + 2], imag[q + 2])
        _weigh_by(t, 1.0, fit.voice_real[v], fit.voice_imag[v], real[q + 3], imag[q + 3])
        if fit.voices.stiff[v]:
            _weigh_by_time(t, real[q + 4], imag[q + 4])


@kernel
def _weigh_by(t: Floats, by: float, real: Floats, imag: Floats, into_real: Floats, into_imag: Floats) -> None:
    """``into = by t row``."""
    single = np.float32(by)
    for n in range(t.size):
        weight = single * t[n]
        into_real[n], into_imag[n] = weight * real[n], weight * imag[n]


@kernel
def _weigh_by_time(t: Floats, real: Floats, imag: Floats) -> None:
    """``row ← t row``."""
    for n in range(t.size):
        real[n] *= t[n]
        imag[n] *= t[n]


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
