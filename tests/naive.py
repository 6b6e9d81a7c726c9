"""What the kernels must agree with: slow and obvious loops over Python's own numbers."""

import cmath
import itertools
import math
from collections.abc import Mapping, Sequence
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
    shape: tuple[int, ...] = ()
    whole_window: bool = False


State = dict[str, Any]


def around(i: int, half_width: int, units: int) -> range:
    """The units up to `half_width` from i."""
    return range(max(0, i - half_width), min(units, i + half_width + 1))


def lca_error(rule: Rule, b: list[Number], u: list[Number], a: list[Number]) -> list[Number]:
    """b − u − G a."""
    units, active = range(len(b)), [j for j in range(len(b)) if a[j] != 0]
    return [b[i] - u[i] - sum(rule.G[i][j] * a[j] for j in active) for i in units]


def levels(rule: Rule, b: list[Number], before: list[float]) -> list[float]:
    """Root of the power in the window around each unit, falling slowly."""
    units, h = range(len(b)), rule.level_half_width
    here = [math.sqrt(sum(abs(b[j]) ** 2 for j in around(i, h, len(b)))) for i in units]
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


def window(rule: Rule, i: int) -> list[int]:
    """The units in the box around unit i of a grid; half widths one per unit, or along several axes one per axis."""
    if len(rule.shape) < 2:
        return list(around(i, rule.half_width[i], len(rule.threshold)))
    places = list(itertools.product(*map(range, rule.shape)))
    near = lambda p: all(abs(a - b) <= h for a, b, h in zip(p, places[i], rule.half_width, strict=True))  # noqa: E731
    return [j for j, place in enumerate(places) if near(place)]


def wtaconv_step(rule: Rule, state: State, drive: list[float]) -> None:
    """An inhibitory unit for the window around each unit, which inhibits that window or its centre."""
    x, x_n, units = state["x"], state["x_n"], range(len(drive))
    inhibition = [sum(x_n[j] for j in window(rule, i)) if rule.whole_window else x_n[i] for i in units]
    excited = [drive[i] + rule.alpha * x[i] - rule.beta1 * inhibition[i] - rule.threshold[i] for i in units]
    fed = [rule.beta2 * sum(x[j] for j in window(rule, i)) - rule.inhibition_threshold for i in units]
    state["x"] = [x[i] + rule.rate * (max(0.0, excited[i]) - rule.conductance * x[i]) for i in units]
    state["x_n"] = [x_n[i] + rule.rate * (max(0.0, fed[i]) - rule.conductance * x_n[i]) for i in units]


def wta_frame(step: Any, rule: Rule, state: State, drive: list[float]) -> State:
    for _ in range(rule.iterations):
        step(rule, state, drive)
    return state


def divisive_step(
    W: Sequence[Sequence[float]], total: Sequence[float], feedback: float, epsilon: float, rate: float, rest: float,
    a: list[float], y: Sequence[float],
) -> dict[str, list[float]]:  # fmt: skip
    """Divisive input modulation (Spratling 2008): inputs i pass on what they hold beyond all that is expected of them.

    W[i][j]: the weight from input i to unit j.  Returns the state after the step.
    """
    inputs, units = range(len(W)), range(len(a))
    support = [0.0 for _ in units]
    for i in inputs:
        expected = sum(W[i][k] * a[k] for k in units)
        for j in units:
            own = W[i][j] * a[j]
            support[j] += W[i][j] * y[i] / (epsilon + own + feedback * (expected - own))
    a = [max(a[j] * (support[j] / total[j] + 1e-4) ** rate, rest) for j in units]
    return {"a": a, "support": support, "expected": [sum(W[i][k] * a[k] for k in units) for i in inputs]}


def divisive_frame(steps: int, constants: Mapping[str, Any], state: State, y: list[float]) -> State:
    """Some steps under one input."""
    for _ in range(steps):
        state = {"cell": divisive_step(**constants, a=state["cell"]["a"], y=y)}
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


def nearest(center_hz: Sequence[float], hz: float) -> int:
    """The channel whose centre is nearest."""
    return min(range(len(center_hz)), key=lambda k: abs(center_hz[k] - hz))


def winners(
    activation: Sequence[float],
    half_width: Sequence[int],
    atom_hz: Sequence[float],
    amplitude: Sequence[float],
    hz: Sequence[float],
) -> tuple[list[float], list[float]]:
    """Amplitude and Hz of the atoms that each atom's energy goes to: the strongest claim over ±2 half widths.

    A claim falls with the distance d as 1/(1 + d²); of equal claims the lower atom's counts.
    """
    atoms = range(len(amplitude))
    given: dict[int, list[int]] = {i: [] for i in atoms}
    for j in atoms:
        reach = around(j, 2 * half_width[j], len(amplitude))
        claims = [activation[i] / (1 + (i - j) ** 2) for i in reach]
        if max(claims) > 0:
            given[reach[claims.index(max(claims))]].append(j)
    energy = [sum(amplitude[j] ** 2 for j in given[i]) for i in atoms]
    moment = [sum(amplitude[j] ** 2 * hz[j] for j in given[i]) for i in atoms]
    mean_hz = [moment[i] / energy[i] if energy[i] > 0 else atom_hz[i] for i in atoms]
    return [math.sqrt(e) for e in energy], mean_hz


