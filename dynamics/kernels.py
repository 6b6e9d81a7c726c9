"""One step of every layer, and the loops that run them over frames and streams. No validation here.

A step works on one stream: 1-D arrays over units, real (then activations are non-negative) or complex (then the
modulus is thresholded and the phase kept). Each equation stands here once; layers and networks compose the steps.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from sharpear.compiler import Doubles, Floats, Integers, Units, kernel

from .rules import AdamMoments, Circuit, LcaRule, LcaState, LevelRule, PairParts, RmsMoments, WtaRule, WtaState

SMALLEST_LEVEL = np.float32(1e-20)
"""Levels never fall below this, for they are divided by."""

SMALLEST_ACTIVITY = np.float32(1e-30)
"""States below this are set to zero at a frame's end, before silence turns them into slow denormal numbers."""


def shrink(u: Any, threshold: Any, hard: Any) -> Any:
    """Threshold T_λ(u): soft ``u (1 − λ/|u|)₊``, hard ``u [|u| > λ]``; a real u counts only where positive."""
    raise NotImplementedError("compiled by Numba per dtype, see below")


@overload(shrink)
def _shrink(u: Any, threshold: Any, hard: Any) -> Any:
    if isinstance(u, types.Complex):

        def shrink_complex(u: Any, threshold: Any, hard: Any) -> Any:
            size = math.sqrt(u.real * u.real + u.imag * u.imag)
            if size <= threshold or size == 0.0:
                return u * np.float32(0.0)
            return u if hard else u * np.float32(np.float32(1.0) - threshold / size)

        return shrink_complex

    def shrink_real(u: Any, threshold: Any, hard: Any) -> Any:
        if u <= threshold:
            return np.float32(0.0)
        return u if hard else u - threshold

    return shrink_real


@kernel
def squared_modulus(z: Any) -> Any:
    """``|z|²`` of a real or complex number."""
    return z.real * z.real + z.imag * z.imag


@kernel
def flush(state: Units) -> None:
    """Replace what is too small to matter by zero."""
    for i in range(state.size):
        if abs(state[i].real) + abs(state[i].imag) < SMALLEST_ACTIVITY:
            state[i] = 0


@kernel
def lca_error(drive: Units, band: Units, u: Units, a: Units, du: Units) -> None:
    """``du = b − u − G a``: what is left of the drive after the leak and the inhibition by active neighbours."""
    units, half = u.size, band.shape[1] // 2
    for i in range(units):
        du[i] = drive[i] - u[i]
    if half == 0:  # no neighbours: in lanes
        for i in range(units):
            du[i] -= band[i, 0] * a[i]
        return
    for j in range(units):
        if a[j] != 0:
            low, high = max(0, j - half), min(units, j + half + 1)
            weight = band[j]
            for i in range(low, high):
                du[i] -= weight[half + i - j] * a[j]


@kernel
def lca_step(
    drive: Units, band: Units, threshold: Floats, hard: bool, rate: np.float32, u: Units, a: Units, du: Units
) -> None:
    """Lca: ``u ← u + rate (b − u − G a)``, ``a = T_λ(u)``."""
    lca_error(drive, band, u, a, du)
    for i in range(u.size):
        u[i] += rate * du[i]
        a[i] = shrink(u[i], threshold[i], hard)


@kernel
def lca_rms_step(
    drive: Units, band: Units, threshold: Floats, hard: bool, moments: RmsMoments, level: Floats, u: Units, v: Floats,
    a: Units, du: Units,
) -> None:  # fmt: skip
    """LcaRms: ``v ← β₂v + (1−β₂)|du|²``, ``u ← u + ηL du / (√v + εL)``, L the level."""
    beta2, eta, epsilon = moments.beta2, moments.eta, moments.epsilon
    lca_error(drive, band, u, a, du)
    for i in range(u.size):
        v[i] = beta2 * v[i] + (np.float32(1.0) - beta2) * squared_modulus(du[i])
        u[i] += du[i] * np.float32(eta * level[i] / (math.sqrt(v[i]) + epsilon * level[i]))
        a[i] = shrink(u[i], threshold[i] * level[i], hard)


