"""What the kernels must agree with: slow and obvious loops over Python's own numbers."""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Number = Any
"""float or complex."""


def filterbank(audio: Sequence[float], sample_rate: float, center_hz: float, bandwidth_hz: float, order: int, hop: int):
    """One channel; a list of (outputs of all stages, mean power, instantaneous frequency in Hz), one per hop."""
    f = math.factorial
    a = math.pi * f(2 * order - 2) * 2 ** -(2 * order - 2) / f(order - 1) ** 2
    damping = math.exp(-2 * math.pi * bandwidth_hz / (a * sample_rate))
    carrier = cmath.exp(2j * math.pi * center_hz / sample_rate)
    stages, before, energy, frames = [0j] * order, 0j, 0.0, []
    for n, sample in enumerate(audio, start=1):
        before, x = stages[-1], 2 * sample
        for g in range(order):
            stages[g] = damping * carrier * stages[g] + (1 - damping) * x
            x = stages[g]
        energy += abs(stages[-1]) ** 2
        if n % hop == 0:
            advance = cmath.phase(stages[-1] * before.conjugate() * carrier.conjugate())
            frames.append((list(stages), energy / hop, center_hz + advance * sample_rate / (2 * math.pi)))
            energy = 0.0
    return frames


def shrink(u: Number, threshold: float, hard: bool) -> Number:
    """T_λ(u)."""
    if isinstance(u, complex):
        if abs(u) <= threshold:
            return 0j
        return u if hard else u / abs(u) * (abs(u) - threshold)
    if u <= threshold:
        return 0.0
    return u if hard else u - threshold


@dataclass
class Rule:
    """Constants of a layer; those that a layer does not have stay unused."""

    G: Any = None
    threshold: list[float] = field(default_factory=list)
    hard: bool = False
    retention: list[Number] = field(default_factory=list)
    iterations: int = 1
    rate: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0
    eta: float = 0.0
    epsilon: float = 0.0
    level_decay: float = 0.0
    level_half_width: int = 0
    alpha: float = 0.0
    conductance: float = 1.0
    inhibition_threshold: float = 0.0
    half_width: list[int] = field(default_factory=list)


State = dict[str, Any]


def lca_error(rule: Rule, b: list[Number], u: list[Number], a: list[Number]) -> list[Number]:
    """b − u − G a."""
    units = range(len(b))
    return [b[i] - u[i] - sum(rule.G[i][j] * a[j] for j in units) for i in units]


def levels(rule: Rule, b: list[Number], before: list[float]) -> list[float]:
    """Root of the power in the window around each unit, falling slowly."""
    units, h = range(len(b)), rule.level_half_width
    here = [math.sqrt(sum(abs(b[j]) ** 2 for j in units if abs(j - i) <= h)) for i in units]
    return [max(here[i], rule.level_decay * before[i], 1e-20) for i in units]


def activations(rule: Rule, u: list[Number], level: list[float]) -> list[Number]:
    return [shrink(u[i], rule.threshold[i] * level[i], rule.hard) for i in range(len(u))]


def begin_frame(rule: Rule, state: State, b: list[Number]) -> None:
    """What happens once a frame, before the steps: the level, the turn and leak of the memory."""
    units = range(len(b))
    state["level"] = levels(rule, b, state["level"]) if "level" in state else [1.0 for _ in units]
    state["u"] = [state["u"][i] * rule.retention[i] for i in units]
    if "m" in state:
        state["m"] = [state["m"][i] * rule.retention[i] for i in units]
    state["a"] = activations(rule, state["u"], state["level"])


def lca_step(rule: Rule, state: State, b: list[Number]) -> None:
    du = lca_error(rule, b, state["u"], state["a"])
    state["u"] = [u + rule.rate * d for u, d in zip(state["u"], du, strict=True)]
    state["a"] = activations(rule, state["u"], state["level"])


def lca_rms_step(rule: Rule, state: State, b: list[Number]) -> None:
    du = lca_error(rule, b, state["u"], state["a"])
    for i in range(len(b)):
        L = state["level"][i]
        state["v"][i] = rule.beta2 * state["v"][i] + (1 - rule.beta2) * abs(du[i]) ** 2
        state["u"][i] += rule.eta * L * du[i] / (math.sqrt(state["v"][i]) + rule.epsilon * L)
    state["a"] = activations(rule, state["u"], state["level"])


