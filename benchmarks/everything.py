"""Run all benchmarks that need no device, keep what they find and fill the pages: ``make bench-all FOLDER=…``.

One after another, as they measure time, too. What was run with the same code and the same words is not run again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import document
from benchmarks.keep import keep
from benchmarks.results import ROOT, WRITTEN, code, command

FOLDER = "FOLDER"
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "speed": (),
    "pipe": (),
    "compiling": (),
    "transcription": ("--audio", FOLDER),
    "separation": ("--audio", FOLDER),
    "dynamics": (),
    "dynamics.claims": (),
    "growth": (),
    "sharpness.ablation": (),
    "view": (),
    "live": (),
    "batch": ("--cluster",),
    "dynamics.up_and_down": (),
    "dynamics.origin": (),
    "sharpness": ("--audio", FOLDER),
}
"""Name -> words; the short ones first."""


def done(name: str, words: Sequence[str], written: Path = WRITTEN) -> bool:
    """Whether its result is of this code and these words."""
    path = written / f"{name}.json"
    if not path.exists():
        return False
    held = json.loads(path.read_text(encoding="utf-8"))
    return bool(held["code"] == code() and held["command"] == command(name, words))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left to run; 0 if all went well, 1 if not, 2 if nothing can be run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.everything", description=__doc__)
    parser.add_argument("folder", help="recordings with their stems: NAME/mix.wav, NAME/stem_*.flac")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join(BENCHMARKS)}")
    options = parser.parse_args(arguments)
    names = [name for name in options.only.split(",") if name] or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    needs_folder = any(FOLDER in BENCHMARKS.get(name, ()) for name in names)
    if unknown or (needs_folder and not (options.folder and Path(options.folder).is_dir())):
        expected = f"benchmarks among {', '.join(BENCHMARKS)}" if unknown else "a folder of recordings: FOLDER=…"
        print(f"expected {expected}; received {', '.join(unknown) or repr(options.folder)}", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        words = [str(Path(options.folder).resolve()) if word == FOLDER else word for word in BENCHMARKS[name]]
        if done(name, words):
            print(f"{name}: done before", file=sys.stderr)
        elif subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words], cwd=ROOT).returncode:
            failed.append(name)
            continue
        keep([name], drop=True)
    document.main([])
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
