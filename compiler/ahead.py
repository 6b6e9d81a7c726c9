"""Kernels compiled ahead, side by side: Numba compiles one at a time in a process, so other processes take some.

What they compile they keep (`sharpear.compiler.cache`), and it is loaded from there like anything else that is kept.
Whatever goes wrong with them, kernels are compiled when they are called.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from .cache import announce, first_writable, instructions, is_kept
from .parts import Kernel

Call = tuple[Kernel, tuple[Any, ...]]
"""A kernel, and the types of its arguments."""


def compile_ahead(calls: Sequence[Call], processes: int | None = None) -> None:
    """Compile what is not kept of `calls`, in as many processes as there are cores, and return when all is done."""
    missing = [call for call in calls if not is_kept(*call)]
    if not missing or first_writable()[0] is None:
        return
    announce()
    ours, *others = shares(missing, processes or os.cpu_count() or 1)
    helpers = list(_helpers(others))
    try:
        for kernel, types in ours:
            kernel.compile(types)
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()


def shares(calls: Sequence[Call], processes: int) -> list[list[Call]]:
    """`calls` for each process, about as long to compile: the longest first, each to who has least, none empty."""
    parts: list[list[Call]] = [[] for _ in range(min(processes, len(calls)))]
    load = [0] * len(parts)
    for call in sorted(calls, key=lambda call: instructions(call[0]), reverse=True):
        least = load.index(min(load))
        parts[least].append(call)
        load[least] += instructions(call[0])
    return parts


def _helpers(others: Sequence[Sequence[Call]]) -> Iterator["subprocess.Popen[bytes]"]:
    words = [sys.executable, "-m", "sharpear.compiler.ahead"]
    for calls in others:
        named = [(kernel.py_func.__module__, kernel.py_func.__qualname__, types) for kernel, types in calls]
        with suppress(OSError):  # no process can be started
            nowhere = subprocess.DEVNULL
            helper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere)
            assert helper.stdin is not None
            with suppress(OSError), helper.stdin as pipe:
                pipe.write(pickle.dumps(named))
            yield helper


def _help() -> None:
    """Compile what stdin names."""
    for module, name, types in pickle.load(sys.stdin.buffer):
        getattr(import_module(module), name).compile(types)


if __name__ == "__main__":
    _help()
