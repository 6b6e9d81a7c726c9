"""Kernels compiled by several processes: they are there afterwards, whatever becomes of the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

APART = """
import sys
import numpy as np
from sharpear.compiler.ahead import compile_ahead
from sharpear.compiler.cache import is_kept
from sharpear.dsp.scales import scale_position
from sharpear.dsp.splitter_kernel import usable_sample
from numba import typeof

calls = [(usable_sample, (np.float32(1), 0, np.zeros(1, np.int64))), (scale_position, (np.float32(440), np.int8(1)))]
sys.executable = sys.executable if sys.argv[1:] == ["helped"] else sys.argv[1]
compile_ahead(calls, processes=2)
print(*(is_kept(kernel, tuple(map(typeof, given))) for kernel, given in calls))
print(sum(len(kernel.stats.cache_misses) for kernel, _ in calls))
"""


@pytest.mark.parametrize(
    ("executable", "compiled_here"), [("helped", "1"), ("no such program", "2"), ("/bin/false", "2")]
)
def test_what_another_process_compiles_is_kept_and_what_it_does_not_is_compiled_here(
    tmp_path: Path, executable: str, compiled_here: str
) -> None:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", APART, executable]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=told)
    assert (done.stdout.splitlines(), done.stderr) == (["True True", compiled_here], "")
