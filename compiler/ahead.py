"""Kernels compiled ahead, side by side: Numba compiles one at a time in a process, so other processes take some.

What they compile they keep (`sharpear.compiler.cache`), and it is loaded from there like anything else that is kept.
Whatever goes wrong with them, kernels are compiled here when they are called.
"""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from numba import typeof
from numba.core.dispatcher import Dispatcher

from .cache import first_writable, is_kept

Call = tuple[Any, tuple[Any, ...]]
"""A kernel, and arguments of the types that it is to be compiled for."""

_alone = threading.Lock()


def compile_ahead(calls: Sequence[Call], processes: int) -> None:
    """Compile what is not kept of `calls`, in at most so many processes, and return when all is done.

    Args:
        calls: those that take longest first.
        processes: with this one.

    >>> from numba import int64
    >>> from sharpear.compiler import kernel
    >>> from sharpear.compiler.cache import is_kept
    >>> @kernel
    ... def twice(x):
    ...     return 2 * x
    >>> compile_ahead([(twice, (21,))], processes=1)
    >>> is_kept(twice, (int64,))
    True
    """
    with _alone:
        todo = [(kernel, tuple(map(typeof, given))) for kernel, given in calls if isinstance(kernel, Dispatcher)]
        todo = [call for call in todo if call[1] not in call[0].overloads and not is_kept(*call)]
        if not todo or first_writable()[0] is None:
            return
        helpers = list(_helpers([todo[n::processes] for n in range(1, min(processes, len(todo)))]))
        try:
            for kernel, types in todo[::processes]:
                kernel.compile(types)
            for helper in helpers:
                helper.wait()
        finally:
            for helper in helpers:
                helper.kill()
                helper.wait()


def _helpers(shares: Sequence[Sequence[tuple[Any, tuple[Any, ...]]]]) -> Iterator["subprocess.Popen[bytes]"]:
    """Processes that compile for those types; none where Python is part of another program."""
    words = [sys.executable, "-P", "-m", __name__]  # not what lies in the current folder
    for share in shares if not getattr(sys, "frozen", False) else ():
        named = [(kernel.py_func.__module__, kernel.py_func.__qualname__, types) for kernel, types in share]
        with suppress(OSError):  # no process can be started
            nowhere = subprocess.DEVNULL
            helper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere)
            assert helper.stdin is not None
            with suppress(OSError), helper.stdin as pipe:
                pipe.write(pickle.dumps(named))
            yield helper


def _help() -> None:
    """Compile what stdin names, and leave without taking apart what compiling has left behind."""
    gc.disable()
    for module, name, types in pickle.load(sys.stdin.buffer):
        getattr(import_module(module), name).compile(types)
    os._exit(0)


if __name__ == "__main__":
    _help()
