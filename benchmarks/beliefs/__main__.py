"""Learn the beliefs of a preset: `python -m benchmarks.beliefs --sources FOLDER`. See docs/beliefs.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beliefs.examples import Examples
from benchmarks.beliefs.gather import Origin, gathered, wanted
from benchmarks.beliefs.presets import LAYOUTS, Preset
from benchmarks.results import Table

TOLD_EVERY = 500
"""Steps between two lines about the loss."""

Log = Callable[[str], None]


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """What all programs that learn are told: from what, and in which order."""
    told = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    told.add_argument("--sources", type=Path, help="folder of single voices by kind; default: the bundled voices")
    told.add_argument("--cache", type=Path, help="where they are kept taken apart; default: SOURCES-cache")
    told.add_argument(
        "--examples", type=Path, default=Path("build/beliefs/examples"), help="folder where examples are kept"
    )
    told.add_argument("--scenes", type=int, default=200, help="scenes of each recorded kind that train (default 200)")
    told.add_argument("--seed", type=int, default=0, help="of the first weights and of the order (default 0)")
    told.add_argument("--jobs", type=int, default=1, help="processes that make examples (default 1)")
    return told


def with_preset(told: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """What programs are told besides that learn to judge windows."""
    told.add_argument("--preset", choices=LAYOUTS, default="music", help="whose windows are judged (default music)")
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Gather examples, train, validate, write; 0 on success."""
    told = with_preset(parser("benchmarks.beliefs", __doc__))
    told.add_argument("--out", type=Path, help="the file; default: build/beliefs/beliefs_PRESET.npz")
    told.add_argument(
        "--steps", type=int, nargs=3, default=(4500, 2500, 3000), help="of each stage (default 4500 2500 3000)"
    )
    options = told.parse_args(arguments)
    log = logged()
    origin = origin_of(options, log)
    train, validation = scenes_of(options, origin, log)
    arrays, figures = learned(train, validation, options.preset, options.steps, options.seed, log)
    figures |= {"scenes": options.scenes, "speakers": origin.speakers()}
    out: Path = options.out or Path(f"build/beliefs/beliefs_{options.preset}.npz")
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(out, allow_pickle=False, **arrays, figures=np.array(json.dumps(figures, sort_keys=True).encode()))
    print(Table(figures["validation"]).markdown())
    log(f"written to {out}")
    return 0


def logged() -> Log:
    """Prints lines with the time since now."""
    start = time.perf_counter()

    def log(message: str) -> None:
        print(f"[{time.perf_counter() - start:6.0f} s] {message}", file=sys.stderr, flush=True)

    return log


def origin_of(options: argparse.Namespace, log: Log) -> Origin:
    """Where recorded voices come from."""
    folder: Path | None = options.sources
    if folder is None:
        log("no --sources: the bundled voices train, by which the benchmark tests: for trying out only")
        return Origin(None, None)
    return Origin(folder, options.cache or folder.with_name(f"{folder.name}-cache"))


def scenes_of(options: argparse.Namespace, origin: Origin, log: Log) -> tuple[list[Examples], list[Examples]]:
    """Examples of the scenes that train, and of those that validate."""
    train, validation = (
        gathered(
            wanted(options.scenes, split, origin.folder is None), origin, options.preset, options.examples, options.jobs
        )
        for split in ("train", "validation")
    )
    log(f"{len(train)} scenes train, {len(validation)} validate")
    return train, validation


def learned(
    train: Sequence[Examples], validation: Sequence[Examples], name: str, steps: Sequence[int], seed: int, log: Log
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the package reads, and the figures that are written beside it."""
    # Not at the top: torch takes seconds to come, which processes that make examples need not wait for.
    from benchmarks.beliefs import learn  # noqa: PLC0415
    from benchmarks.beliefs.network import Sizes, exported  # noqa: PLC0415

    learn.deterministic()
    preset, losses = Preset(name), list[float]()

    def told(step: int, loss: float) -> None:
        losses.append(loss)
        if (step + 1) % TOLD_EVERY == 0:
            log(f"step {step + 1}: loss {np.mean(losses[-TOLD_EVERY:]):.3f}")

    network = learn.begun(train, preset, Sizes(), seed)
    learn.train_in_stages(network, train, name, steps, seed, log, told)
    windows = preset.layout.windows[1:]
    figures = {f"{window.length_hops} hops": learn.only_window(w) for w, window in enumerate(windows)}
    reached = {row: learn.validated(judge, validation) for row, judge in (figures | {"beliefs": network}).items()}
    return exported(network, preset), {"validation": reached, "steps": list(steps), "seed": seed, "preset": name}


if __name__ == "__main__":
    sys.exit(main())
