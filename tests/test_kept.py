"""What kernels are handed once and for all: to them it is the named tuple that it was made of."""

from collections import namedtuple
from typing import NamedTuple

import numpy as np
import pytest
from numba import typeof

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.compiler.kept import Kept


class Inner(NamedTuple):
    on: bool
    weight: Floats
    power: int


class Outer(NamedTuple):
    rows: Doubles
    inner: Inner
    factor: float


@kernel
def mixed(inner: Inner, n: int) -> float:
    return inner.weight[n] ** inner.power if inner.on else 0.0


@kernel
def total(parts: Outer) -> float:
    found = 0.0
    for i in range(parts.rows.shape[0]):
        for n in range(parts.rows.shape[1]):
            found += parts.factor * parts.rows[i, n] * mixed(parts.inner, n)
    return found


@pytest.mark.parametrize("on", [True, False])
def test_it_is_what_it_was_made_of_and_what_changes_within_is_seen(on: bool) -> None:
    parts = Outer(np.arange(6.0).reshape(2, 3), Inner(on, np.array([1, 2, 3], np.float32), 2), 0.5)
    kept = Kept(parts)
    assert total(kept) == total(parts) == (0.5 * (3 * 1 + 5 * 4 + 7 * 9) if on else 0.0)
    parts.rows[:] = 1.0
    assert total(kept) == total(parts)


def test_types_that_differ_in_the_order_of_fields_alone_differ() -> None:
    pair, turned = namedtuple("Pair", "a b"), namedtuple("Pair", "b a")
    assert typeof(Kept(pair(1, 2))) == typeof(Kept(pair(3, 4)))
    assert typeof(Kept(pair(1, 2))) != typeof(Kept(turned(1, 2)))


def test_a_field_that_is_not_there_is_named() -> None:
    @kernel
    def wrong(parts):  # type: ignore[no-untyped-def]
        return parts.nothing

    with pytest.raises(Exception, match="nothing"):
        wrong(Kept(Inner(True, np.ones(1, np.float32), 1)))


@pytest.mark.parametrize("understood", [True, False])
def test_kernels_run_with_a_numba_whose_steps_are_not_known(monkeypatch, understood):
    monkeypatch.setattr("sharpear.compiler.parts.UNDERSTOOD", understood)

    @kernel
    def raised(x: float, power: int) -> float:
        return x**power

    @kernel
    def sum_raised(inner: Inner) -> float:
        found = 0.0
        for n in range(inner.weight.size):
            found += raised(inner.weight[n], inner.power)
        return found

    assert sum_raised(Kept(Inner(True, np.arange(4, dtype=np.float32), 2))) == 14.0
