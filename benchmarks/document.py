"""Put what is kept of measurements into the pages: `make figures`, or `python -m benchmarks.document [PAGE...]`.

Between `<!-- measured: NAME/TABLE -->` and `<!-- end -->` a page has a table of benchmarks/results/NAME.json, or with
`NAME/TABLE; rows A | B; columns C | D; means; turned` a part of it: means without their spread, rows for columns;
`headline` and `more` are those that benchmarks/headline.py puts together, `runs` says what was run, when and where,
`learned/FILE` is what a file of weights in dynamics/ says of its own training, on the scenes that validated.
Between `<!-- m: NAME/TABLE/ROW/COLUMN FORM -->` and `<!-- -->` it has one number.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import growth, headline
from benchmarks.headline import Kept
from benchmarks.results import KEPT, ROOT, Cell, Table, number, read
from benchmarks.sharpness import report

PLACE = re.compile(r"(?<=<!-- measured: )(.*?)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
INLINE = re.compile(r"(?<=<!-- m: )([^>]*?) (\S+)( -->)(.*?)(?=<!-- -->)")
IMAGES = ROOT / "docs" / "images"
SCENES = (
    "steady", "amtones", "chirps", "glides", "notes", "pluck", "voices", "chord",
    "speech", "singing", "two_voices", "chorale", "piano", "instruments",
)  # fmt: skip
"""Kinds of scenes that validate, drawn ones first."""


def pages() -> list[Path]:
    """README and every page of docs/ that has a place for a table or a number."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = {page: page.read_text(encoding="utf-8") for page in found}
    return [page for page, text in texts.items() if PLACE.search(text) or INLINE.search(text)]


def kept(folder: Path = KEPT) -> Kept:
    """Benchmark -> table -> what a folder has of it."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.json"))}


def filled(page: str, held: Kept, folder: Path = KEPT) -> str:
    r"""The page with what is kept in its places.

    Raises:
        KeyError: a place asks for what is not kept.

    >>> speed = {"speed": {"shares": Table({"music": {"whole": 0.0771}}, ".3f", "preset")}}
    >>> filled("takes <!-- m: speed/shares/music/whole .2f --><!-- --> of a core", speed)
    'takes <!-- m: speed/shares/music/whole .2f -->0.08<!-- --> of a core'
    """
    made: dict[str, Callable[[], Table]] = {
        "headline": lambda: headline.table(headline.HEADLINE, held),
        "more": lambda: headline.table(headline.MORE, held),
        "runs": lambda: runs(folder),
        "growth": lambda: growth.told(held["growth"]),
    }

    def table(place: str) -> Table:
        title, *asked = place.split("; ")
        return part(whole(title), asked) if asked else whole(title)

    def whole(title: str) -> Table:
        benchmark, _, name = title.partition("/")
        if benchmark == "learned":
            return learned(name)
        if title in made:
            return made[title]()
        if name not in held.get(benchmark, {}):
            raise KeyError(f"expected a table that is kept, received {title}")
        return held[benchmark][name]

    page = PLACE.sub(lambda found: f"{found[1]}{found[2]}{table(found[1]).markdown()}\n", page)
    return INLINE.sub(
        lambda found: f"{found[1]} {found[2]}{found[3]}{number(headline.value(held, found[1]), found[2])}", page
    )


def part(whole: Table, asked: Sequence[str]) -> Table:
    """The rows and columns of a table that a place asks for, in its order.

    Raises:
        KeyError: the table has none of that name, or nothing else can be asked for.

    >>> whole = Table({"a": {"x": 1.0, "y": 2.0}, "b": {"x": 3.0, "y": 4.0}}, ".1f", "method")
    >>> print(part(whole, ["rows b", "columns y | x", "turned"]).markdown())
    |  | b |
    |---|---|
    | y | 4.0 |
    | x | 3.0 |
    """
    named = {word: names.split(" | ") for word, _, names in (each.partition(" ") for each in asked)}
    rows, columns = named.pop("rows", list(whole.rows)), named.pop("columns", whole.columns)
    means, turned = (named.pop(word, None) is not None for word in ("means", "turned"))
    unknown = [*named, *({*rows} - {*whole.rows}), *({*columns} - {*whole.columns})]
    if unknown:
        raise KeyError(f"expected rows and columns of a table that is kept, received {', '.join(unknown)}")

    def told(row: str, column: str) -> str:
        return whole.told(row, column).split(whole.joint)[0] if means else whole.told(row, column)

    if turned:
        return Table({column: {row: told(row, column) for row in rows} for column in columns})
    return Table({row: {column: told(row, column) for column in columns} for row in rows}, corner=whole.corner)


def runs(folder: Path) -> Table:
    """What was run, when and on what, with which load, how long it took; or where its numbers are from instead."""
    rows: dict[str, dict[str, Cell]] = {}
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        machine: Mapping[str, object] = told["machine"]
        begun, ended = told["machine"]["load"]
        rows[f"`{told['command']}`"] = {
            "date": told["date"] or "–",
            "machine": told.get("origin") or f"{machine['cpu']}, {machine['cores']} cores",
            "load at the beginning, at the end": f"{number(begun, '.1f')}, {number(ended, '.1f')}",
            "processor time, min": number(told["cpu_s"] and told["cpu_s"] / 60, ".1f"),
            "by the clock, min": number(told["wall_s"] and told["wall_s"] / 60, ".1f"),
        }
    return Table(rows, corner="command")


def learned(name: str) -> Table:
    """Mean transport distance, cents, of a file of weights on each kind of scene that validated it.

    Raises:
        KeyError: the file holds no figures.
    """
    with np.load(ROOT / "dynamics" / f"{name}.npz") as file:
        figures = json.loads(file["figures"].item())["validation"]
    of_windows = sorted((row for row in figures if row.endswith("hops")), key=lambda row: int(row.split()[0]))
    rows = dict.fromkeys(of_windows) | figures  # windows by their length
    return Table({row: {kind: figures[row][kind] for kind in SCENES} for row in rows}, ".1f")


def draw(held: Kept) -> None:
    """The pictures that are of kept numbers alone."""
    if set(growth.PANELS) <= set(held.get("growth", {})):
        growth.draw(held["growth"], IMAGES / "growth.png")
    if "cents" in held.get("sharpness", {}):
        report.picture(held["sharpness"]["cents"], IMAGES / "sharpness.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the pages and draw the pictures; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("page", type=Path, nargs="*", help="README and all of docs/ if not given")
    options = parser.parse_args(arguments)
    held = kept()
    for page in options.page or pages():
        page.write_text(filled(page.read_text(encoding="utf-8"), held), encoding="utf-8")
    if not options.page:
        draw(held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
