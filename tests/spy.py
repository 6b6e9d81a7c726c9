"""The CPU, which remembers what kernels were given and what they made of it."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sharpear.gpu import CPU


class Call(NamedTuple):
    """A kernel's arguments by name, before it ran and after; and what it returned."""

    before: dict[str, Any]
    after: dict[str, Any]
    result: Any


class Spy(type(CPU)):
    """Calls by the kernel's name, the first one first."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = {}

    def kernel(self, function: Any, *_: Any, **__: Any) -> Callable[..., Any]:
        return self.watch(function)

    def watch(self, function: Any) -> Callable[..., Any]:
        names = inspect.signature(function.py_func).parameters

        def run(*arguments: Any) -> Any:
            before = dict(zip(names, map(copied, arguments), strict=True))
            result = function(*arguments)
            after = dict(zip(names, map(copied, arguments), strict=True))
            self.calls.setdefault(function.__name__, []).append(Call(before, after, result))
            return result

        return run

    @property
    def given(self) -> dict[str, dict[str, Any]]:
        """What each kernel was last given."""
        return {name: calls[-1].before for name, calls in self.calls.items()}


def copied(value: Any) -> Any:
    if hasattr(value, "_fields"):
        return type(value)(*map(copied, value))
    return value.copy() if isinstance(value, np.ndarray) else value
