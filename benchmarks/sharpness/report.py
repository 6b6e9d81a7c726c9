"""The results as tables, JSON and a picture."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sharpness import sung

MOVING = ("vibrato", "chirps", "notes", "glides", "pluck", "tremolo")
"""Families, by the beginning of their names, whose motion makes a lag measurable."""
MAX_LAG_MS = 60.0
"""Causal methods later than this are listed apart."""

DISTANCES = "Transport distance to the true lines, cents (mean ± spread over seeds, best constant lag)"

OURS = ("sharpear", "truth")
"""Beginnings of the names that are no peers."""
BEST_PEER = "best peer"
FOLLOWING = (
    "cents",
    "cents_12_hz",
    "level_cents",
    "place_cents",
    "ghosts",
    "by_level_cents",
    "bristles",
    "onset_ms",
    "offset_ms",
)
"""What the best peer for a signal brings along."""


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
        cents_12_hz: the distance with true lines closer than 12 Hz as one, for families of recorded voices.
        level_cents: the distance with the estimate's frequencies moved to the nearest true line.
        place_cents: the distance with its levels replaced by the true ones.
        ghosts: share of energy further than 30 cents from any true line.
        by_level_cents: family -> for every seed the distance of the frames 0 to 10, … 30 to 40 dB below the loudest.
        bristles: share of maxima that no maximum is near to in the frame before or after.
        onset_ms: median delay of lines' onsets, by the stated times, in ms; NaN where none could be measured.
        offset_ms: the same of their ends.
        f1: recording -> multi-pitch F1.
        recording_bristles: recording -> share of bristles.
        real_time_factor: family -> run time over audio time of every seed, first (compiling) run left out.
    """

    causal: bool = False
    cents: dict[str, list[float]] = field(default_factory=dict)
    at_zero_lag: dict[str, list[float]] = field(default_factory=dict)
    lag_ms: dict[str, list[float]] = field(default_factory=dict)
    renyi_bits: dict[str, list[float]] = field(default_factory=dict)
    spacing_hz: dict[str, float] = field(default_factory=dict)
    precision: dict[str, float] = field(default_factory=dict)
    cents_12_hz: dict[str, list[float]] = field(default_factory=dict)
    level_cents: dict[str, list[float]] = field(default_factory=dict)
    place_cents: dict[str, list[float]] = field(default_factory=dict)
    ghosts: dict[str, list[float]] = field(default_factory=dict)
    by_level_cents: dict[str, list[list[float]]] = field(default_factory=dict)
    bristles: dict[str, list[float]] = field(default_factory=dict)
    onset_ms: dict[str, list[float]] = field(default_factory=dict)
    offset_ms: dict[str, list[float]] = field(default_factory=dict)
    f1: dict[str, float] = field(default_factory=dict)
    recording_bristles: dict[str, float] = field(default_factory=dict)
    real_time_factor: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, family: str, value: float) -> None:
        """Append the value of one more seed of a family to a table."""
        getattr(self, name).setdefault(family, []).append(value)

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


def with_best_peer(results: Results) -> Results:
    """The results, and beside them what the best of all peers has for each signal, in `best peer`."""
    peers = {name: result for name, result in results.items() if result.cents and not name.startswith(OURS)}
    best = Result()
    for family in dict.fromkeys(family for result in peers.values() for family in result.cents):
        ran = [result for result in peers.values() if family in result.cents]
        for seed in range(min(len(result.cents[family]) for result in ran)):
            winner = min(ran, key=lambda result: result.cents[family][seed])
            for table in FOLLOWING:
                if family in (values := getattr(winner, table)):
                    getattr(best, table).setdefault(family, []).append(values[family][seed])
    return {**results, BEST_PEER: best} if len(peers) > 1 else results


def _kind(name: str, result: Result) -> str:
    return "–" if name == BEST_PEER else "causal" if result.causal else "offline"


def _score_rows(results: Results, families: list[str]) -> list[list[str]]:
    rows = []
    for name, result in results.items():
        if not result.cents:
            continue
        cells = [_spread(result.cents[f]) if f in result.cents else "–" for f in families]
        speed = [factor for seeds in result.real_time_factor.values() for factor in seeds]
        factor = f"{np.median(speed):.3f}" if speed else "–"
        means = [_number(_geometric_mean(result.cents, group), 1) for group in _groups(families)]
        lag = _number(result.moving_lag_ms, 0)
        rows.append([name, _kind(name, result), *cells, *means, lag, factor])
    return rows


def _groups(families: list[str]) -> tuple[list[str], list[str]]:
    """The synthetic families, and those of recorded voices."""
    return [f for f in families if f not in sung.FAMILIES], [f for f in families if f in sung.FAMILIES]


def _geometric_mean(table: dict[str, list[float]], families: list[str]) -> float:
    """Geometric mean over families of the mean over seeds; NaN where a family is missing."""
    if not families or not all(family in table for family in families):
        return math.nan
    return float(np.exp(np.mean([np.log(max(float(np.mean(table[family])), 1e-6)) for family in families])))


def markdown(results: Results) -> str:
    """All tables, as Markdown."""
    parts = []
    for title, table in tables(results).items():
        parts += [f"## {title}", table]
        if title == DISTANCES:
            parts += ["Lag: median over the moving families, latency included. RTF: run time over audio time, median."]
            parts += ["All: geometric mean over families, the recorded ones being voices taken apart and sung again."]
    return "\n\n".join(parts) + "\n"