def lcadam_step(rule: Rule, state: State, b: list[Number]) -> None:
    du = lca_error(rule, b, state["u"], state["a"])
    for i in range(len(b)):
        L = state["level"][i]
        state["m"][i] = rule.beta1 * state["m"][i] + (1 - rule.beta1) * du[i]
        state["v"][i] = rule.beta2 * state["v"][i] + (1 - rule.beta2) * abs(du[i]) ** 2
        corrected_m, corrected_v = state["m"][i] / rule.beta1, state["v"][i] / rule.beta2
        state["u"][i] += rule.eta * L * corrected_m / (math.sqrt(corrected_v) + rule.epsilon * L)
    state["a"] = activations(rule, state["u"], state["level"])


def lca_frame(step: Any, rule: Rule, state: State, b: list[Number]) -> State:
    """One frame of Lca, LcaRms or LcAdam, by its step."""
    begin_frame(rule, state, b)
    for _ in range(rule.iterations):
        step(rule, state, b)
    return state


def wta_step(rule: Rule, state: State, drive: list[float]) -> None:
    """All units in one window with one inhibitory unit."""
    x, x_n = state["x"], state["x_n"][0]
    excitation = [max(0.0, drive[i] + rule.alpha * x[i] - rule.beta1 * x_n - rule.threshold[i]) for i in range(len(x))]
    fed = max(0.0, rule.beta2 * sum(x) - rule.inhibition_threshold)
    state["x"] = [x[i] + rule.rate * (excitation[i] - rule.conductance * x[i]) for i in range(len(x))]
    state["x_n"] = [x_n + rule.rate * (fed - rule.conductance * x_n)]


def wtaconv_step(rule: Rule, state: State, drive: list[float]) -> None:
    """An inhibitory unit for the window around each unit."""
    x, x_n, units = state["x"], state["x_n"], range(len(drive))
    excitation = [max(0.0, drive[i] + rule.alpha * x[i] - rule.beta1 * x_n[i] - rule.threshold[i]) for i in units]
    windows = [sum(x[j] for j in units if abs(j - i) <= rule.half_width[i]) for i in units]
    fed = [max(0.0, rule.beta2 * windows[i] - rule.inhibition_threshold) for i in units]
    state["x"] = [x[i] + rule.rate * (excitation[i] - rule.conductance * x[i]) for i in units]
    state["x_n"] = [x_n[i] + rule.rate * (fed[i] - rule.conductance * x_n[i]) for i in units]


def wta_frame(step: Any, rule: Rule, state: State, drive: list[float]) -> State:
    for _ in range(rule.iterations):
        step(rule, state, drive)
    return state


def with_phase_of(size: float, u: Number) -> Number:
    return 0.0 * u if u == 0 else size * u / abs(u)


def pair_frame(
    lca: Rule, wta: Rule, flow: Any, iterations: int, state: dict[str, State], b: list[Number]
) -> dict[str, State]:
    """LcAdam ⇄ WtaConv: each hears what the other was before the step."""
    up, down = state["lcadam"], state["wta"]
    begin_frame(lca, up, b)
    for _ in range(iterations):
        u, a, x = list(up["u"]), list(up["a"]), list(down["x"])
        units = range(len(b))
        to_lca = [b[i] + flow[0][0] * a[i] + with_phase_of(flow[0][1] * x[i], u[i]) for i in units]
        to_wta = [flow[1][0] * abs(u[i]) + flow[1][1] * x[i] for i in units]
        lcadam_step(lca, up, to_lca)
        wtaconv_step(wta, down, to_wta)
    return state


def lasso(W: Any, y: Any, threshold: Sequence[float], *, sweeps: int = 20000, tolerance: float = 1e-14) -> list[Number]:
    """min ½‖y − Wa‖² + Σ λ_j |a_j| by coordinate descent; unit-norm columns; real W: over a ≥ 0."""
    columns = [[row[j] for row in W] for j in range(len(W[0]))]
    a, rest = [0 * columns[0][0]] * len(columns), list(y)
    for _ in range(sweeps):
        change = 0.0
        for j, w in enumerate(columns):
            pull = a[j] + sum(c.conjugate() * r for c, r in zip(w, rest, strict=True))
            new = shrink(pull, threshold[j], hard=False)
            rest = [r - c * (new - a[j]) for c, r in zip(w, rest, strict=True)]
            change, a[j] = max(change, abs(new - a[j])), new
        if change < tolerance:
            break
    return a