@kernel
def lcadam_step(
    drive: Units, band: Units, threshold: Floats, hard: bool, moments: AdamMoments, level: Floats, u: Units, m: Units,
    v: Floats, a: Units, du: Units,
) -> None:  # fmt: skip
    """LcAdam: ``m ← β₁m + (1−β₁)du``, v as LcaRms, ``u ← u + ηL (m/β₁) / (√(v/β₂) + εL)``."""
    beta1, beta2, eta, epsilon = moments.beta1, moments.beta2, moments.eta, moments.epsilon
    one = np.float32(1.0)
    lca_error(drive, band, u, a, du)
    for i in range(u.size):
        m[i] = beta1 * m[i] + (one - beta1) * du[i]
        v[i] = beta2 * v[i] + (one - beta2) * squared_modulus(du[i])
        u[i] += m[i] * np.float32(eta * level[i] / (beta1 * (math.sqrt(v[i] / beta2) + epsilon * level[i])))
        a[i] = shrink(u[i], threshold[i] * level[i], hard)


@kernel
def track_level(drive: Units, rule: LevelRule, level: Floats, sums: Doubles) -> None:
    """Level around each unit: ``L_i ← max( √Σ_{|j−i| ≤ h} |b_j|², decay·L_i )``, and never quite zero."""
    units, total = drive.size, 0.0
    sums[0] = 0.0
    for i in range(units):
        total += squared_modulus(drive[i])
        sums[i + 1] = total
    for i in range(units):
        power = sums[min(i + rule.half_width + 1, units)] - sums[max(i - rule.half_width, 0)]
        level[i] = max(np.float32(math.sqrt(max(power, 0.0))), rule.decay * level[i], SMALLEST_LEVEL)


@kernel
def wta_step(
    drive: Floats, circuit: Circuit, threshold: Floats, inhibition_threshold: np.float32, rate: np.float32, x: Floats,
    x_n: Floats,
) -> None:  # fmt: skip
    """Wta: ``τẋᵢ = −Gxᵢ + f(Iᵢ + αxᵢ − β₁x_N − Tᵢ)``, ``τẋ_N = −Gx_N + f(β₂Σxⱼ − T_N)``."""
    alpha, beta1, beta2, conductance = circuit.alpha, circuit.beta1, circuit.beta2, circuit.conductance
    inhibition = x_n[0]
    total = 0.0
    for i in range(x.size):
        total += x[i]
        excitation = drive[i] + alpha * x[i] - beta1 * inhibition - threshold[i]
        x[i] += rate * (max(excitation, np.float32(0.0)) - conductance * x[i])
    x_n[0] += rate * (max(np.float32(beta2 * total - inhibition_threshold), np.float32(0.0)) - conductance * inhibition)


