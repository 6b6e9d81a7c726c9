"""Compiled kernels: kept once, compiled anew whatever happened to what was kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TINY = """
import logging, sys
from sharpear.compiler import kernel
logging.getLogger("sharpear.compiler").setLevel("INFO")
logging.getLogger("sharpear.compiler").addHandler(logging.StreamHandler(sys.stdout))

@kernel
def tiny(x):
    return 2 * x

print(tiny(21))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    # A source of its own: what falls back to a shared place is not found there by another test.
    (tmp_path / "tiny.py").write_text(f"{TINY}# {tmp_path}\n")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny program has run, and what that said."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "tiny.py").write_text(f"{TINY}# {folder}\n")
    (folder / "said").write_text("\n".join(run(folder / "cache")))
    return folder


@pytest.fixture
def filled(ran_once: Path, tmp_path: Path) -> Path:
    """A place that holds what the program beside it compiles."""
    shutil.copytree(ran_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "cache"


def run(place: Path, **environment: str) -> list[str]:
    """Lines that the tiny program prints, its kernels kept in `place`."""
    told = {**os.environ, "NUMBA_CACHE_DIR": str(place), **environment}
    words = [sys.executable, str(place.parent / "tiny.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=told, cwd=place.parent)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, result = done.stdout.splitlines()
    assert result == "42"
    return lines


def test_what_is_compiled_is_said_once_and_kept(filled: Path) -> None:
    (line,) = (filled.parent / "said").read_text().splitlines()
    assert line.startswith("compiling once")
    assert run(filled) == []


def test_a_kernel_with_checked_indices_is_another_one(filled: Path) -> None:
    """Otherwise what is to be checked would be found as it is without."""
    (line,) = run(filled, NUMBA_BOUNDSCHECK="1")
    assert line.startswith("compiling once")
    assert run(filled) == []


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "one bit": lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
    "random bytes": lambda data: bytes(reversed(data)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_compiled_again_once(filled: Path, damage: str) -> None:
    (kept,) = filled.rglob("*.kernel")
    kept.write_bytes(DAMAGE[damage](kept.read_bytes()))
    (line,) = run(filled)
    assert "damaged" in line
    assert run(filled) == []


def test_a_folder_that_others_may_write_is_not_read(place: Path) -> None:
    run(place)
    (kept,) = place.rglob("*.kernel")
    kept.parent.chmod(0o777)
    (line,) = run(place)
    assert "others may write to it" in line


def test_a_place_that_cannot_be_made_is_named(place: Path) -> None:
    place.write_text("a file")
    (line,) = run(place)
    assert str(place) in line


def test_a_change_of_the_source_compiles_again_and_leaves_nothing_old(filled: Path) -> None:
    program = filled.parent / "tiny.py"
    program.write_text(program.read_text().replace("2 * x", "x + x"))
    assert run(filled)
    assert len(list(filled.rglob("*.kernel"))) == 1


CHANGING = """
from pathlib import Path
from sharpear.compiler import kernel

@kernel
def tiny(x):
    return 2 * x

here = Path(__file__)
source = here.read_text()
here.write_text(source.replace("2 * x", "3 * x").replace("tiny(21)", "tiny(14)"))
print(tiny(21))
"""


def test_what_is_compiled_when_its_file_has_changed_is_not_kept_as_what_the_file_says_now(place: Path) -> None:
    (place.parent / "tiny.py").write_text(CHANGING)
    run(place)
    run(place)


RULED = """
from tiny_rule import Rule
from sharpear.compiler import kernel

@kernel
def told(rule):
    return 10 * rule.a + rule.b

print(told(Rule(a=4, b=2)))
"""


def test_a_named_tuple_whose_fields_change_places_compiles_again(place: Path) -> None:
    """It stands in another file, and the types that Numba knows it by stay the same."""
    (place.parent / "tiny.py").write_text(RULED)
    for first, second in ("ab", "ba"):
        rule = f"from typing import NamedTuple\nclass Rule(NamedTuple):\n    {first}: int\n    {second}: int\n"
        (place.parent / "tiny_rule.py").write_text(rule)
        assert run(place, PYTHONDONTWRITEBYTECODE="1") == []


WITHIN = """
from sharpear.compiler import kernel

@kernel(fastmath={"contract"})
def half(x):
    return 0.5 * x

@kernel
def both(x):
    return half(x) + half(x)

print(int(both(42.0)))
"""


def test_a_kernel_within_another_is_no_file_of_its_own_and_python_may_call_it_later(place: Path) -> None:
    program = place.parent / "tiny.py"
    program.write_text(WITHIN)
    run(place)
    assert [kept.name.split("-")[0] for kept in place.rglob("*.kernel")] == ["__main__.both"]
    program.write_text(WITHIN.replace("print(", "assert half(84.0) == 42.0\nprint("))
    run(place)
    program.write_text(WITHIN.replace("print(", "assert both(42.0) == half(84.0) == 42.0\nprint("))
    run(place)
