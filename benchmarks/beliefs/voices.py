"""Learn when to believe in voices: `python -m benchmarks.beliefs.voices --sources FOLDER`. See docs/voices.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.beliefs.__main__ import logged, origin_of, parser
from benchmarks.beliefs.gather import VOICES, Wanted, gathered, wanted
from benchmarks.results import Table

STEPS = (9000, 4500)
"""How many each of the two stages has."""

FIRST_BELL = 400_000
BELLS = {"train": 150, "validation": 14}
"""Scenes without voices, beside those that the judge of windows learns from; the first seeds validate."""


def bells(split: str) -> list[Wanted]:
    """Those of "train" or "validation"."""
    first = FIRST_BELL + (0 if split == "validation" else BELLS["validation"])
    return [Wanted("bell", "bell", split, seed) for seed in range(first, first + BELLS[split])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Gather examples, train, validate, write; 0 on success."""
    told = parser("benchmarks.beliefs.voices", __doc__)
    told.add_argument("--out", type=Path, default=Path("build/beliefs/voices_music.npz"), help="the file")
    told.add_argument("--steps", type=int, nargs=2, default=STEPS, help=f"of each stage (default {STEPS})")
    options = told.parse_args(arguments)
    log = logged()
    origin = origin_of(options, log)
    train, validation = (
        gathered(
            wanted(options.scenes, split, origin.folder is None) + bells(split),
            origin,
            VOICES,
            options.examples,
            options.jobs,
        )
        for split in ("train", "validation")
    )
    log(f"{len(train)} scenes train, {len(validation)} validate")
    # Not at the top: torch takes seconds to come, which processes that make examples need not wait for.
    from benchmarks.beliefs.voice_network import learned  # noqa: PLC0415

    arrays, reached = learned(train, validation, options.steps, options.seed, log)
    figures = {
        "validation": reached, "steps": list(options.steps), "seed": options.seed, "scenes": options.scenes,
        "speakers": origin.speakers(),
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, allow_pickle=False, **arrays, figures=np.array(json.dumps(figures, sort_keys=True).encode()))
    print(Table(reached).markdown())
    log(f"written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
