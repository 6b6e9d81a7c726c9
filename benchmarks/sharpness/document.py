"""Put measured tables into a page: `python -m benchmarks.sharpness.document FOLDER [PAGE]`.

Between `<!-- measured: TITLE -->` and `<!-- end -->` a page has the table of that title: of the report (sharpness.json
in the folder), of the ablation (ablation.json) or of what the beliefs learn without a part (beliefs_ablation.json).
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

PLACE = re.compile(r"(?<=<!-- measured: )(.*?)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
PAGE = Path("docs/sharpness.md")


def filled(page: str, measured: Mapping[str, str]) -> str:
    r"""The page with these tables, by title, in their places.

    Raises:
        ValueError: a place asks for a table that there is not.

    >>> filled("<!-- measured: cost -->\nold\n<!-- end -->", {"cost": "new"})
    '<!-- measured: cost -->\nnew\n<!-- end -->'
    """
    missing = [title for title, _ in PLACE.findall(page) if title not in measured]
    if missing:
        raise ValueError(f"expected a table among {', '.join(measured)}; received {', '.join(missing)}")
    return PLACE.sub(lambda found: f"{found[1]}{found[2]}{measured[found[1]]}\n", page)


def measured_in(folder: Path) -> dict[str, str]:
    """Title -> table, of all that was written into a folder."""
    found = dict[str, str]()
    if (report := folder / "sharpness.json").exists():
        methods = json.loads(report.read_text(encoding="utf-8"))["methods"]
        # The best peer is drawn from the others anew.
        results = {name: Result(**_numbers(values)) for name, values in methods.items() if name != "best peer"}
        found |= tables(results)
    for name in ("ablation", "beliefs_ablation"):
        if (path := folder / f"{name}.json").exists():
            found[name] = rows(json.loads(path.read_text(encoding="utf-8"))["rows"])
    return found


def rows(values: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: a row a name and a column a key; small numbers with two digits."""
    columns = list(next(iter(values.values())))
    head = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join(
        head + [f"| {name} | {' | '.join(_told(row[c]) for c in columns)} |" for name, row in values.items()]
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
    """Rewrite the page; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharpness.document", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the JSON files are: build/bench")
    parser.add_argument("page", type=Path, nargs="?", default=PAGE)
    options = parser.parse_args(arguments)
    page: Path = options.page
    page.write_text(filled(page.read_text(encoding="utf-8"), measured_in(options.folder)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
