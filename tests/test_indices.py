"""The check by which `make indices` looks at every index of a kernel sees one that is negative or past its array's end.

Kernels are lowered without asking whether an index is negative (sharpear.compiler.passes): with one, they would read or
write what stands before the array. Numba's own check, `NUMBA_BOUNDSCHECK`, sees it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

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


def test_the_check_sees_an_index_before_and_one_past_an_array(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(WITH_A_WRONG_INDEX)
    told = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, env=told)
    assert (done.returncode, done.stderr) == (0, "")
