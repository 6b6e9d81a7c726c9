"""Run all benchmarks that need no device, keep what they find and fill the pages: ``make bench-all FOLDER=…``.

One after another, as they measure time, too. What was run with the same code and the same words is not run again.
``--small`` runs all of them on little, to see that they run; nothing of it is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import document
from benchmarks.keep import keep
from benchmarks.results import ROOT, WRITTEN, code, command

FOLDER, VOICES = "FOLDER", "VOICES"
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "speed": (),
    "pipe": (),
    "compiling": (),
    "transcription": ("--audio", FOLDER),
    "transcription.fundamentals": ("--audio", FOLDER),
    "transcription.choices": ("--audio", FOLDER),
    "separation": ("--audio", FOLDER),
    "dynamics": (),
    "dynamics.claims": (),
    "growth": (),
    "sharpness.ablation": (),
    "sharpness.drawn": ("--audio", FOLDER),
    "beliefs.oracles": (),
    "separation.oracles": ("--audio", FOLDER),
    "view": (),
    "live": (),
    "batch": ("--cluster",),
    "dynamics.up_and_down": (),
    "dynamics.dca": ("--audio", FOLDER),
    "dynamics.origin": (),
    "sharpness": ("--audio", FOLDER),
    "beliefs.ablation": ("--sources", VOICES),
}
"""Name -> words; the short ones first. What needs voices is run where they are given: it takes hours."""
SMALL: dict[str, tuple[str, ...]] = {
    "speed": ("--seconds", "1", "--repeats", "1"),
    "pipe": ("--seconds", "1", "--repeats", "1"),
    "compiling": ("--preset", "low-latency"),
    "transcription": ("--audio", FOLDER, "--seeds", "1"),
    "growth": ("--longest", "4"),
    "sharpness.ablation": ("--seeds", "1"),
    "beliefs.oracles": ("--seeds", "1"),
    "separation.oracles": ("--audio", FOLDER, "--pieces", "0"),
    "view": ("--minutes", "0.2", "--song", str(ROOT / "examples" / "audio" / "bach_bwv66.6.flac")),
    "live": ("--minutes", "0.2"),
    "batch": ("--cluster", "--preset", "low-latency", "--repeats", "1", "--seconds", "1", "--short", "10"),
    "sharpness": (
        "--seeds",
        "1",
        "--families",
        "notes_design",
        "--methods",
        "sharpear-music,basins-2048",
        "--no-tones",
    ),
}
"""What is said instead where little is enough; the others have no size."""


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
    parser.add_argument("--voices", default="", help="what benchmarks.sharpness.sung_sources made")
    parser.add_argument("--small", action="store_true", help="run them on little, and keep nothing")
    options = parser.parse_args(arguments)
    given = {FOLDER: options.folder, VOICES: options.voices}
    everything = [name for name, words in BENCHMARKS.items() if VOICES not in words or options.voices]
    names = [name for name in options.only.split(",") if name] or everything
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"expected benchmarks among {', '.join(BENCHMARKS)}; received {', '.join(unknown)}", file=sys.stderr)
        return 2
    for word, what in ((FOLDER, "recordings"), (VOICES, "voices")):
        if any(word in BENCHMARKS[name] for name in names) and not (given[word] and Path(given[word]).is_dir()):
            print(f"expected a folder of {what}: {word}=…; received {given[word]!r}", file=sys.stderr)
            return 2
    failed = []
    for name in names:
        chosen = SMALL.get(name, BENCHMARKS[name]) if options.small else BENCHMARKS[name]
        words = [str(Path(given[word]).resolve()) if word in given else word for word in chosen]
        if options.small:
            failed += [name] * bool(_run(name, words, WRITTEN / "small"))
            continue
        if done(name, words):
            print(f"{name}: done before", file=sys.stderr)
        elif _run(name, words, WRITTEN):
            failed.append(name)
            continue
        keep([name], drop=True)
    if not options.small:
        document.main([])
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def _run(name: str, words: Sequence[str], written: Path) -> int:
    print(f"{name} {' '.join(words)}", file=sys.stderr, flush=True)
    environment = os.environ | {"SHARPEAR_BENCH": str(written)}
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *words], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
