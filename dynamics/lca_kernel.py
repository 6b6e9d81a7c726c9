"""One step of the locally competitive layers, and the loops that run them over frames and streams. No validation here.

A step works on one stream: 1-D arrays over units, real (then activations are non-negative) or complex (then the
modulus is thresholded and the phase kept). Each equation stands here once; layers and networks compose the steps.
"""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from sharpear.compiler import Doubles, Floats, Units, kernel

from .rules import AdamMoments, LevelRule, RmsMoments
from .unit_kernel import SMALLEST_AMPLITUDE, SMALLEST_POWER, copy, flush, squared_modulus

SMALLEST_LEVEL = np.float32(1e-20)
"""Levels never fall below this, for they are divided by."""


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
def carry(retention: Units, threshold: Floats, hard: bool, level: Floats, u: Units, a: Units) -> None:
    """Bring the potential to the next frame, ``u ← r u``: a leak |r| and, for complex units, a turn of their phase."""
    for i in range(u.size):
        u[i] *= retention[i]
        a[i] = shrink(u[i], threshold[i] * level[i], hard)


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
            flush(u[s], SMALLEST_AMPLITUDE)


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
            flush(u[s], SMALLEST_AMPLITUDE)
            flush(v[s], SMALLEST_POWER)


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
            flush(u[s], SMALLEST_AMPLITUDE)
            flush(m[s], SMALLEST_AMPLITUDE)
            flush(v[s], SMALLEST_POWER)
