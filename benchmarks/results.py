"""What a benchmark measured, in one form: tables of numbers, and what they depend on beside the program.

    {"command": …, "date": …, "code": …, "machine": {"cpu", "cores", "system", "load": [start, end]}, "versions": …,
     "wall_s": …, "cpu_s": …, "tables": {NAME: {"rows": {ROW: {COLUMN: cell}}, "form", "corner", "title", "joint"}}}

A cell is a number, text, null, or a list of numbers that stand together (mean and spread). A benchmark writes
`build/bench/NAME.json`; `python -m benchmarks.keep NAME` takes it into benchmarks/results/, from which
`python -m benchmarks.document` fills the pages.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WRITTEN = Path(os.environ.get("SHARPEAR_BENCH") or ROOT / "build" / "bench")
"""SHARPEAR_BENCH: another folder, as for runs that are too small to be kept."""
KEPT = ROOT / "benchmarks" / "results"
PACKAGE = ("app", "compiler", "configs", "dsp", "dynamics", "gpu", "system")
SHOWN_ONLY = ("document", "headline", "keep", "everything")
"""Modules of benchmarks/ that no number depends on."""

Cell = float | str | None | Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """Numbers by row and column, and how they are shown.

    Attributes:
        rows: row -> column -> cell.
        form: format specification of numbers, or one a column with "" for all others; empty: two or three digits.
        corner: what stands above the names of the rows.
        title: one line on what is measured.
        joint: between numbers that stand together in a cell.
    """

    rows: Mapping[str, Mapping[str, Cell]]
    form: str | Mapping[str, str] = ""
    corner: str = ""
    title: str = ""
    joint: str = " / "

    @property
    def columns(self) -> list[str]:
        """Of all rows, in the order in which they come."""
        return list(dict.fromkeys(column for row in self.rows.values() for column in row))

    def told(self, row: str, column: str) -> str:
        """A cell as it is shown; – where there is none."""
        form = self.form if isinstance(self.form, str) else self.form.get(column, self.form.get("", ""))
        cell = self.rows[row].get(column)
        if isinstance(cell, (str, int, float)) or cell is None:
            return number(cell, form)
        return self.joint.join(number(part, form) for part in cell)

    def markdown(self) -> str:
        """The table.

        >>> print(Table({"a": {"cents": 1.234, "lag": None}}, ".1f", "method").markdown())
        | method | cents | lag |
        |---|---|---|
        | a | 1.2 | – |
        """
        columns = self.columns
        lines = [f"| {self.corner} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {row} | {' | '.join(self.told(row, column) for column in columns)} |" for row in self.rows]
        return "\n".join(lines)


def number(value: Cell, form: str = "") -> str:
    """A number by a format specification, without one with two digits or three; text as it is.

    >>> number(0.0123), number(12.34), number(7), number(None)
    ('0.01', '12.3', '7', '–')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, (str, int)):
        return str(value)
    told = format(value, form or (".2f" if abs(float(value)) < 1 else ".1f"))  # type: ignore[arg-type]
    return told.lstrip("-") if float(told) == 0 else told


class Results:
    """What one run of a benchmark measures: made when it begins, printed and written when it ends well.

    >>> with Results("doctest") as results:  # doctest: +SKIP
    ...     results.tables["speed"] = Table({"music": {"share": 0.08}}, ".3f")
    """

    def __init__(self, name: str, out: Path = WRITTEN, words: Sequence[str] | None = None) -> None:
        self.name, self.out = name, out
        self.tables: dict[str, Table] = {}
        self._words = sys.argv[1:] if words is None else list(words)
        self._code, self._load = code(), os.getloadavg()[0]
        self._wall_s, self._cpu_s = time.perf_counter(), _cpu_s()

    def __enter__(self) -> Results:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            print(self.told())
            print(f"written: {self.write()}", file=sys.stderr)

    def told(self) -> str:
        """All tables, as Markdown."""
        return "\n\n".join(f"## {table.title or name}\n\n{table.markdown()}" for name, table in self.tables.items())

    def write(self) -> Path:
        """Write NAME.json; where."""
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / f"{self.name}.json"
        held = {
            "command": command(self.name, self._words),
            "date": time.strftime("%Y-%m-%d"),
            "code": self._code,
            "machine": machine() | {"load": [round(self._load, 1), round(os.getloadavg()[0], 1)]},
            "versions": versions(),
            "wall_s": round(time.perf_counter() - self._wall_s),
            "cpu_s": round(_cpu_s() - self._cpu_s),
            "tables": {name: _stored(table) for name, table in self.tables.items()},
        }
        path.write_text(_lines(held), encoding="utf-8")
        return path


