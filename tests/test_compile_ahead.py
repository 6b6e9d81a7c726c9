"""Kernels compiled by several processes: they are there afterwards, whatever becomes of the others."""

import os
import subprocess
import sys
import time
from contextlib import suppress
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


SLOW = """
import os, sys, time
from threading import Thread
from kernels import slow
from sharpear.compiler import helpers
from sharpear.compiler.ahead import compile_ahead, give_up

def compile_it():
    try:
        compile_ahead([(slow, (21,)), (slow, (2.5,))], processes=2)
    except KeyboardInterrupt:
        print("given up")

with helpers.standing_by(2):
    threads = [Thread(target=compile_it) for _ in range(2)]  # the second waits for the first
    for thread in threads:
        thread.start()
    time.sleep(1)
    if sys.argv[1] == "killed":
        print(os.getpid(), flush=True)
        os.kill(os.getpid(), 9)
    give_up()
    for thread in threads:
        thread.join()
"""

SLOW_KERNEL = """
import time
from numba.extending import overload
from sharpear.compiler import kernel

def wait(x): ...

@overload(wait)
def _(x):
    time.sleep(300)  # as long as the longest kernels, and longer
    return lambda x: x

@kernel
def slow(x): return wait(x)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is copied")
@pytest.mark.parametrize("ending", ["given up", "killed"])
def test_nobody_waits_for_what_compiles_and_nothing_outlives_its_program(tmp_path: Path, ending: str) -> None:
    """The copies hold none of the pipes that a caller waits for the end of, and are no more when it has ended."""
    (tmp_path / "kernels.py").write_text(SLOW_KERNEL)
    (tmp_path / "program.py").write_text(SLOW)
    told = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, str(tmp_path / "program.py"), ending]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=told, start_new_session=True) as program:
        out, _ = program.communicate(timeout=60)
    assert out.splitlines() == ([ending] * 2 if ending == "given up" else [str(program.pid)])
    for _ in range(100):
        if not (left := living(program.pid)):
            return
        time.sleep(0.1)
    os.killpg(program.pid, 9)
    pytest.fail(f"copies outlived their program: {left}")


def living(group: int) -> list[str]:
    """Processes of a group, but for those that only nobody has waited for."""
    told = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ends just now
            told.append(stat.read_text().rpartition(")")[2].split()[:3])
    return [state for state, _, of in told if int(of) == group and state not in "ZX"]
