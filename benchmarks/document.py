"""Put measured tables into the pages: `make figures`, or `python -m benchmarks.document [FOLDER] [PAGE...]`.

Between `<!-- measured: TITLE -->` and `<!-- end -->` a page has the table of that title: of the sharpness report
(sharpness.json in the folder), of its ablations (ablation.json, beliefs_ablation.json), or the rows of any other
file NAME.json beside them, whose title is NAME.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sharpness.report import Result, tables

PLACE = re.compile(r"(?<=<!-- measured: )(.*?)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "benchmarks" / "results"


def pages() -> list[Path]:
    """README and every page of docs/ that has a place for a table."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in found if PLACE.search(page.read_text(encoding="utf-8"))]


def filled(page: str, measured: Mapping[str, str]) -> str:
    r"""The page with these tables, by title, in their places.

    Raises:
        ValueError: a place asks for a table that there is not.

    >>> filled("<!-- measured: cost -->\nold\n<!-- end -->", {"cost": "new"})
    '<!-- measured: cost -->\nnew\n<!-- end -->'
    """
    missing = [found[1] for found in PLACE.finditer(page) if found[1] not in measured]
    if missing:
        raise ValueError(f"expected a table among {', '.join(measured)}; received {', '.join(missing)}")
    return PLACE.sub(lambda found: f"{found[1]}{found[2]}{measured[found[1]]}\n", page)


def shown(page: str) -> dict[str, str]:
    """Title -> the table that stands in its place now."""
    return {found[1]: found[3].rstrip("\n") for found in PLACE.finditer(page)}


def measured_in(folder: Path) -> dict[str, str]:
    """Title -> table, of all that was written into a folder."""
    found = dict[str, str]()
    for path in sorted(folder.glob("*.json")):
        held = json.loads(path.read_text(encoding="utf-8"))
        if path.stem == "sharpness":
            # The best peer is drawn from the others anew.
            methods = {name: values for name, values in held["methods"].items() if name != "best peer"}
            found |= tables({name: Result(**_numbers(values)) for name, values in methods.items()})
        elif isinstance(held.get("rows"), dict):
            found[path.stem] = rows(held["rows"])
        elif "rows" in held:
            found[path.stem] = compared(held["rows"])
    return found


def rows(values: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: a row a name and a column a key; small numbers with two digits."""
    columns = list(next(iter(values.values())))
    head = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join(
        head + [f"| {name} | {' | '.join(_told(row[c]) for c in columns)} |" for name, row in values.items()]
    )


def compared(values: Sequence[Mapping[str, str]]) -> str:
    """Markdown: what was measured, of us and of the best peer, by which command, with settings chosen on what.

    >>> row = {"measure": "x", "sharpear": "1", "peer": "2", "command": "make bench", "chosen_on": ""}
    >>> print(compared([row]).splitlines()[-1])
    | x | 1 | 2 | `make bench` |  |
    """
    head = ["| measure | sharpear | best peer | command | settings chosen on |", "|---|---|---|---|---|"]
    return "\n".join(
        head
        + [f"| {r['measure']} | {r['sharpear']} | {r['peer']} | `{r['command']}` | {r['chosen_on']} |" for r in values]
    )


def _told(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}"


def _numbers(value: Any) -> Any:
    """null, which stands for what JSON does not have, as NaN."""
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return math.nan if value is None else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite the pages; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="where the JSON files are")
    parser.add_argument("page", type=Path, nargs="*", help="README and all of docs/ if not given")
    options = parser.parse_args(arguments)
    measured = measured_in(options.folder)
    for page in options.page or pages():
        text = page.read_text(encoding="utf-8")
        # Of all pages, those whose tables were not measured into the folder keep them; a page that is named wants all.
        tables_of = measured if options.page else shown(text) | measured
        page.write_text(filled(text, tables_of), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
