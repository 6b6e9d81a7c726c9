"""Parts of kernels: compiled in fewer steps than Numba's, they must do what Python does, and lose no memory."""

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys
from part_code import code_of_part

from sharpear.compiler import kernel
from sharpear.compiler.kept import Kept


class Pair(NamedTuple):
    x: np.ndarray
    factor: float


@kernel
def scale_all_but_first(x, factor):
    rest = x[1:]
    for i in range(rest.size):
        rest[i] *= factor


@kernel
def picked(x):
    return x[np.array([2, 0])].sum() + x[x > 1].sum()


@kernel
def doubled(x):
    return 2 * x + x[::-1]


@kernel
def within(x):
    square = lambda value: value * value  # noqa: E731
    total = 0.0
    for row in x:
        total += square(row[0]) + row[-1]
    return total


@kernel
def by_name(records):
    return records["a"].sum() + records[0]["b"]


@kernel
def the_longer(x, y):
    return x if x.size > y.size else y


@kernel
def moved(x):
    x[1:] = x[:-1]


@kernel
def kept_total(kept):
    return kept.x[:2].sum() * kept.factor


@kernel
def from_the_end(x, row):
    x[row, -1] = x[-1, row] + 1.0
    x[-1][0] = 2.0
    x[0, -2:] = 3.0
    return x[-2, -1] + x[-3][row]


@kernel
def gathered(x, at, out):
    for i in range(at.size):
        out[i] = x[at[i]]


CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "a view that is written": (scale_all_but_first, (np.arange(4.0), 3.0)),
    "a view assigned to another": (moved, (np.arange(4.0),)),
    "copies of elements": (picked, (np.arange(4.0),)),
    "an array that is made": (doubled, (np.arange(4.0),)),
    "a function within, and rows": (within, (np.arange(6.0).reshape(2, 3),)),
    "fields by name": (by_name, (np.array([(1.0, 2.0), (3.0, 4.0)], [("a", "f8"), ("b", "f8")]),)),
    "indices written as negative numbers": (from_the_end, (np.arange(12.0).reshape(3, 4), 1)),
    "one of the arguments": (the_longer, (np.arange(4.0), np.arange(3.0))),
}


def as_part(inner: Any) -> Any:
    @kernel
    def outer(*given):
        return inner(*given)

    return outer


@pytest.fixture
def counted() -> Iterator[None]:
    _nrt_python.memsys_enable_stats()
    yield
    _nrt_python.memsys_disable_stats()


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("name", CASES)
def test_a_part_does_what_python_does_and_frees_what_it_makes(name: str) -> None:
    inner, given = CASES[name]
    outer = as_part(inner)
    ours, theirs = (tuple(np.copy(value) if isinstance(value, np.ndarray) else value for value in given) for _ in "12")
    np.testing.assert_array_equal(outer(*ours), inner.py_func(*theirs))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    held, before = [sys.getrefcount(value) for value in given], rtsys.get_allocation_stats()
    for _ in range(10):
        outer(*given)
    after = rtsys.get_allocation_stats()
    assert [sys.getrefcount(value) for value in given] == held
    assert after.alloc - before.alloc == after.free - before.free
    assert after.mi_alloc - before.mi_alloc == after.mi_free - before.mi_free


def test_a_part_takes_what_is_kept() -> None:
    assert as_part(kept_total)(Kept(Pair(np.array([1.0, 2.0, 4.0]), 2.0))) == 6.0


def test_an_index_is_not_asked_whether_it_counts_from_the_end() -> None:
    code = code_of_part(gathered, np.zeros(8, np.float32), np.zeros(8, np.int64), np.zeros(8, np.float32))
    assert " select " not in code
