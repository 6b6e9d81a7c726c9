"""The results as tables and a picture."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Cell, Table
from benchmarks.sharpness import sung

MOVING = ("vibrato", "chirps", "notes", "glides", "pluck", "tremolo")
"""Families, by the beginning of their names, whose motion makes a lag measurable."""
MAX_LAG_MS = 60.0
"""Causal methods later than this are listed apart."""

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

    def take(self, part: dict[str, Any]) -> None:
        """Take in what another result, as a dictionary, has of other families or recordings."""
        for name, value in part.items():
            setattr(self, name, getattr(self, name) | value)

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
Rows = dict[str, dict[str, Cell]]


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


def _score_rows(results: Results, families: list[str]) -> Rows:
    rows = {}
    for name, result in results.items():
        if not result.cents:
            continue
        speed = [factor for seeds in result.real_time_factor.values() for factor in seeds]
        synthetic, recorded = (_geometric_mean(result.cents, group) for group in _groups(families))
        rows[name] = {
            "kind": _kind(name, result),
            **{family: _spread(result.cents.get(family)) for family in families},
            "all synthetic": synthetic,
            "all recorded": recorded,
            "lag ms": result.moving_lag_ms,
            "RTF": float(np.median(speed)) if speed else None,
        }
    return rows


def _spread(values: list[float] | None) -> Cell:
    """Mean and spread over seeds."""
    if values is None:
        return None
    return [float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0]


def _groups(families: list[str]) -> tuple[list[str], list[str]]:
    """The synthetic families, and those of recorded voices."""
    return [f for f in families if f not in sung.FAMILIES], [f for f in families if f in sung.FAMILIES]


def _geometric_mean(table: dict[str, list[float]], families: list[str]) -> float:
    """Geometric mean over families of the mean over seeds; NaN where a family is missing."""
    if not families or not all(family in table for family in families):
        return math.nan
    return float(np.exp(np.mean([np.log(max(float(np.mean(table[family])), 1e-6)) for family in families])))


def tables(results: Results) -> dict[str, Table]:
    """All that is shown, by name."""
    results = with_best_peer(results)
    families = list(dict.fromkeys(family for result in results.values() for family in result.cents))
    near = {name: result for name, result in results.items() if not result.apart}
    late = {name: result for name, result in results.items() if result.apart}
    forms = {"": ".1f", "lag ms": ".0f", "RTF": ".3f"}
    scores = {
        "cents": (near, "Transport distance to the true lines, cents (mean ± spread over seeds, best constant lag)"),
        "cents_late": (late, f"Causal, but later than {MAX_LAG_MS:.0f} ms"),
    }
    found = {
        name: Table(_score_rows(group, families), forms, "method", title, " ± ")
        for name, (group, title) in scores.items()
    }
    found |= _detail_tables(results, families) | _level_tables(results, families) | _small_tables(results)
    found["ahead"] = _ahead(results)
    return {name: table for name, table in found.items() if table.rows}


def _mean(table: dict[str, list[float]], family: str, scale: float = 1.0) -> float | None:
    known = [value for value in table.get(family, []) if math.isfinite(value)]
    return float(scale * np.mean(known)) if known else None


def _family_rows(results: Results, families: list[str], cell: Callable[[Result, str], Cell]) -> Rows:
    """A row a method and a column a family; rows and columns without a number are left out."""

    def known(value: Cell) -> bool:
        return value not in (None, [None, None])

    cells = {name: {family: cell(result, family) for family in families} for name, result in results.items()}
    used = [family for family in families if any(known(row[family]) for row in cells.values())]
    return {
        name: {family: row[family] for family in used}
        for name, row in cells.items()
        if any(known(row[family]) for family in used)
    }


def _detail_tables(results: Results, families: list[str]) -> dict[str, Table]:
    details: dict[str, tuple[Callable[[Result, str], Cell], str, str, str]] = {
        "renyi": (
            lambda r, f: _mean(r.renyi_bits, f), ".2f", "",
            "Rényi-3 entropy of a frame, bits (mean over seeds; `truth` is that of the lines)",
        ),
        "cents_12_hz": (
            lambda r, f: _spread(r.cents_12_hz.get(f)), ".1f", " ± ",
            "Recorded voices with true lines closer than 12 Hz as one, cents (mean ± spread)",
        ),
        "levels_places": (
            lambda r, f: [_mean(r.level_cents, f), _mean(r.place_cents, f)], ".1f", " / ",
            "Levels alone / places alone: cents with frequencies moved to the nearest true line / with true levels",
        ),
        "ghosts": (
            lambda r, f: _mean(r.ghosts, f, 100), ".1f", "",
            "Ghosts: energy further than 30 cents from any true line, %",
        ),
        "bristles": (
            lambda r, f: _mean(r.bristles, f, 100), ".1f", "",
            "Bristles: maxima above -60 dBFS with none within 20 cents in the frame before or after, %",
        ),
        "delays": (
            lambda r, f: [_mean(r.onset_ms, f), _mean(r.offset_ms, f)], ".1f", " / ",
            "Delay of onsets / offsets of notes' lines by the stated times, ms (median over lines, mean over seeds)",
        ),
    }  # fmt: skip
    return {
        name: Table(_family_rows(results, families, cell), form, "method", title, joint)
        for name, (cell, form, joint, title) in details.items()
    }


def _level_tables(results: Results, families: list[str]) -> dict[str, Table]:
    """Cents by the level of the frame, a table for the synthetic families and one for the recorded voices."""
    found = {}
    head = ["0 to −10 dB", "−10 to −20 dB", "−20 to −30 dB", "−30 to −40 dB"]
    for group, which in zip(_groups(families), ("synthetic", "recorded"), strict=True):
        rows: Rows = {}
        for name, result in results.items():
            seeds = [levels for family in group for levels in result.by_level_cents.get(family, [])]
            if seeds:
                known = [[value for value in column if math.isfinite(value)] for column in zip(*seeds, strict=True)]
                means = [float(np.mean(column)) if column else None for column in known]
                rows[name] = dict(zip(head, means, strict=True))
        title = f"By the level of the frame under the loudest, {which}, cents"
        found[f"by_level_{which}"] = Table(rows, ".1f", "method", title)
    return found


def _small_tables(results: Results) -> dict[str, Table]:
    found = {}
    for name, attribute, form, title in (
        ("spacing", "spacing_hz", ".0f", "Smallest resolved spacing of two tones, Hz (centre, level difference)"),
        (
            "precision",
            "precision",
            ".3f",
            "Frequency error at 30 dB SNR, cents RMS (bound: Cramér–Rao)",
        ),
        ("f1", "f1", ".3f", "Multi-pitch F1"),
        ("bristles_on_recordings", "recording_bristles", ".3f", "Bristles on recordings, share"),
    ):
        rows: Rows = {
            method: {column: ">180" if value == math.inf else value for column, value in values.items()}
            for method, result in results.items()
            if (values := getattr(result, attribute))
        }
        found[name] = Table(rows, form, "method", title)
    return found


def _ahead(results: Results) -> Table:
    """Of how many clips of recorded voices the best of all peers is ahead, and the mean ratio to it."""
    best = results.get(BEST_PEER, Result()).cents
    rows: Rows = {}
    for name, result in results.items():
        families = [family for family in sung.FAMILIES if family in best and family in result.cents]
        if name.startswith("sharpear") and families:
            pairs = [pair for family in families for pair in zip(result.cents[family], best[family], strict=True)]
            ratio = float(np.exp(np.mean([np.log(ours / theirs) for ours, theirs in pairs])))
            rows[name] = {
                "clips": len(pairs),
                "best peer ahead": sum(a > b for a, b in pairs),
                "of its distance": ratio,
            }
    return Table(rows, ".2f", "method", "Clips of recorded voices, and where the best peer for each is ahead")


def picture(cents: Table, path: Path) -> None:
    """One panel per family, a bar per method with its spread; ours stand out by colour."""
    families = [column for column in cents.columns if isinstance(next(iter(cents.rows.values())).get(column), list)]
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    plt: Any = importlib.import_module("matplotlib.pyplot")
    columns = min(4, len(families))
    rows = -(-len(families) // columns)
    names = list(cents.rows)[::-1]
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 0.22 * len(names) * rows + 1.2 * rows + 0.5))
    flat = np.atleast_1d(axes).ravel()
    for index, (axis, family) in enumerate(zip(flat, families, strict=False)):
        bars = np.array([cents.rows[name].get(family) or (math.nan, math.nan) for name in names], float)
        colours = [_colour(name, cents.rows[name]["kind"]) for name in names]
        axis.barh(names, bars[:, 0], xerr=bars[:, 1], color=colours, error_kw={"lw": 0.8})
        axis.set_xscale("log")
        axis.set_xlim(left=0.5)
        axis.set_title(family, fontsize=9)
        axis.tick_params(labelsize=7, labelleft=index % columns == 0)
        axis.set_xlabel("cents", fontsize=7)
    for axis in flat[len(families) :]:
        axis.set_visible(False)
    figure.suptitle("Transport distance to the true lines (less is sharper)", fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _colour(name: str, kind: Cell) -> str:
    if name.startswith("sharpear"):
        return "tab:red"
    return "tab:blue" if kind == "causal" else "tab:gray"
