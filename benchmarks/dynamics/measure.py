"""Counting iterations: traces over checkpoints, the best constants of each rule, and time."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.dynamics.problem import Floats, Frame, Problem, duality_gap, objective, support, support_distance
from benchmarks.dynamics.solvers import Setting, Solver, build, lars

CLOSE, NEAR = 0.01, 1.0
"""Reached: objective within 1 % of the optimum; support within one grid step of the tones."""
PER_DECADE = 16
COLD_FRAMES, WARM_FRAMES = 5, 10
LCA_BUDGET, COLD_BUDGET, WARM_BUDGET, TUNING_BUDGET = 200_000, 30_000, 5_000, 4_000
FISTA_BUDGET = 10_000
TUNING_FRAMES = 3

RATES = (0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6)
GRADIENT_RATES = (0.03, 0.05, 0.07, 0.1, 0.2, 0.4, 1.0, 3.0)
"""η/ε: the rate of LcaRms and LcAdam once errors are small."""
PAIR_RATES = (0.05, 0.1, 0.2, 1.0)
EPSILONS = (0.003, 0.01, 0.1, 1.0)
ETAS_ALONE = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03)
"""For the rule without ε."""
PAIR_BACKS = {"LcAdam + WtaConv": (0.1, -0.1), "LcAdam + WtaConv, weak": (0.01,)}
HALF_WIDTHS = (1, 2)


@dataclass(frozen=True)
class Trace:
    """What a solver had reached after so many iterations on one frame."""

    iterations: list[int]
    gap: list[float]
    distance: list[float]
    last: Floats

    def close(self) -> int | None:
        """Iterations from which on the objective stays within `CLOSE`."""
        return self._settled([gap <= CLOSE for gap in self.gap])

    def near(self) -> int | None:
        """Iterations from which on the support stays within `NEAR`."""
        return self._settled([distance <= NEAR for distance in self.distance])

    def _settled(self, good: list[bool]) -> int | None:
        tail = len(list(itertools.takewhile(bool, reversed(good))))
        return self.iterations[-tail] if tail else None


@dataclass
class Result:
    """One rule on one problem; lists have one entry per frame, None where it was not reached."""

    problem: str
    setting: Setting
    cold: list[Trace] = field(default_factory=list)
    warm: list[Trace] = field(default_factory=list)
    cold_us: dict[str, float | None] = field(default_factory=dict)
    warm_us: dict[str, float | None] = field(default_factory=dict)
    iteration_us: float = 0.0
    cosine: float = 0.0
    scale: float = 0.0
    rest: float = 0.0


@dataclass
class Exact:
    """LARS on the frames: its optimum, duality gap, steps, time, and support distance."""

    a: list[Floats]
    value: list[float]
    gap: list[float]
    steps: list[int]
    us: list[float]
    distance: list[float]


def checkpoints(budget: int) -> list[int]:
    """Numbers of iterations, evenly spaced in their logarithm, at which a trace looks."""
    return sorted({round(n) for n in np.geomspace(1, budget, round(PER_DECADE * math.log10(budget)) + 1)})


def trace(solver: Solver, problem: Problem, frame: Frame, optimum: float, budget: int) -> Trace:
    """Iterate from the present state and look at every checkpoint."""
    solver.load(frame)
    points, gaps, distances = checkpoints(budget), [], []
    done, a = 0, np.zeros(0)
    for point in points:
        a = solver.advance(point - done)
        done = point
        value = objective(problem, frame, a) if np.isfinite(a).all() else math.inf
        gaps.append(value / optimum - 1)
        distances.append(support_distance(support(a), frame.tones) if math.isfinite(value) else math.inf)
    return Trace(points, gaps, distances, a)


def middle(counts: list[int | None]) -> int | None:
    """The median, where what was not reached counts as infinite."""
    value = float(np.median([math.inf if count is None else count for count in counts]))
    return round(value) if math.isfinite(value) else None


def solve_exactly(problem: Problem, frames: list[Frame]) -> Exact:
    """LARS, timed as the best of three."""
    exact = Exact([], [], [], [], [], [])
    for frame in frames:
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            a, steps = lars(problem, frame)
            seconds.append(time.perf_counter() - start)
        exact.a.append(a)
        exact.value.append(objective(problem, frame, a))
        exact.gap.append(duality_gap(problem, frame, a))
        exact.steps.append(steps)
        exact.us.append(1e6 * min(seconds))
        exact.distance.append(support_distance(support(a), frame.tones))
    return exact


def candidates(rule: str) -> list[Setting]:
    """The constants tried for a rule."""
    if rule == "Lca":
        return [Setting(rule, rate=rate) for rate in RATES]
    if rule == "FISTA":
        return [Setting(rule)]
    rates = PAIR_RATES if rule in PAIR_BACKS else GRADIENT_RATES
    steps = [(round(rate * epsilon, 6), epsilon) for rate in rates for epsilon in EPSILONS]
    if rule == "LcAdam, no ε":
        return [Setting(rule, eta=eta, epsilon=1e-6) for eta in ETAS_ALONE]
    if rule in PAIR_BACKS:
        return [
            Setting(rule, eta=eta, epsilon=epsilon, back=back, half_width=half_width)
            for (eta, epsilon), back, half_width in itertools.product(steps, PAIR_BACKS[rule], HALF_WIDTHS)
        ]
    return [Setting(rule, eta=eta, epsilon=epsilon) for eta, epsilon in steps]


def tune(rule: str, problem: Problem, frames: list[Frame], optima: list[float]) -> list[Setting]:
    """The constants that reach the objective soonest and those that reach the support soonest; one, where they agree.

    Means of the logarithms of the counts; what is not reached counts as ten budgets, and the other goal decides ties.
    """
    choices = candidates(rule)
    if len(choices) == 1:
        return choices
    close, near, last = [], [], []
    for setting in choices:
        solver, counts, gaps = build(setting, problem), np.zeros((len(frames), 2)), []
        for counted, frame, optimum in zip(counts, frames, optima, strict=True):
            solver.reset()
            run = trace(solver, problem, frame, optimum, TUNING_BUDGET)
            counted[:] = [math.log(10 * TUNING_BUDGET if n is None else n) for n in (run.close(), run.near())]
            gaps.append(run.gap[-1])
        close.append(float(counts[:, 0].mean()))
        near.append(float(counts[:, 1].mean()))
        last.append(max(gaps))
    by_goal = [
        min(zip(*key, choices, strict=True), key=lambda row: row[:3])[3]
        for key in ((close, near, last), (near, close, last))
    ]
    return list(dict.fromkeys(by_goal))


def measure(setting: Setting, problem: Problem, frames: list[Frame], exact: Exact) -> Result:
    """Cold traces of the first frames, warm traces of all after the first, times, and the likeness to the optimum."""
    result = Result(problem.name, setting)
    fista = setting.rule == "FISTA"
    cold_budget = {"FISTA": FISTA_BUDGET, "Lca": LCA_BUDGET}.get(setting.rule, COLD_BUDGET)
    warm_budget = FISTA_BUDGET if fista else WARM_BUDGET
    solver = build(setting, problem)
    solver.load(frames[0])
    solver.advance(1)
    stride = len(frames) // COLD_FRAMES
    for frame, optimum in zip(frames[::stride], exact.value[::stride], strict=True):
        solver.reset()
        result.cold.append(trace(solver, problem, frame, optimum, cold_budget))
    solver.reset()
    solver.load(frames[0])
    start = time.perf_counter()
    solver.advance(cold_budget)
    result.iteration_us = 1e6 * (time.perf_counter() - start) / cold_budget
    for frame, optimum in zip(frames, exact.value, strict=True):
        result.warm.append(trace(solver, problem, frame, optimum, warm_budget))
    result.warm = result.warm[1:]
    for what in ("close", "near"):
        for traces, times, first in ((result.cold, result.cold_us, None), (result.warm, result.warm_us, frames[0])):
            count = middle([getattr(run, what)() for run in traces])
            times[what] = None if count is None else _time(solver, count, first, frames[1], warm_budget)
    a = result.cold[0].last
    if np.isfinite(a).all() and a.any():
        result.cosine, result.scale, result.rest = likeness(a, exact.a[0])
    return result


def likeness(a: Floats, best: Floats) -> tuple[float, float, float]:
    """Cosine of an activity with the optimum b, the factor c that fits best, and ``‖c a − b‖ / ‖b‖``."""
    scale = float(a @ best / (a @ a))
    cosine = float(a @ best / np.linalg.norm(a) / np.linalg.norm(best))
    return cosine, scale, float(np.linalg.norm(scale * a - best) / np.linalg.norm(best))


def _time(solver: Solver, steps: int, before: Frame | None, frame: Frame, budget: int) -> float:
    """Microseconds of `steps` in one call, best of three (of one, where it takes long)."""
    best = math.inf
    for _ in range(3 if steps < 5000 else 1):
        solver.reset()
        if before is not None:
            solver.load(before)
            solver.advance(budget)
        solver.load(frame)
        start = time.perf_counter()
        solver.advance(steps)
        best = min(best, 1e6 * (time.perf_counter() - start))
    return best
