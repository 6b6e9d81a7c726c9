"""The table, the numbers as JSON, and the picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.dynamics.measure import Exact, Result, Trace, middle
from benchmarks.dynamics.problem import Problem, support

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


def markdown(problem: Problem, exact: Exact, results: list[Result]) -> str:
    """One problem's table: medians over frames, with the frames that got there where not all did."""
    lines = [
        f"### {problem.name}",
        "",
        f"Correlation of neighbouring atoms {problem.correlation:.3f} (median), λmax(WᵀW) "
        f"{problem.largest_eigenvalue:.1f}; duality gap of LARS at most {max(exact.gap):.0e}.",
        "",
        "| rule | constants | cold: 1 % · ms | cold: support · ms | warm: 1 % · ms | warm: support · ms | µs/iteration "
        "| gap at the end | support at the end | atoms | cosine | scale | rest |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        f"| LARS | exact | {np.median(exact.steps):.0f}{_ms(float(np.median(exact.us)))} | the same | | | "
        f"{np.median(np.divide(exact.us, exact.steps)):.0f} | 0 | {np.median(exact.distance):.0f} | "
        f"{np.median([support(a).size for a in exact.a]):.0f} | 1 | 1 | 0 |",
    ]
    for result in results:
        cells = [result.setting.rule, str(result.setting)]
        for traces, times in ((result.cold, result.cold_us), (result.warm, result.warm_us)):
            cells.append(_count(traces, Trace.close) + _ms(times["close"]))
            cells.append(_count(traces, Trace.near) + _ms(times["near"]))
        end = float(np.median([run.gap[-1] for run in result.cold]))
        far = float(np.median([run.distance[-1] for run in result.cold]))
        atoms = float(np.median([support(run.last).size for run in result.cold]))
        cells += [f"{result.iteration_us:.1f}", "< 1e-06" if end < 1e-6 else f"{end:.0e}", f"{far:.0f}", f"{atoms:.0f}"]
        cells += [f"{result.cosine:.4f}", f"{result.scale:.3f}", f"{result.rest:.3f}"]
        lines.append(f"| {' | '.join(cells)} |")
    worst = max(exact.distance)
    return "\n".join([*lines, "", f"LARS: support within {worst:g} grid step(s) of the tones in every frame."])


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


def write(measured: list[tuple[Problem, Exact, list[Result]]], out: Path) -> str:
    """Write dynamics.md, dynamics.json and dynamics.png to `out`; the Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(markdown(*part) for part in measured)
    (out / "dynamics.md").write_text(text + "\n", encoding="utf-8")
    rows = [
        {
            "problem": result.problem,
            "rule": result.setting.rule,
            "constants": str(result.setting),
            **{
                f"{start}_{goal}": [getattr(run, goal)() for run in traces]
                for start, traces in (("cold", result.cold), ("warm", result.warm))
                for goal in ("close", "near")
            },
            "cold_us": result.cold_us,
            "warm_us": result.warm_us,
            "gap": [run.gap[-1] for run in result.cold],
            "iteration_us": result.iteration_us,
            "cosine": result.cosine,
            "rest": result.rest,
            "scale": result.scale,
        }
        for _, _, results in measured
        for result in results
    ]
    (out / "dynamics.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    picture(measured, out / "dynamics.png")
    return text
