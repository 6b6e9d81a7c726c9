"""Command line of the dynamics benchmark: `python -m benchmarks.dynamics`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dynamics.measure import TUNING_FRAMES, WARM_FRAMES, measure, solve_exactly, tune
from benchmarks.dynamics.problem import problems
from benchmarks.dynamics.report import COLORS, picture, table
from benchmarks.results import WRITTEN, Results

TUNING_SEED = 1000
"""Added to the seed: constants are chosen on other tones than they are measured on."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dynamics", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="another one is another sequence of tones")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for dynamics.json and the picture")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 on success."""
    options = _parser().parse_args(arguments)
    start = time.perf_counter()

    def log(message: str) -> None:
        print(f"[{time.perf_counter() - start:6.0f} s] {message}", file=sys.stderr, flush=True)

    measured = []
    with Results("dynamics", options.out, arguments) as kept:
        for problem in problems():
            # Unrelated tones, one frame each, to choose on.
            other = [problem.frames(1, options.seed + TUNING_SEED + n)[0] for n in range(TUNING_FRAMES)]
            optima = solve_exactly(problem, other).value
            frames = problem.frames(WARM_FRAMES, options.seed)
            exact = solve_exactly(problem, frames)
            results = []
            for rule in COLORS:
                for setting in tune(rule, problem, other, optima):
                    results.append(measure(setting, problem, frames, exact))
                    log(f"{problem.name}: {rule}, {setting}")
            measured.append((problem, exact, results))
            kept.tables[problem.name] = table(problem, exact, results)
        options.out.mkdir(parents=True, exist_ok=True)
        picture(measured, options.out / "dynamics.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
