"""Take results from build/bench into benchmarks/results/: ``python -m benchmarks.keep NAME...``, all without a name."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import KEPT, ROOT, WRITTEN, read

PICTURES = {"dynamics": ("dynamics.png", ROOT / "docs" / "images" / "dynamics.png")}
"""What a benchmark draws itself, of more than it keeps."""


def keep(names: Sequence[str], written: Path = WRITTEN, kept: Path = KEPT, *, drop: bool = False) -> list[str]:
    """Copy these results; those copied. Nothing is copied where one of them cannot be.

    drop: also where a result lacks rows or tables that are kept, as that of a run over a part does.

    Raises:
        ValueError: a benchmark has written none, or a part of what is kept.
    """
    there = [path.stem for path in sorted(written.glob("*.json"))]
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(f"expected names among {', '.join(there)} in {written}, received {', '.join(missing)}")
    names = list(names or there)
    if not drop:
        for name in names:
            if lost := lacking(written / f"{name}.json", kept / f"{name}.json"):
                few = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
                raise ValueError(f"{name}: expected all that is kept, {few} is missing: run it whole, or add --drop")
    for name in names:
        shutil.copyfile(written / f"{name}.json", kept / f"{name}.json")
        picture, place = PICTURES.get(name, ("", written))
        if picture and kept == KEPT:
            shutil.copyfile(written / picture, place)
    return names


def lacking(new: Path, old: Path) -> list[str]:
    """The rows, as table/row, that an older result has and the new one has not."""
    if not old.exists():
        return []
    tables = read(new)
    return [
        f"{title}/{row}" for title, table in read(old).items() for row in table.rows
        if title not in tables or row not in tables[title].rows
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep what the arguments name; 0 on success, 2 if it is not there or not whole."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keep", description=__doc__)
    parser.add_argument("name", nargs="*", help="of a benchmark, as speed or dynamics.claims")
    parser.add_argument("--drop", action="store_true", help="also where rows that are kept are missing")
    options = parser.parse_args(arguments)
    try:
        print("kept:", ", ".join(keep(options.name, drop=options.drop)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