def tables(results: Results) -> dict[str, str]:
    """Title -> table, as Markdown."""
    results = with_best_peer(results)
    families = list(dict.fromkeys(family for result in results.values() for family in result.cents))
    head = ["method", "kind", *families, "all synthetic", "all recorded", "lag ms", "RTF"]
    near = {name: result for name, result in results.items() if not result.apart}
    late = {name: result for name, result in results.items() if result.apart}
    found = {}
    if families:
        found[DISTANCES] = _table(head, _score_rows(near, families))
    if late:
        found[f"Causal, but later than {MAX_LAG_MS:.0f} ms"] = _table(head, _score_rows(late, families))
    found["Rényi-3 entropy of a frame, bits (mean over seeds; `truth` is that of the lines)"] = _family_table(
        results, families, lambda r, f: _mean(r.renyi_bits, f, 2)
    )
    found |= _detail_tables(results, families) | _small_tables(results)
    return {title: table for title, table in found.items() if table}


def _mean(table: dict[str, list[float]], family: str, digits: int, scale: float = 1.0) -> str:
    known = [value for value in table.get(family, []) if math.isfinite(value)]
    return f"{scale * np.mean(known):.{digits}f}" if known else "–"


def _family_table(results: Results, families: list[str], cell: Callable[[Result, str], str]) -> str:
    """A row a method and a column a family; rows and columns without a number are left out."""
    cells = {name: [cell(result, family) for family in families] for name, result in results.items()}
    used = [i for i in range(len(families)) if any("–" not in row[i] for row in cells.values())]
    rows = [[name, *(row[i] for i in used)] for name, row in cells.items() if any("–" not in row[i] for i in used)]
    return _table(["method", *(families[i] for i in used)], rows) if rows else ""


def _detail_tables(results: Results, families: list[str]) -> dict[str, str]:
    found = {}
    for title, cell in (
        (
            "Recorded voices with true lines closer than 12 Hz as one, cents (mean ± spread)",
            lambda r, f: _spread(r.cents_12_hz[f]) if f in r.cents_12_hz else "–",
        ),
        (
            "Levels alone / places alone: cents with frequencies moved to the nearest true line / with true levels",
            lambda r, f: f"{_mean(r.level_cents, f, 1)} / {_mean(r.place_cents, f, 1)}",
        ),
        ("Ghosts: energy further than 30 cents from any true line, %", lambda r, f: _mean(r.ghosts, f, 1, 100)),
        (
            "Bristles: maxima above -60 dBFS with none within 20 cents in the frame before or after, %",
            lambda r, f: _mean(r.bristles, f, 1, 100),
        ),
        (
            "Delay of onsets / offsets of notes' lines by the stated times, ms (median over lines, mean over seeds)",
            lambda r, f: f"{_mean(r.onset_ms, f, 1)} / {_mean(r.offset_ms, f, 1)}",
        ),
    ):
        found[title] = _family_table(results, families, cell)
    return found | _level_tables(results, families)


def _level_tables(results: Results, families: list[str]) -> dict[str, str]:
    """Cents by the level of the frame, a table for the synthetic families and one for the recorded voices."""
    found = {}
    for group, which in zip(_groups(families), ("synthetic families", "recorded voices"), strict=True):
        rows = []
        for name, result in results.items():
            seeds = [levels for family in group for levels in result.by_level_cents.get(family, [])]
            if seeds:
                known = [[value for value in column if math.isfinite(value)] for column in zip(*seeds, strict=True)]
                rows.append([name, *(f"{np.mean(column):.1f}" if column else "–" for column in known)])
        if rows:
            head = ["method", "0 to −10 dB", "−10 to −20 dB", "−20 to −30 dB", "−30 to −40 dB"]
            found[f"By the level of the frame under the loudest, {which}, cents"] = _table(head, rows)
    return found


def _small_tables(results: Results) -> dict[str, str]:
    found = {}
    for title, attribute, digits in (
        ("Smallest resolved spacing of two tones, Hz (centre, level difference)", "spacing_hz", 0),
        ("Frequency error at 30 dB SNR, cents RMS (bound: Cramér–Rao for the method's window)", "precision", 3),
        ("Multi-pitch F1", "f1", 3),
        ("Bristles on recordings, share", "recording_bristles", 3),
    ):
        tables: dict[str, dict[str, float]] = {name: getattr(result, attribute) for name, result in results.items()}
        columns = list(dict.fromkeys(column for table in tables.values() for column in table))
        rows = [
            [name, *(_number(table.get(column, math.nan), digits) for column in columns)]
            for name, table in tables.items()
            if table
        ]
        if rows:
            found[title] = _table(["method", *columns], rows)
    return found


def _number(value: float, digits: int) -> str:
    if math.isnan(value):
        return "–"
    return ">180" if math.isinf(value) else f"{value:.{digits}f}"


def write(results: Results, settings: dict[str, Any], folder: Path) -> str:
    """Write sharpness.json, sharpness.md and sharpness.png into a folder; return the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(results)
    (folder / "sharpness.md").write_text(text, encoding="utf-8")
    methods = {name: asdict(result) for name, result in with_best_peer(results).items()}
    body = {"settings": settings, "methods": methods}
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
