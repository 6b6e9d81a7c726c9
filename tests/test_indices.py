"""No kernel's index is negative, nor past its array's end: what other tests run, with a check of every index.

Kernels are lowered without asking whether an index is negative (sharpear.compiler.passes): with one, they would read or
write what stands before the array. Numba's own check, `NUMBA_BOUNDSCHECK`, sees it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]

RUN_WITH_KERNELS = (
    "hop_by_hop", "separation", "one_voice", "pitch", "recordings", "sinks", "view_tiles", "live_learning", "lca",
    "wta", "network", "solvers",
)  # fmt: skip
"""Tests that between them run the paths of hops, stems, notes, pictures, learning, layers and networks."""

WITH_A_WRONG_INDEX = """
import numpy as np
from sharpear.compiler import kernel

@kernel
def part(x, k):
    return x[0, k]

@kernel
def whole(x, k):
    return part(x, k) + x[-1, -1]

x = np.ones((2, 3))
for k, right in ((-1, False), (0, True), (2, True), (3, False)):
    try:
        assert whole(x, k) == 2 and right, k
    except IndexError:
        assert not right, k
"""


def checked(cache: Path, *words: str) -> str:
    """What Python says, its kernels compiled with the check: nothing where it ends well."""
    told = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
    line = [sys.executable, *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=told, cwd=ROOT)
    return "" if done.returncode == 0 else done.stdout[-10000:] + done.stderr[-2000:]


def test_the_check_sees_an_index_before_and_one_past_an_array(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WITH_A_WRONG_INDEX)
    assert checked(tmp_path / "cache", str(program)) == ""


def test_no_kernel_has_an_index_outside_its_array(tmp_path: Path) -> None:
    paths = [f"tests/test_{name}.py" for name in RUN_WITH_KERNELS]
    assert checked(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not compiler", *paths) == ""
