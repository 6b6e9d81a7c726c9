"""Take results from build/bench into benchmarks/results/: ``python -m benchmarks.keep NAME...``, all without a name."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import KEPT, ROOT, WRITTEN

PICTURES = {"dynamics": ("dynamics.png", ROOT / "docs" / "images" / "dynamics.png")}
"""What a benchmark draws itself, of more than it keeps."""


def keep(names: Sequence[str], written: Path = WRITTEN, kept: Path = KEPT) -> list[str]:
    """Copy these results; those copied.

    Raises:
        ValueError: a benchmark has written none.
    """
    there = [path.stem for path in sorted(written.glob("*.json"))]
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(f"expected names among {', '.join(there)} in {written}, received {', '.join(missing)}")
    for name in names or there:
        shutil.copyfile(written / f"{name}.json", kept / f"{name}.json")
        picture, place = PICTURES.get(name, ("", written))
        if picture and kept == KEPT:
            shutil.copyfile(written / picture, place)
    return list(names or there)


def main() -> int:
    """Keep what the arguments name; 0 on success, 2 if it is not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keep", description=__doc__)
    parser.add_argument("name", nargs="*", help="of a benchmark, as speed or dynamics.claims")
    try:
        print("kept:", ", ".join(keep(parser.parse_args().name)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
