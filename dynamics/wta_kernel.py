"""One step of the winner-take-all circuits, and the loops that run them over frames and streams. No validation here."""

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .rules import Circuit, WtaRule
from .unit_kernel import SMALLEST_AMPLITUDE, copy, flush


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
            flush(x[s], SMALLEST_AMPLITUDE)
            flush(x_n[s], SMALLEST_AMPLITUDE)


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
            flush(x[s], SMALLEST_AMPLITUDE)
            flush(x_n[s], SMALLEST_AMPLITUDE)
