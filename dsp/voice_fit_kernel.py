"""Voices fitted together to the waveform around a moment: amplitudes projected out, Gauss-Newton. No validation here.

A voice is ``Σ_h a_h e^{γu} exp(2πi h f (u + s u²/2 + c u³/6 + (√(1+Bh²) − 1) u))``: its partials share f (Hz), slope s
(1/s), curvature c (1/s²), growth γ (1/s) and stiffness B; their complex amplitudes a_h are free. Given what is shared,
the amplitudes of all are one linear problem (variable projection, Golub and Pereyra 1973).
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel

from .voice_algebra_kernel import Matrix, factor, plain_product, product, solve_lower, solve_real, solve_upper, turn_by
from .voices_kernel import PARTIALS, SHARED, Voices

RIDGE = 3e-3
"""Added to the diagonal of the partials' products, as a share of a lone partial's."""


LARGEST_STEP = 0.012
"""f0 moves by this, in ln, at most in a step: 21 cents."""

LARGEST_SLOPE, LARGEST_CURVATURE, LARGEST_GROWTH, LARGEST_STIFFNESS = 8.0, 200.0, 60.0, 1.5e-3
"""Bounds of what partials share besides, in 1/s, 1/s² and 1/s; stiffness is at least 0."""

FLOOR = 1e-5
"""Noise is at least this share (-50 dB) of the energy."""


class VoiceTables(NamedTuple):
    """What a fit needs.

    time_s: of the samples, 0 at the moment; they are `step_s` apart.
    first: of the samples, counted from the moment.
    window, window_power: weight of each, and the sum of their squares.
    carrier: what turns back by the band's middle, times the window (real, imaginary).
    top_hz: no partial is above.
    """

    time_s: Annotated[NDArray[np.float32], "samples"]
    first: int
    window: Annotated[NDArray[np.float32], "samples"]
    carrier_real: Annotated[NDArray[np.float32], "samples"]
    carrier_imag: Annotated[NDArray[np.float32], "samples"]
    step_s: float
    window_power: float
    top_hz: float
    spread: Annotated[NDArray[np.float64], "shared"]


class VoiceFit(NamedTuple):
    """Room for a fit, and what comes out of it.

    atom_real, atom_imag: the windowed partials.  partial_voice, partial_number: of each.
    lower: their products, then their triangle; apart: products of a voice's, by the difference of their numbers.
    real, imag: amplitude of each; variance: of it, over the noise's.  gain: what a voice explains and no other.
    rest_real, rest_imag: what is left; energy: of it.
    way_real, way_imag: how the sum changes with each shared number; seen: how much of that amplitudes would follow.
    normal, slope: the step's equations.  block: of one voice.  turn, now: a voice's first partial, and the latest.
    """

    voices: Voices
    partials: Annotated[NDArray[np.int64], "one"]
    partial_voice: Annotated[NDArray[np.int64], "all partials"]
    partial_number: Annotated[NDArray[np.int64], "all partials"]
    atom_real: Annotated[NDArray[np.float32], "all partials", "samples"]
    atom_imag: Annotated[NDArray[np.float32], "all partials", "samples"]
    lower: Matrix
    inverse: Matrix
    apart_real: Annotated[NDArray[np.float64], "partials"]
    apart_imag: Annotated[NDArray[np.float64], "partials"]
    real: Annotated[NDArray[np.float64], "all partials"]
    imag: Annotated[NDArray[np.float64], "all partials"]
    variance: Annotated[NDArray[np.float64], "all partials"]
    gain: Annotated[NDArray[np.float64], "voices"]
    rest_real: Annotated[NDArray[np.float32], "samples"]
    rest_imag: Annotated[NDArray[np.float32], "samples"]
    energy: Annotated[NDArray[np.float64], "one"]
    way_real: Annotated[NDArray[np.float32], "ways", "samples"]
    way_imag: Annotated[NDArray[np.float32], "ways", "samples"]
    seen: Matrix
    normal: Annotated[NDArray[np.float64], "ways", "ways"]
    slope: Annotated[NDArray[np.float64], "ways"]
    block: Matrix
    turn_real: Annotated[NDArray[np.float32], "samples"]
    turn_imag: Annotated[NDArray[np.float32], "samples"]
    now_real: Annotated[NDArray[np.float32], "samples"]
    now_imag: Annotated[NDArray[np.float32], "samples"]


@kernel
def lay_atoms(fit: VoiceFit, tables: VoiceTables) -> None:
    """The windowed partials in use, each the one before times the voice's first: one exponential a voice."""
    time_s, step_s, samples = tables.time_s, tables.step_s, tables.time_s.size
    turn_real, turn_imag = fit.turn_real, fit.turn_imag
    k = 0
    for v in range(fit.voices.number[0]):
        hz, slope, curvature, growth, stiffness = fit.voices.shared[v]
        # The phase is a cubic in time: three running products.
        w, t = 2 * math.pi * hz, time_s[0]
        phase = w * (t + slope * t * t / 2 + curvature * t * t * t / 6)
        d = step_s
        first = w * (d + slope * (2 * t * d + d * d) / 2 + curvature * (3 * t * t * d + 3 * t * d * d + d**3) / 6)
        second = w * (slope * d * d + curvature * (t * d * d + d**3))
        third = w * curvature * d**3
        z, z1 = complex(math.cos(phase), math.sin(phase)), complex(math.cos(first), math.sin(first))
        z2, z3 = complex(math.cos(second), math.sin(second)), complex(math.cos(third), math.sin(third))
        for n in range(samples):
            turn_real[n], turn_imag[n] = z.real, z.imag
            z *= z1
            z1 *= z2
            z2 *= z3
        last = 0
        for h in range(PARTIALS):
            if fit.voices.used[v, h]:
                last = h + 1
        level, rise = math.exp(growth * time_s[0]), math.exp(growth * step_s)
        now_real, now_imag = fit.now_real, fit.now_imag
        for n in range(samples):
            own = np.float32(level)
            now_real[n], now_imag[n] = own * tables.carrier_real[n], own * tables.carrier_imag[n]
            level *= rise
        for h in range(last):
            for n in range(samples):
                real, imag = now_real[n], now_imag[n]
                now_real[n] = real * turn_real[n] - imag * turn_imag[n]
                now_imag[n] = real * turn_imag[n] + imag * turn_real[n]
            if fit.voices.used[v, h]:
                into_real, into_imag = fit.atom_real[k], fit.atom_imag[k]
                for n in range(samples):
                    into_real[n], into_imag[n] = now_real[n], now_imag[n]
                if stiffness > 0:
                    x = w * (h + 1) * (math.sqrt(1 + stiffness * (h + 1) ** 2) - 1)
                    z, z1 = complex(math.cos(x * t), math.sin(x * t)), complex(math.cos(x * d), math.sin(x * d))
                    for n in range(samples):
                        real, imag = into_real[n], into_imag[n]
                        zr, zi = np.float32(z.real), np.float32(z.imag)
                        into_real[n], into_imag[n] = real * zr - imag * zi, real * zi + imag * zr
                        z *= z1
                fit.partial_voice[k], fit.partial_number[k] = v, h + 1
                k += 1
    fit.partials[0] = k


