"""The origin's first and third claim over several smears and draws: how long Lca takes, and whether LcAdam ends there.

Constants are chosen once for each smear, on other tones than they are measured on.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.dynamics.measure import (
    COLD_BUDGET,
    LCA_BUDGET,
    TUNING_FRAMES,
    Trace,
    likeness,
    solve_exactly,
    trace,
    tune,
)
from benchmarks.dynamics.problem import Frame, Problem, problems
from benchmarks.dynamics.solvers import Setting, build
from benchmarks.results import Cell, Results, Table

SMEARS_ERB = (0.5, 0.75, 1.0)
"""Bandwidths of the filters."""

DRAWS = 8
FIRST_DRAW, FIRST_TUNED = 2000, 3000
"""Seeds: those of the draws, and of the frames that constants are chosen on."""


def settle(setting: Setting, problem: Problem, frames: list[Frame], optima: list[float]) -> list[Trace]:
    """Each frame from zero."""
    solver, runs = build(setting, problem), []
    for frame, optimum in zip(frames, optima, strict=True):
        solver.reset()
        runs.append(trace(solver, problem, frame, optimum, LCA_BUDGET if setting.rule == "Lca" else COLD_BUDGET))
    return runs


def over_draws(counts: list[int | None]) -> str:
    """Median (least to most) of counts, where those that never came are told."""
    numbers = np.array([math.inf if count is None else count for count in counts])
    words = [f"{value:.0f}" if math.isfinite(value) else "never" for value in (np.median(numbers), *np.sort(numbers))]
    return f"{words[0]} ({words[1]} to {words[-1]})"


def rows(problem: Problem, smear: float) -> dict[str, dict[str, Cell]]:
    """One row of the table for each rule."""
    other = [problem.frames(1, FIRST_TUNED + n)[0] for n in range(TUNING_FRAMES)]
    optima = solve_exactly(problem, other).value
    frames = [problem.frames(1, FIRST_DRAW + n)[0] for n in range(DRAWS)]
    exact = solve_exactly(problem, frames)
    name = f"{smear:g}, {problem.name} ({problem.correlation:.3f})"
    found: dict[str, dict[str, Cell]] = {
        f"{name}: LARS": {
            "constants": "",
            "1 %": over_draws(list(exact.steps)),
            "support": "the same",
            "gap at the end": "0",
            "cosine, scale, rest": "1, 1, 0",
        }
    }
    for rule in ("Lca", "LcAdam"):
        settings = tune(rule, problem, other, optima)
        runs = [settle(setting, problem, frames, exact.value) for setting in settings]
        gap = float(np.median([run.gap[-1] for run in runs[0]]))
        ends = [likeness(run.last, best) for run, best in zip(runs[0], exact.a, strict=True)]
        alike = np.median(ends, axis=0)
        found[f"{name}: {rule}"] = {
            "constants": "; ".join(map(str, settings)),
            "1 %": over_draws([run.close() for run in runs[0]]),
            "support": over_draws([run.near() for run in runs[-1]]),
            "gap at the end": "< 1e-06" if gap < 1e-6 else f"{gap:.0e}",
            "cosine, scale, rest": f"{alike[0]:.4f}, {alike[1]:.3f}, {alike[2]:.3f}",
        }
    return found


def main() -> None:
    """Measure all smears."""
    with Results("dynamics.claims") as results:
        found: dict[str, dict[str, Cell]] = {}
        for smear in SMEARS_ERB:
            for problem in problems(smear):
                found |= rows(problem, smear)
        results.tables["claims"] = Table(found, corner="filters, ERB; fields: rule")


if __name__ == "__main__":
    main()