def read(path: Path) -> dict[str, Table]:
    """The tables of a file."""
    held = json.loads(path.read_text(encoding="utf-8"))
    return {name: Table(**table) for name, table in held["tables"].items()}


def command(name: str, words: Sequence[str]) -> str:
    """The command line, without the paths of a machine."""
    told = [f"…/{Path(word).name}" if Path(word).is_absolute() else word for word in words]
    return " ".join(["python", "-m", f"benchmarks.{name}", *told])


@cache
def code(folders: tuple[str, ...] = (*PACKAGE, "benchmarks"), without: tuple[str, ...] = SHOWN_ONLY) -> str:
    """What numbers depend on in this repository: a digest of the sources in these folders, but for some modules."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            parts = path.relative_to(ROOT).parts
            if path.suffix not in (".py", ".cu", ".cuh", ".toml", ".npz") or "__pycache__" in parts:
                continue
            if parts[0] != "benchmarks" or path.stem not in without:
                digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def once(what: Sequence[str], make: Callable[[], Any], folder: Path | None = None) -> Any:
    """What `make` returned for these words before, or returns now: JSON, kept in build/bench/parts."""
    name = hashlib.sha256("\0".join(what).encode()).hexdigest()[:24]
    path = (folder or WRITTEN / "parts") / f"{name}.json"
    if not path.exists():
        made = json.dumps(make())
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(made, encoding="utf-8")
        new.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def machine() -> dict[str, Any]:
    """Processor, cores that may be used, and system."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python's, and those of the packages named in pyproject.toml that took part."""
    named = {re.match(r"[\w-]+", need)[0].lower() for need in importlib.metadata.requires("sharpear") or ()}  # type: ignore[index]
    found = {"python": platform.python_version()}
    for module, packages in sorted(importlib.metadata.packages_distributions().items()):
        if module in sys.modules:
            found |= {each: importlib.metadata.version(each) for each in packages if each.lower() in named}
    return found


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _lines(held: Any, depth: int = 0, deepest: int = 4) -> str:
    """JSON with a line for each row of each table."""
    if not isinstance(held, dict) or depth == deepest or not held:
        return json.dumps(held, ensure_ascii=False)
    inner = [f"{json.dumps(name, ensure_ascii=False)}: {_lines(part, depth + 1)}" for name, part in held.items()]
    space = " " * (depth + 1)
    return "{\n" + ",\n".join(space + line for line in inner) + "\n" + " " * depth + "}" + ("" if depth else "\n")


def _stored(table: Table) -> dict[str, Any]:
    """JSON, without what is empty; numbers with no more digits than anybody reads."""
    rows = {row: {column: _short(cell) for column, cell in cells.items()} for row, cells in table.rows.items()}
    default = asdict(Table({}))
    rest = {name: value for name, value in asdict(table).items() if name != "rows" and value != default[name]}
    return {**rest, "rows": rows}


def _short(cell: Any) -> Any:
    if isinstance(cell, (str, int)) or cell is None:
        return cell
    if isinstance(cell, (list, tuple)):
        return [_short(part) for part in cell]
    return float(f"{cell:.5g}") if math.isfinite(cell) else None