@kernel
def lay_products(fit: VoiceFit, tables: VoiceTables) -> None:
    """``G_ij = Σ atom_i* atom_j + ridge [i = j]``, j ≤ i.

    Of a voice whose partials are not stretched ``atom_h = e z^h``: its products are as many as there are differences of
    numbers.
    """
    samples, ridge = tables.time_s.size, RIDGE * tables.window_power
    real, imag = fit.lower.real, fit.lower.imag
    begin, known = 0, 0
    for i in range(fit.partials[0]):
        v, h = fit.partial_voice[i], fit.partial_number[i]
        row_real, row_imag = fit.atom_real[i, :samples], fit.atom_imag[i, :samples]
        if i > 0 and v != fit.partial_voice[i - 1]:
            begin, known = i, 0
        for j in range(begin):
            g = product(row_real, row_imag, fit.atom_real[j], fit.atom_imag[j])
            real[i, j], imag[i, j] = g.real, g.imag
        for j in range(begin, i + 1):
            apart = h - fit.partial_number[j]
            if not known >> apart & 1:
                g = product(row_real, row_imag, fit.atom_real[j], fit.atom_imag[j])
                fit.apart_real[apart], fit.apart_imag[apart] = g.real, g.imag
                if fit.voices.shared[v, 4] == 0:
                    known |= 1 << apart
            real[i, j], imag[i, j] = fit.apart_real[apart], fit.apart_imag[apart]
        real[i, i] += ridge


