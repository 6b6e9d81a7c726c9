"""Kernels compiled by several processes: they are there afterwards, whatever becomes of the others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

APART = """
import sys
from threading import Event, Thread
import numpy as np
from sharpear.compiler.ahead import compile_ahead
from sharpear.compiler.cache import is_kept
from sharpear.dsp.scales import scale_position
from sharpear.dsp.splitter_kernel import usable_sample
from numba import typeof

calls = [(usable_sample, (np.float32(1), 0, np.zeros(1, np.int64))), (scale_position, (np.float32(440), np.int8(1)))]
ended = Event()
if sys.argv[1] != "copied":  # what has threads is not copied, but started anew
    sys.executable = sys.executable if sys.argv[1] == "started" else sys.argv[1]
    Thread(target=ended.wait).start()
compile_ahead(calls, processes=2)
ended.set()
print(*(is_kept(kernel, tuple(map(typeof, given))) for kernel, given in calls))
print(sum(len(kernel.stats.cache_misses) for kernel, _ in calls))
"""


@pytest.mark.parametrize(
    ("helpers", "compiled_here"), [("copied", "0"), ("started", "0"), ("no such program", "2"), ("/bin/false", "2")]
)
def test_what_another_process_compiles_is_kept_and_what_it_does_not_is_compiled_here(
    tmp_path: Path, helpers: str, compiled_here: str
) -> None:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", APART, helpers]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=told)
    assert (done.stdout.splitlines(), done.stderr) == (["True True", compiled_here], "")


STANDING_BY = """
import sys
from threading import Thread
from kernels import twice
from sharpear.compiler.ahead import compile_ahead
from sharpear.compiler.helpers import standing_by

def compile_twice():
    for x in 21, 2.5:
        compile_ahead([(twice, (x,))], processes=2)
        print(twice(x))

sys.executable = "no such program"
with standing_by(2):
    thread = Thread(target=compile_twice)
    thread.start()
    thread.join()
print(len(twice.stats.cache_misses))
"""


def test_copies_that_stand_by_compile_what_a_thread_asks_for_more_than_once(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("from sharpear.compiler import kernel\n@kernel\ndef twice(x): return 2 * x\n")
    (tmp_path / "program.py").write_text(STANDING_BY)
    told = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=told)
    misses = "0" if sys.platform == "linux" else "2"
    assert (done.stdout.splitlines(), done.stderr) == (["42", "5.0", misses], "")
