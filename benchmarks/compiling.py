"""What compiling costs, kernel by kernel, where nothing is kept: ``python -m benchmarks.compiling --preset music``.

A kernel's own time is without that of the kernels it calls: what Numba's front end and lowering take, and LLVM's
passes over the code that is linked by then. Variants are for how many types of arguments it was compiled. All is
compiled by one process, where a first run takes as many as there are cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numba.core.event as numba_events
import numpy as np

from sharpear.compiler.cache import KernelCache

RATE_HZ = 44100
LOWERING = "native_lowering"
"""Numba's pass that makes LLVM's code, and has it optimised and made machine code."""


@dataclass
class Spent:
    """Processor time of one kernel, s, and for how many types of arguments it was compiled."""

    front_s: float = 0.0
    lowering_s: float = 0.0
    variants: int = 0


class Clock(numba_events.Listener):  # type: ignore[misc]
    """Notes what each pass over each kernel takes; of passes within passes, each its own."""

    def __init__(self) -> None:
        self.spent: dict[str, Spent] = {}
        self._open: list[tuple[float, float]] = []

    def on_start(self, event: Any) -> None:
        """A pass begins."""
        self._open.append((time.process_time(), 0.0))

    def on_end(self, event: Any) -> None:
        """It ends."""
        began, within = self._open.pop()
        whole, told = time.process_time() - began, event.data
        if self._open:
            outer, inner = self._open.pop()
            self._open.append((outer, inner + whole))
        if event.kind == "numba:compile":
            kernel = told["dispatcher"].py_func
            self._of(f"{kernel.__module__}.{kernel.__qualname__}").variants += 1
        else:
            spent = self._of(f"{told['module']}.{told['qualname']}")
            if told["name"].startswith(LOWERING):
                spent.lowering_s += whole - within
            else:
                spent.front_s += whole - within

    def _of(self, name: str) -> Spent:
        return self.spent.setdefault(name, Spent())


def main() -> None:
    """Compile what a preset needs, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="music")
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--rows", type=int, default=30, help="kernels that are listed, the costliest first")
    arguments = parser.parse_args()
    clock = Clock()
    for kind in ("numba:compile", "numba:run_pass"):
        numba_events.register(kind, clock)
    began, began_wall = time.process_time(), time.perf_counter()
    import sharpear  # noqa: PLC0415

    sharpener = sharpear.Sharpener(RATE_HZ, arguments.preset, arguments.streams)
    built = time.process_time()
    here = patch("sharpear.compiler.entries.compile_ahead")  # all in this process
    with here, patch.multiple(KernelCache, load_overload=lambda *_: None, save_overload=lambda *_: None):
        sharpener.process(np.zeros((RATE_HZ // 10, arguments.streams), np.float32))
    ended, wall = time.process_time(), time.perf_counter() - began_wall
    print(
        f"{arguments.preset}: {ended - began:.1f} s of processor time ({wall:.1f} s by the clock) to the first frames, "
        f"{built - began:.1f} s of it to import and design"
    )
    print(f"  {'front end':>9} {'lowering':>9} {'variants':>9}  kernel")
    rows = sorted(clock.spent.items(), key=lambda row: -row[1].front_s - row[1].lowering_s)
    for name, spent in rows[: arguments.rows]:
        print(f"  {spent.front_s:9.2f} {spent.lowering_s:9.2f} {spent.variants:9d}  {name}")
    rest = [spent for _, spent in rows[arguments.rows :]]
    print(f"  {sum(s.front_s for s in rest):9.2f} {sum(s.lowering_s for s in rest):9.2f} {'':>9}  {len(rest)} others")


if __name__ == "__main__":
    main()