@kernel
def solve_amplitudes(real: Floats, imag: Floats, fit: VoiceFit, tables: VoiceTables) -> None:
    """Amplitudes of the partials, what they leave of the windowed samples, and its energy."""
    count, samples = fit.partials[0], tables.time_s.size
    lay_products(fit, tables)
    for i in range(count):
        a = product(fit.atom_real[i, :samples], fit.atom_imag[i, :samples], real, imag)
        fit.real[i], fit.imag[i] = a.real, a.imag
    factor(fit.lower, count)
    solve_lower(fit.lower, count, fit.real, fit.imag)
    solve_upper(fit.lower, count, fit.real, fit.imag)
    rest_real, rest_imag = fit.rest_real[:samples], fit.rest_imag[:samples]
    for n in range(samples):
        rest_real[n], rest_imag[n] = real[n], imag[n]
    for k in range(count):
        row_real, row_imag = fit.atom_real[k, :samples], fit.atom_imag[k, :samples]
        turn_by(-complex(fit.real[k], fit.imag[k]), row_real, row_imag, rest_real, rest_imag)
    fit.energy[0] = product(rest_real, rest_imag, rest_real, rest_imag).real


@kernel
def step(fit: VoiceFit, tables: VoiceTables) -> None:
    """One Gauss-Newton step of what partials share, by the way in which the fit leaves what is left."""
    count, samples, voices = fit.partials[0], tables.time_s.size, fit.voices.number[0]
    ways = SHARED * voices
    time_s = tables.time_s
    for q in range(ways):
        for n in range(samples):
            fit.way_real[q, n] = fit.way_imag[q, n] = 0.0
    for k in range(count):
        v, h = fit.partial_voice[k], fit.partial_number[k]
        q, a = SHARED * v, complex(fit.real[k], fit.imag[k])
        turning = a * complex(0.0, 2 * math.pi * h * fit.voices.shared[v, 0])
        row_real, row_imag = fit.atom_real[k, :samples], fit.atom_imag[k, :samples]
        turn_by(turning, row_real, row_imag, fit.way_real[q], fit.way_imag[q])
        turn_by(a, row_real, row_imag, fit.way_real[q + 3], fit.way_imag[q + 3])
        if fit.voices.stiff[v]:
            stretch = 0.5 * h * h / math.sqrt(1 + fit.voices.shared[v, 4] * h * h)
            turn_by(stretch * turning, row_real, row_imag, fit.way_real[q + 4], fit.way_imag[q + 4])
    for v in range(voices):
        q = SHARED * v
        for n in range(samples):
            t = time_s[n]
            real, imag = fit.way_real[q, n] * t, fit.way_imag[q, n] * t
            fit.way_real[q, n], fit.way_imag[q, n] = real, imag
            real, imag = real * (np.float32(0.5) * t), imag * (np.float32(0.5) * t)
            fit.way_real[q + 1, n], fit.way_imag[q + 1, n] = real, imag
            third = t * np.float32(1 / 3)
            fit.way_real[q + 2, n], fit.way_imag[q + 2, n] = real * third, imag * third
            for m in range(3, 5):
                fit.way_real[q + m, n] *= t
                fit.way_imag[q + m, n] *= t
    noise = max(fit.energy[0] / samples, 1e-36)
    for i in range(ways):
        fit.normal[i, : i + 1], fit.slope[i] = 0.0, 0.0
        if leads_nowhere(fit, i):
            continue
        way_real, way_imag = fit.way_real[i, :samples], fit.way_imag[i, :samples]
        for k in range(count):
            b = product(way_real, way_imag, fit.atom_real[k], fit.atom_imag[k])
            fit.seen.real[i, k], fit.seen.imag[i, k] = b.real, -b.imag
        solve_lower(fit.lower, count, fit.seen.real[i], fit.seen.imag[i])
        for j in range(i + 1):
            if leads_nowhere(fit, j):
                continue
            both = product(way_real, way_imag, fit.way_real[j], fit.way_imag[j])
            taken = product(
                fit.seen.real[j, :count], fit.seen.imag[j, :count], fit.seen.real[i, :count], fit.seen.imag[i, :count]
            )
            fit.normal[i, j] = both.real - taken.real
        fit.slope[i] = product(way_real, way_imag, fit.rest_real, fit.rest_imag).real
    for v in range(voices):
        for m in range(SHARED):
            i = SHARED * v + m
            precision = noise / tables.spread[m] ** 2
            fit.normal[i, i] = fit.normal[i, i] * (1 + 1e-9) + precision
            if m > 0:
                fit.slope[i] -= precision * fit.voices.shared[v, m]
    solve_real(fit.normal, ways, fit.slope)
    for v in range(voices):
        q, shared = SHARED * v, fit.voices.shared[v]
        shared[0] *= math.exp(min(max(fit.slope[q], -LARGEST_STEP), LARGEST_STEP))
        shared[1] = min(max(shared[1] + fit.slope[q + 1], -LARGEST_SLOPE), LARGEST_SLOPE)
        shared[2] = min(max(shared[2] + fit.slope[q + 2], -LARGEST_CURVATURE), LARGEST_CURVATURE)
        shared[3] = min(max(shared[3] + fit.slope[q + 3], -LARGEST_GROWTH), LARGEST_GROWTH)
        if fit.voices.stiff[v]:
            shared[4] = min(max(shared[4] + fit.slope[q + 4], 0.0), LARGEST_STIFFNESS)
        for h in range(1, PARTIALS):
            if (h + 1) * shared[0] > tables.top_hz:
                fit.voices.used[v, h] = False