@kernel
def window_sums(x: Floats, shape: Integers, half_width: Integers, sums: Doubles, out: Floats) -> None:
    """``out = W x``: around every unit the sum over a window of units, axis by axis (a window is a box).

    Prefix sums (double precision, so that they do not drift) make it O(units) for any window.
    """
    copy(x, out)
    stride = x.size
    for axis in range(shape.size):
        side, run = shape[axis], stride
        stride //= side
        for line in range(x.size // side):
            first = line // stride * run + line % stride
            total = sums[0] = 0.0
            for p in range(side):
                total += out[first + p * stride]
                sums[p + 1] = total
            for p in range(side):
                half = half_width[axis, p]
                out[first + p * stride] = np.float32(sums[min(p + half + 1, side)] - sums[max(p - half, 0)])


@kernel
def wtaconv_step(
    drive: Floats, rule: WtaRule, x: Floats, x_n: Floats, sums: Doubles, window: Floats, inhibition: Floats
) -> None:
    """WtaConv: Wta with an inhibitory unit of its own for each window, ``f(β₂Wx − T_N)`` and ``f(… − β₁W x_N − T)``.

    Where only centres are inhibited, ``β₁x_N`` stands for ``β₁W x_N``.
    """
    circuit, threshold = rule.circuit, rule.threshold
    alpha, beta1, beta2, conductance = circuit.alpha, circuit.beta1, circuit.beta2, circuit.conductance
    window_sums(x, rule.shape, rule.half_width, sums, window)
    if rule.whole_window:
        window_sums(x_n, rule.shape, rule.half_width, sums, inhibition)
    else:
        copy(x_n, inhibition)
    for i in range(x.size):
        excitation = drive[i] + alpha * x[i] - beta1 * inhibition[i] - threshold[i]
        x[i] += rule.rate * (max(excitation, np.float32(0.0)) - conductance * x[i])
        feed = max(beta2 * window[i] - rule.inhibition_threshold, np.float32(0.0))
        x_n[i] += rule.rate * (feed - conductance * x_n[i])


@kernel
def carry(retention: Units, threshold: Floats, hard: bool, level: Floats, u: Units, a: Units) -> None:
    """Bring the potential to the next frame, ``u ← r u``: a leak |r| and, for complex units, a turn of their phase."""
    for i in range(u.size):
        u[i] *= retention[i]
        a[i] = shrink(u[i], threshold[i] * level[i], hard)


@kernel
def copy(source: Units, target: Units) -> None:
    """Copy one row; written out, because a slice assignment takes Numba seconds to compile."""
    for i in range(source.size):
        target[i] = source[i]


@kernel
def lca_process(
    drive: Units, band: Units, threshold: Floats, hard: bool, retention: Units, rate: np.float32, iterations: int,
    u: Units, a: Units, out: Units,
) -> None:  # fmt: skip
    """`lca_step`, `iterations` times a frame, over drive (frames, streams, units)."""
    du, ones = np.empty_like(u[0]), np.ones(u.shape[1], np.float32)
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            carry(retention, threshold, hard, ones, u[s], a[s])
            for _ in range(iterations):
                lca_step(drive[f, s], band, threshold, hard, rate, u[s], a[s], du)
            copy(a[s], out[f, s])
            flush(u[s])


@kernel
def lca_rms_process(
    drive: Units, band: Units, threshold: Floats, hard: bool, retention: Units, moments: RmsMoments,
    level_rule: LevelRule, iterations: int, level: Floats, u: Units, v: Floats, a: Units, out: Units,
) -> None:  # fmt: skip
    """`lca_rms_step`, `iterations` times a frame, over drive (frames, streams, units)."""
    du, sums = np.empty_like(u[0]), np.empty(u.shape[1] + 1, np.float64)
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            track_level(drive[f, s], level_rule, level[s], sums)
            carry(retention, threshold, hard, level[s], u[s], a[s])
            for _ in range(iterations):
                lca_rms_step(drive[f, s], band, threshold, hard, moments, level[s], u[s], v[s], a[s], du)
            copy(a[s], out[f, s])
            flush(u[s])
            flush(v[s])


@kernel
def lcadam_process(
    drive: Units, band: Units, threshold: Floats, hard: bool, retention: Units, moments: AdamMoments,
    level_rule: LevelRule, iterations: int, level: Floats, u: Units, m: Units, v: Floats, a: Units, out: Units,
) -> None:  # fmt: skip
    """`lcadam_step`, `iterations` times a frame, over drive (frames, streams, units)."""
    du, sums = np.empty_like(u[0]), np.empty(u.shape[1] + 1, np.float64)
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            track_level(drive[f, s], level_rule, level[s], sums)
            carry(retention, threshold, hard, level[s], u[s], a[s])
            for i in range(drive.shape[2]):
                m[s, i] *= retention[i]
            for _ in range(iterations):
                lcadam_step(drive[f, s], band, threshold, hard, moments, level[s], u[s], m[s], v[s], a[s], du)
            copy(a[s], out[f, s])
            flush(u[s])
            flush(m[s])
            flush(v[s])


@kernel
def wta_process(
    drive: Floats, circuit: Circuit, threshold: Floats, inhibition_threshold: np.float32, rate: np.float32,
    iterations: int, x: Floats, x_n: Floats, out: Floats,
) -> None:  # fmt: skip
    """`wta_step`, `iterations` times a frame, over drive (frames, streams, units)."""
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            for _ in range(iterations):
                wta_step(drive[f, s], circuit, threshold, inhibition_threshold, rate, x[s], x_n[s])
            copy(x[s], out[f, s])
            flush(x[s])
            flush(x_n[s])


@kernel
def wtaconv_process(drive: Floats, wta_rule: WtaRule, iterations: int, x: Floats, x_n: Floats, out: Floats) -> None:
    """`wtaconv_step`, `iterations` times a frame, over drive (frames, streams, units)."""
    sums = np.empty(x.shape[1] + 1, np.float64)
    window, inhibition = np.empty_like(x[0]), np.empty_like(x[0])
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            for _ in range(iterations):
                wtaconv_step(drive[f, s], wta_rule, x[s], x_n[s], sums, window, inhibition)
            copy(x[s], out[f, s])
            flush(x[s])
            flush(x_n[s])


@kernel
def with_phase_of(size: Any, u: Any) -> Any:
    """A number of modulus `size` with the phase (or sign) of u; zero where u is."""
    modulus = math.sqrt(squared_modulus(u))
    return u * np.float32(size / modulus) if modulus > 0 else u * np.float32(0.0)


class PairRoom(NamedTuple):
    """Room for one frame of the pair: errors, inputs, and sums over windows."""

    du: Units
    lca_input: Units
    wta_input: Floats
    window: Floats
    inhibition: Floats
    sums: Doubles


@kernel
def pair_room(lca_state: LcaState, wta_state: WtaState) -> PairRoom:
    """Room for one frame after the other."""
    u, x = lca_state.u[0], wta_state.x[0]
    sums = np.empty(u.size + 1, np.float64)
    return PairRoom(
        np.empty_like(u), np.empty_like(u), np.empty_like(x), np.empty_like(x), np.empty_like(x), sums
    )  # fmt: skip


@kernel
def is_silent(row: Units) -> bool:
    """Whether all of a row is zero."""
    sounding = 0
    for i in range(row.size):
        sounding += row[i] != 0
    return sounding == 0


@kernel
def pair_frame(drive: Units, s: int, pair: PairParts, room: PairRoom, out: Units) -> None:
    """LcAdam ⇄ WtaConv of stream `s` stepped together, `iterations` times, under a frame's drive (units,)."""
    band, lca_rule, wta_rule, flow, lca_state, wta_state = (
        pair.band, pair.lca_rule, pair.wta_rule, pair.flow, pair.lca_state, pair.wta_state
    )  # fmt: skip
    threshold, hard, retention, moments = lca_rule.threshold, lca_rule.hard, lca_rule.retention, lca_rule.moments
    level, u, m, v, a = lca_state.level[s], lca_state.u[s], lca_state.m[s], lca_state.v[s], lca_state.a[s]
    x, x_n, lca_input, wta_input = wta_state.x[s], wta_state.x_n[s], room.lca_input, room.wta_input
    track_level(drive, pair.level_rule, level, room.sums)
    carry(retention, threshold, hard, level, u, a)
    for i in range(u.size):
        m[i] *= retention[i]
    rests = is_silent(drive) and is_silent(u) and is_silent(a) and is_silent(m) and is_silent(v)
    rests = rests and is_silent(x) and is_silent(x_n)
    for _ in range(0 if rests else pair.iterations):  # what rests and is not driven stays as it is
        for i in range(u.size):
            fed_back = with_phase_of(flow[0, 1] * x[i], u[i])
            lca_input[i] = drive[i] + flow[0, 0] * a[i] + fed_back
            wta_input[i] = flow[1, 0] * np.float32(math.sqrt(squared_modulus(u[i]))) + flow[1, 1] * x[i]
        lcadam_step(lca_input, band, threshold, hard, moments, level, u, m, v, a, room.du)
        wtaconv_step(wta_input, wta_rule, x, x_n, room.sums, room.window, room.inhibition)
    if pair.winners:
        copy(x, out)
    else:
        copy(a, out)
    flush(u)
    flush(m)
    flush(v)
    flush(x)
    flush(x_n)


@kernel
def pair_process(
    drive: Units, band: Units, lca_rule: LcaRule, level_rule: LevelRule, wta_rule: WtaRule, flow: Floats,
    iterations: int, winners: bool, lca_state: LcaState, wta_state: WtaState, out: Units,
) -> None:  # fmt: skip
    """`pair_frame` over drive (frames, streams, units).

    flow: (2, 2) gains; winners: whether x comes out, or a.
    """
    pair = PairParts(
        band, lca_rule, level_rule, wta_rule, flow, iterations, winners, lca_state, wta_state
    )  # fmt: skip
    room = pair_room(lca_state, wta_state)
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            pair_frame(drive[f, s], s, pair, room, out[f, s])
