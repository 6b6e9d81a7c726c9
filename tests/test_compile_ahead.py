"""Kernels compiled by several processes: who takes which, and that they are there afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sharpear.compiler.ahead import shares
from sharpear.compiler.cache import instructions
from sharpear.config import load_config
from sharpear.gpu.rehearsal import Rehearsal
from sharpear.sharpening.rehearsed import BLOCK_HOPS
from sharpear.sharpening.sharpener import Sharpener

APART = """
from sharpear.compiler import cache
from sharpear.compiler.ahead import compile_ahead
from sharpear.dsp.scales import scale_position
from sharpear.dsp.splitter_kernel import usable_samples
import numba, numpy as np

audio = numba.float32[:, ::1]
calls = [(usable_samples, (audio, numba.int64[::1], audio)), (scale_position, (numba.float64, numba.int64))]
compile_ahead(calls, processes=2)
print([cache.is_kept(*call) for call in calls], [len(kernel.overloads) for kernel, _ in calls])
"""


@pytest.fixture(scope="module")
def rehearsed() -> Rehearsal:
    rehearsal = Rehearsal()
    sharpener = Sharpener(44100, load_config("music"), device=rehearsal)
    sharpener.process(np.zeros((BLOCK_HOPS * sharpener.hop, 1), np.float32))
    return rehearsal


def test_a_rehearsal_names_every_kernel_with_the_types_that_it_is_called_with(rehearsed: Rehearsal) -> None:
    sharpener = Sharpener(44100, load_config("music"))
    sharpener.process(np.zeros((BLOCK_HOPS * sharpener.hop, 1), np.float32))
    names = {kernel.__name__ for kernel, _ in rehearsed.calls}
    assert names >= {"hann_process", "lines_process", "judge_process", "pair_process"}
    for kernel, types in rehearsed.calls:
        assert types in kernel.overloads


@pytest.mark.parametrize("processes", [1, 2, 3, 64])
def test_every_kernel_is_taken_once_and_nobody_waits_for_more_than_the_largest(
    rehearsed: Rehearsal, processes: int
) -> None:
    parts = shares(rehearsed.calls, processes)
    assert sorted(str(call) for part in parts for call in part) == sorted(map(str, rehearsed.calls))
    assert all(parts)
    sizes = [sum(instructions(kernel) for kernel, _ in part) for part in parts]
    largest = max(instructions(kernel) for kernel, _ in rehearsed.calls)
    assert max(sizes) <= max(largest, 1.34 * sum(sizes) / processes)


@pytest.mark.slow
def test_what_another_process_compiles_is_kept(tmp_path: Path) -> None:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", APART], capture_output=True, text=True, check=False, env=told)
    kept, compiled = done.stdout.strip().rsplit(" [", 1)
    assert (kept, done.stderr) == ("[True, True]", "")
    assert compiled in ("1, 0]", "0, 1]")