@kernel
def leads_nowhere(fit: VoiceFit, way: int) -> bool:
    """Whether it is the stiffness of a voice that has none."""
    return bool(way % SHARED == SHARED - 1 and not fit.voices.stiff[way // SHARED])


@kernel
def fit_voices(real: Floats, imag: Floats, steps: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """Amplitudes, and so many times a step of what is shared and amplitudes again."""
    lay_atoms(fit, tables)
    solve_amplitudes(real, imag, fit, tables)
    for _ in range(steps):
        step(fit, tables)
        lay_atoms(fit, tables)
        solve_amplitudes(real, imag, fit, tables)


@kernel
def weigh(fit: VoiceFit) -> None:
    """Variances of the amplitudes, and what each voice explains alone: ``a_v* (G⁻¹_vv)⁻¹ a_v``."""
    count, real, imag = fit.partials[0], fit.inverse.real, fit.inverse.imag
    lower_real, lower_imag = fit.lower.real, fit.lower.imag
    for i in range(count):  # the columns of L⁻¹, each a row here
        real[i, i], imag[i, i] = 1 / lower_real[i, i], 0.0
        for k in range(i + 1, count):
            s = plain_product(lower_real[k, i:k], lower_imag[k, i:k], real[i, i:k], imag[i, i:k])
            over = -1 / lower_real[k, k]
            real[i, k], imag[i, k] = s.real * over, s.imag * over
    first = 0
    value_real, value_imag = fit.seen.real[0], fit.seen.imag[0]
    for v in range(fit.voices.number[0]):
        own = 0
        while first + own < count and fit.partial_voice[first + own] == v:
            own += 1
        for i in range(own):
            for j in range(i + 1):
                m, n = first + i, first + j
                s = product(real[m, m:count], imag[m, m:count], real[n, m:count], imag[n, m:count])
                fit.block.real[i, j], fit.block.imag[i, j] = s.real, s.imag
            fit.variance[first + i] = fit.block.real[i, i]
        factor(fit.block, own)
        for i in range(own):
            value_real[i], value_imag[i] = fit.real[first + i], fit.imag[first + i]
        solve_lower(fit.block, own, value_real, value_imag)
        fit.gain[v] = product(value_real[:own], value_imag[:own], value_real[:own], value_imag[:own]).real
        first += own


@kernel
def noise_of(fit: VoiceFit, energy: float) -> float:
    """Energy a sample of what is left, and of what no fit can be trusted with."""
    return float((fit.energy[0] + FLOOR * energy) / fit.rest_real.size)
