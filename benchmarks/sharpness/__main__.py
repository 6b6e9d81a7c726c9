"""Command line of the sharpness benchmark: `python -m benchmarks.sharpness`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.results import WRITTEN, Results
from benchmarks.sharpness import sung
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.report import tables
from benchmarks.sharpness.run import METHODS, drawable, run_families, run_recordings, run_single_tones, usable
from benchmarks.sharpness.signals import FAMILIES
from benchmarks.sharpness.sources import SPLITS, Sources, Voices


def _names(text: str, known: Sequence[str], what: str) -> list[str]:
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise SystemExit(f"expected {what} among {', '.join(known)}; received {', '.join(unknown)}")
    return chosen or list(known)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharpness", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="seeds per family (default 5)")
    parser.add_argument("--seed", type=int, default=0, help="first seed: another one is another test")
    parser.add_argument("--families", default="", help="comma-separated; default: all")
    parser.add_argument("--methods", default="", help="comma-separated; default: all")
    parser.add_argument("--audio", type=Path, help="folder of the recordings r1, r2, c1, m1, for multi-pitch F1")
    parser.add_argument("--sources", type=Path, help="folder of single voices by kind; default: the bundled voices")
    parser.add_argument("--split", choices=SPLITS, default="test", help="whose voices of --sources (default test)")
    parser.add_argument("--cache", type=Path, help="where they are kept taken apart; default: SOURCES-cache")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for sharpness.json")
    parser.add_argument("--no-tones", action="store_true", help="leave out two-tone resolution and frequency errors")
    return parser


def _voices(options: argparse.Namespace) -> Voices:
    if options.sources is None:
        return Bundled()
    folder: Path = options.sources
    return Sources(folder, options.cache or folder.with_name(f"{folder.name}-cache"), options.split)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, print its tables, and write them; 0 on success."""
    options = _parser().parse_args(arguments)
    families = _names(options.families, [*FAMILIES, *sung.FAMILIES], "families")
    names = _names(options.methods, list(METHODS), "methods")
    seeds = list(range(options.seed, options.seed + options.seeds))
    start = time.perf_counter()

    def log(message: str) -> None:
        print(f"[{time.perf_counter() - start:6.0f} s] {message}", file=sys.stderr, flush=True)

    methods, voices = usable(names, log), _voices(options)
    families = drawable(families, voices, log)
    with Results("sharpness", options.out, arguments) as kept:
        results = run_families(methods, families, seeds, voices, str(options.sources or "bundled"), log)
        if not options.no_tones:
            run_single_tones(methods, results, log)
        if options.audio is not None:
            run_recordings(methods, results, options.audio, log)
        kept.tables |= tables(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
