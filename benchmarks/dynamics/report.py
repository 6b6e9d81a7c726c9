"""The tables and the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.dynamics.measure import Exact, Result, Trace, middle
from benchmarks.dynamics.problem import Problem, support
from benchmarks.results import Cell, Table

COLORS = {
    "FISTA": "0.6",
    "Lca": "C3",
    "LcaRms": "C1",
    "LcAdam": "C0",
    "LcAdam, no ε": "C9",
    "LcAdam + WtaConv": "C2",
    "LcAdam + WtaConv, weak": "C8",
}


def _count(traces: list[Trace], reached: Callable[[Trace], int | None]) -> str:
    counts = [reached(run) for run in traces]
    whole = middle(counts)
    hits = sum(count is not None for count in counts)
    if whole is None:
        return f"> {traces[0].iterations[-1]} ({hits}/{len(counts)})"
    return f"{whole}" if hits == len(counts) else f"{whole} ({hits}/{len(counts)})"


def _ms(value: float | None) -> str:
    return "" if value is None else f" · {value / 1e3:.1f}"


def table(problem: Problem, exact: Exact, results: list[Result]) -> Table:
    """One problem's: medians over frames, with the frames that got there where not all did."""
    starts = ("cold: 1 % · ms", "cold: support · ms", "warm: 1 % · ms", "warm: support · ms")
    rows: dict[str, dict[str, Cell]] = {
        "LARS": {
            starts[0]: f"{np.median(exact.steps):.0f}{_ms(float(np.median(exact.us)))}",
            starts[1]: "the same",
            **dict.fromkeys(starts[2:], ""),
            "µs/iteration": float(np.median(np.divide(exact.us, exact.steps))),
            "gap at the end": "0",
            "support at the end": round(float(np.median(exact.distance))),
            "atoms": round(float(np.median([support(a).size for a in exact.a]))),
            "cosine": 1.0,
            "scale": 1.0,
            "rest": 0.0,
        }
    }
    for result in results:
        cells: list[Cell] = []
        for traces, times in ((result.cold, result.cold_us), (result.warm, result.warm_us)):
            cells.append(_count(traces, Trace.close) + _ms(times["close"]))
            cells.append(_count(traces, Trace.near) + _ms(times["near"]))
        end = float(np.median([run.gap[-1] for run in result.cold]))
        rows[f"{result.setting.rule}: {result.setting}"] = {
            **dict(zip(starts, cells, strict=True)),
            "µs/iteration": result.iteration_us,
            "gap at the end": "< 1e-06" if end < 1e-6 else f"{end:.0e}",
            "support at the end": round(float(np.median([run.distance[-1] for run in result.cold]))),
            "atoms": round(float(np.median([support(run.last).size for run in result.cold]))),
            "cosine": result.cosine,
            "scale": result.scale,
            "rest": result.rest,
        }
    title = (
        f"{problem.name}: correlation of neighbouring atoms {problem.correlation:.3f} (median), λmax(WᵀW) "
        f"{problem.largest_eigenvalue:.1f}; duality gap of LARS at most {max(exact.gap):.0e}; its support within "
        f"{max(exact.distance):g} grid step(s) of the tones in every frame"
    )
    return Table(rows, {"": ".3f", "µs/iteration": ".1f", "cosine": ".4f"}, "rule: constants", title)


def picture(measured: list[tuple[Problem, Exact, list[Result]]], path: Path) -> None:
    """Gap to the optimum, cold, over iterations: the median over frames; a dot where the support is right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # drawn on demand only
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(measured), sharey=True, squeeze=False)[0]
    for axes, (problem, exact, results) in zip(panels, measured, strict=True):
        drawn: set[str] = set()
        for result in results:
            rule = result.setting.rule
            points = np.array(result.cold[0].iterations)
            gap = np.maximum(np.median([run.gap for run in result.cold], axis=0), 1e-8)
            style = "--" if rule in drawn else "-"
            axes.loglog(points, gap, style, color=COLORS[rule], lw=1.4, label=f"{rule}: {result.setting}")
            near = middle([run.near() for run in result.cold])
            if near is not None:
                axes.plot(near, gap[np.searchsorted(points, near).clip(0, len(gap) - 1)], "o", color=COLORS[rule], ms=6)
            drawn.add(rule)
        axes.axhline(0.01, color="k", lw=0.7, ls=":")
        axes.axvline(float(np.median(exact.steps)), color="k", lw=0.7, ls=":")
        axes.set(xlabel="iterations (vertical line: steps of LARS)", ylim=(1e-7, 100), title=problem.name)
        axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    panels[0].set_ylabel("objective / optimum − 1")
    figure.suptitle("Cold start, median of frames; dots: support right from here on", fontsize=10)
    figure.savefig(path, dpi=80)
