"""Kernels apart: called by a symbol, compiled beside what calls them, and loaded before it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import typeof
from numpy.typing import NDArray

from sharpear.compiler import kernel

PROGRAM = """
import sys
import numpy as np
from kernels import outer
from sharpear.compiler.entries import entries
x = np.arange(5.0)
print(entries({"outer": (outer, (x, 1))}, int(sys.argv[1]))["outer"](x, 1), *x)
"""

KERNELS = """
from sharpear.compiler import kernel

@kernel(apart=True)
def scale(x, factor: float) -> None:
    for i in range(x.size):
        x[i] *= factor

@kernel(apart=True)
def is_large(x, n: int) -> bool:
    scale(x, 2.0)
    return bool(x[n] > 3)

@kernel(apart=True)
def last(x) -> int:
    return x.size - 1

@kernel
def outer(x, n):
    while not is_large(x, n):
        scale(x, 0.75)
    return last(x)
"""

NAMES = {"kernels.scale", "kernels.is_large", "kernels.last", "kernels.outer"}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "kernels.py").write_text(KERNELS)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def run(program: Path, processes: int, **environment: str) -> None:
    told = {**os.environ, "NUMBA_CACHE_DIR": str(program / "cache"), "PYTHONPATH": str(program), **environment}
    words = [sys.executable, str(program / "program.py"), str(processes)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=told, cwd=program)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "4 0.0 4.5 9.0 13.5 18.0\n")


def kept(program: Path) -> dict[str, Path]:
    return {file.name.split("-")[0]: file for file in program.rglob("*.kernel")}


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 3])
def test_each_is_kept_and_what_is_lost_is_compiled_again(program: Path, processes: int) -> None:
    run(program, processes)
    files = kept(program)
    assert set(files) == NAMES
    before = {name: file.stat().st_mtime_ns for name, file in files.items()}
    files["kernels.scale"].unlink()
    run(program, processes)
    after = {name: file.stat().st_mtime_ns for name, file in kept(program).items()}
    assert {name for name in NAMES if after[name] != before[name]} == {"kernels.scale"}


@pytest.mark.slow
def test_processes_that_die_leave_all_to_this_one(program: Path) -> None:
    text = (program / "kernels.py").read_text()
    (program / "kernels.py").write_text(f"{text}\nif '__main__' in __name__ or HELPS:\n    raise SystemExit\n")
    helps = "import sys\nHELPS = 'program.py' not in sys.argv[0]\n"
    (program / "kernels.py").write_text(helps + (program / "kernels.py").read_text())
    run(program, 2)
    assert set(kept(program)) == NAMES


def test_an_error_reaches_python_through_what_calls() -> None:
    @kernel(apart=True)
    def checked(n: int) -> int:
        if n < 0:
            raise ValueError("less than nothing")
        return n

    @kernel
    def outer(n: int) -> int:
        return 2 * checked(n)

    assert outer(3) == 6
    with pytest.raises(ValueError, match="less than nothing"):
        outer(-1)


def test_what_returns_something_else_than_it_says_is_refused() -> None:
    @kernel(apart=True)
    def half(n: int) -> int:
        return n / 2  # type: ignore[return-value]

    with pytest.raises(TypeError, match="half returns float64, not int64"):
        half._part.compile((typeof(1),))


@pytest.mark.parametrize("said", [{}, {"return": float}, {"return": "None"}])
def test_one_that_does_not_say_what_it_returns_is_refused_where_it_is_defined(said: dict[str, Any]) -> None:
    def half(n):  # type: ignore[no-untyped-def]
        return n / 2

    half.__annotations__ = said
    with pytest.raises(TypeError, match=r"half: expected a kernel apart to say -> None, bool or int, it says"):
        kernel(half, apart=True)


@pytest.mark.parametrize("given", [np.arange(4.0), np.arange(8.0)[::2], np.arange(4, dtype=np.float32)])
def test_it_is_one_for_each_type_of_its_arguments(given: NDArray[Any]) -> None:
    total = np.zeros(1)
    _sum_twice(given, total)
    assert total[0] == 2 * given.sum()


@kernel(apart=True)
def _add(x: NDArray[Any], total: NDArray[Any]) -> None:
    for value in x:
        total[0] += value


@kernel
def _sum_twice(x: NDArray[Any], total: NDArray[Any]) -> None:
    for _ in range(2):
        _add(x, total)