def split_channel(
    sound: Sequence[float], delay: int, pole: complex, damping: float, order: int, weight: complex, hop: int
) -> tuple[list[float], list[complex], list[float]]:
    """One channel of a splitter: its part of every sample, and its value and mean power at every hop's end."""
    stages, energy, parts, subband, power = [0j] * order, 0.0, [], [], []
    for n in range(len(sound)):
        x: complex = 2 * sound[n - delay] if n >= delay else 0.0
        for g in range(order):
            stages[g] = x = pole * stages[g] + (1 - damping) * x
        parts.append((weight * x).real)
        energy += abs(x) ** 2
        if (n + 1) % hop == 0:
            subband.append(x)
            power.append(energy / hop)
            energy = 0.0
    return parts, subband, power


def mixed(sound: Sequence[float], parts: Any, shares: Any, hop: int, wait: int) -> list[list[float]]:
    """Stems and what is left, `(wait + 1) hop + hop // 2` samples late.

    parts[n][k]; shares[f][i][k], those of frame f coming `wait` frames later, and belonging to the middle of its hop:
    of an odd one, to the sample behind it.
    """
    sources, channels = range(len(shares[0])), range(len(parts[0]))
    late, out = (wait + 1) * hop + hop // 2, []

    def share(frame: int, i: int, k: int) -> float:
        return shares[frame + wait][i][k] if frame + wait >= 0 else 0.0

    for n in range(len(sound)):
        m = n - late
        if m < 0:
            out.append([0.0] * (len(sources) + 1))
            continue
        frame, beyond = divmod(m - (hop + 1) // 2, hop)
        stems = []
        for i in sources:
            stem = 0.0
            for k in channels:
                before, after = share(frame, i, k), share(frame + 1, i, k)
                stem += (before + (after - before) * beyond / hop) * parts[m][k]
            stems.append(stem)
        out.append([*stems, sound[m] - sum(stems)])
    return out


def hann_channel(
    sound: Sequence[float], sample_rate: float, length: int, center_hz: float, damping: float
) -> tuple[float, float]:
    """Power and instantaneous frequency of a Hann window that ends with the sound, by two sums over its samples.

    The window's own slope in place of the window tells the frequency; damping: Np over the window.
    """
    value, slope, area = 0j, 0j, 0.0
    for m in range(length):
        x = sound[len(sound) - 1 - m] if m < len(sound) else 0.0
        turned = x * cmath.exp((2j * math.pi * center_hz / sample_rate - damping / length) * m)
        hann = 0.5 - 0.5 * math.cos(2 * math.pi * m / length)
        value += hann * turned
        slope += math.pi / length * math.sin(2 * math.pi * m / length) * turned
        area += (hann * math.exp(-damping / length * m)) ** 2
    power = 4 / (area * length) * abs(value) ** 2
    return power, center_hz + (slope / value).imag * sample_rate / (2 * math.pi) if value else center_hz


def valleys(power: Sequence[float]) -> list[int]:
    """Where power, having fallen, is lowest before it rises again; of a level floor the first place."""
    places = []
    for k in range(1, len(power) - 1):
        later = [p for p in power[k + 1 :] if p != power[k]]
        if power[k] < power[k - 1] and later and later[0] > power[k]:
            places.append(k)
    return places


@dataclass
class Line:
    """A basin."""

    hz: float
    energy: float
    concentration: float
    spread_hz: float
    peak: int


def basins(power: Sequence[float], moment: Sequence[float], top_hz: float, points: int, most: int = 128) -> list[Line]:
    """Lines of one window in a frame, by frequency."""
    edges, found = [0, *valleys(power), len(power)], []
    for begin, end in itertools.pairwise(edges):
        channels = range(begin, end)
        energy = sum(power[k] for k in channels)
        hz = sum(moment[k] for k in channels) / energy if energy else 0.0
        peak = max(channels, key=lambda k: power[k])
        variance = sum(power[k] * (moment[k] / power[k] - hz) ** 2 for k in channels if power[k]) / (energy or 1.0)
        found.append(Line(hz, energy, 1.5 * points * power[peak] / (energy or 1.0), math.sqrt(variance), peak))
    found = sorted((line for line in found if line.energy >= 1e-19 and 0 < line.hz <= top_hz), key=lambda line: line.hz)
    kept = []
    for line in found:
        around_it = [other.energy for other in found if line.hz <= 2 * other.hz and other.hz <= 2 * line.hz]
        if line.energy >= 1e-5 * max(around_it):
            kept.append(line)
    strongest = sorted(kept, key=lambda line: -line.energy)[:most]
    return [line for line in kept if any(line is other for other in strongest)]
