"""The results as tables, JSON and a picture."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MOVING = ("vibrato", "chirps", "notes", "glides", "pluck", "tremolo")
"""Families, by the beginning of their names, whose motion makes a lag measurable."""
MAX_LAG_MS = 60.0
"""Causal methods later than this are listed apart."""


@dataclass
class Result:
    """Everything measured of one method.

    Attributes:
        causal: whether the method sees no further ahead than its stated latency.
        cents: family -> transport distance of every seed, in cents.
        at_zero_lag: the same, with the stated times taken at their word.
        lag_ms: family -> best lag of every seed, latency included, in ms.
        renyi_bits: family -> Rényi-3 entropy of every seed, in bits.
        spacing_hz: "250 Hz, 0 dB" -> smallest spacing resolved, in Hz.
        precision: frequency errors and their bound, in cents.
        f1: recording -> multi-pitch F1.
        real_time_factor: family -> run time over audio time of every seed, first (compiling) run left out.
    """

    causal: bool = False
    cents: dict[str, list[float]] = field(default_factory=dict)
    at_zero_lag: dict[str, list[float]] = field(default_factory=dict)
    lag_ms: dict[str, list[float]] = field(default_factory=dict)
    renyi_bits: dict[str, list[float]] = field(default_factory=dict)
    spacing_hz: dict[str, float] = field(default_factory=dict)
    precision: dict[str, float] = field(default_factory=dict)
    f1: dict[str, float] = field(default_factory=dict)
    real_time_factor: dict[str, list[float]] = field(default_factory=dict)

    @property
    def moving_lag_ms(self) -> float:
        """Median lag over the signals that move, in ms; NaN when none were run."""
        lags = [lag for family, seeds in self.lag_ms.items() if family.startswith(MOVING) for lag in seeds]
        return float(np.median(lags)) if lags else math.nan

    @property
    def apart(self) -> bool:
        """Whether this is a causal method that comes too late to stand with the others."""
        return self.causal and self.moving_lag_ms > MAX_LAG_MS


Results = dict[str, Result]


def _spread(values: list[float]) -> str:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return f"{np.mean(values):.1f} ± {spread:.1f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(head, widths, strict=True)) + " |"]
    lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        lines.append("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    return "\n".join(lines)


def _kind(result: Result) -> str:
    return "causal" if result.causal else "offline"


def _score_rows(results: Results, families: list[str]) -> list[list[str]]:
    rows = []
    for name, result in results.items():
        if not result.cents:
            continue
        cells = [_spread(result.cents[f]) if f in result.cents else "–" for f in families]
        speed = [factor for seeds in result.real_time_factor.values() for factor in seeds]
        factor = f"{np.median(speed):.3f}" if speed else "–"
        rows.append([name, _kind(result), *cells, f"{result.moving_lag_ms:.0f}", factor])
    return rows


def markdown(results: Results) -> str:
    """All tables, as Markdown."""
    families = list(dict.fromkeys(family for result in results.values() for family in result.cents))
    head = ["method", "kind", *families, "lag ms", "RTF"]
    near = {name: result for name, result in results.items() if not result.apart}
    late = {name: result for name, result in results.items() if result.apart}
    parts = []
    if families:
        parts += ["## Transport distance to the true lines, cents (mean ± spread over seeds, best constant lag)"]
        parts += [_table(head, _score_rows(near, families))]
        parts += ["Lag: median over the moving families, latency included. RTF: run time over audio time, median."]
    if late:
        parts += [f"### Causal, but later than {MAX_LAG_MS:.0f} ms", _table(head, _score_rows(late, families))]
    if families:
        parts += ["## Rényi-3 entropy of a frame, bits (mean over seeds; `truth` is that of the lines)"]
        parts += [_entropy_table(results, families)]
    parts += _small_tables(results)
    return "\n\n".join(parts) + "\n"


def _entropy_table(results: Results, families: list[str]) -> str:
    rows = [
        [name, *(f"{np.mean(result.renyi_bits[f]):.2f}" if f in result.renyi_bits else "–" for f in families)]
        for name, result in results.items()
        if result.renyi_bits
    ]
    return _table(["method", *families], rows)


def _small_tables(results: Results) -> list[str]:
    parts = []
    for title, attribute, digits in (
        ("Smallest resolved spacing of two tones, Hz (centre, level difference)", "spacing_hz", 0),
        ("Frequency error at 30 dB SNR, cents RMS (bound: Cramér–Rao for the method's window)", "precision", 3),
        ("Multi-pitch F1", "f1", 3),
    ):
        tables: dict[str, dict[str, float]] = {name: getattr(result, attribute) for name, result in results.items()}
        columns = list(dict.fromkeys(column for table in tables.values() for column in table))
        rows = [
            [name, *(_number(table.get(column, math.nan), digits) for column in columns)]
            for name, table in tables.items()
            if table
        ]
        if rows:
            parts += [f"## {title}", _table(["method", *columns], rows)]
    return parts


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    return ">180" if math.isinf(value) else f"{value:.{digits}f}"


def write(results: Results, settings: dict[str, Any], folder: Path) -> str:
    """Write sharpness.json, sharpness.md and sharpness.png into a folder; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(results)
    (folder / "sharpness.md").write_text(text, encoding="utf-8")
    body = {"settings": settings, "methods": {name: asdict(result) for name, result in results.items()}}
    (folder / "sharpness.json").write_text(json.dumps(_finite(body), indent=1), encoding="utf-8")
    _picture(results, folder / "sharpness.png")
    return text


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _picture(results: Results, path: Path) -> None:
    """One panel per family, a bar per method with its spread; ours stand out by colour."""
    families = list(dict.fromkeys(family for result in results.values() for family in result.cents))
    if not families:
        return
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    plt: Any = importlib.import_module("matplotlib.pyplot")
    columns = min(4, len(families))
    rows = -(-len(families) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 0.22 * len(results) * rows + 1.2 * rows + 0.5))
    flat = np.atleast_1d(axes).ravel()
    names = [name for name, result in results.items() if result.cents][::-1]
    for index, (axis, family) in enumerate(zip(flat, families, strict=False)):
        means = [float(np.mean(results[name].cents.get(family, [math.nan]))) for name in names]
        spreads = [float(np.std(results[name].cents.get(family, [math.nan]))) for name in names]
        colours = [_colour(name, results[name]) for name in names]
        axis.barh(names, means, xerr=spreads, color=colours, error_kw={"lw": 0.8})
        axis.set_xscale("log")
        axis.set_xlim(left=0.5)
        axis.set_title(family, fontsize=9)
        axis.tick_params(labelsize=7, labelleft=index % columns == 0)
        axis.set_xlabel("cents", fontsize=7)
    for axis in flat[len(families) :]:
        axis.set_visible(False)
    figure.suptitle("Transport distance to the true lines (less is sharper)", fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _colour(name: str, result: Result) -> str:
    if name.startswith("sharpear"):
        return "tab:red"
    return "tab:blue" if result.causal else "tab:gray"
