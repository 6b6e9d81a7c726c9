"""Kernels compiled ahead, side by side: Numba compiles one at a time in a process, so several processes take some.

What they compile they keep (`sharpear.compiler.cache`), and it is loaded from there like anything else that is kept.
Kernels apart are found while what calls them is compiled, and are then compiled beside it. Whatever goes wrong with
those processes, kernels are compiled here when they are called.
"""

import gc
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from importlib import import_module
from threading import Condition, Lock
from typing import Any

from numba import typeof
from numba.core.dispatcher import Dispatcher

from .cache import announce, first_writable, is_kept
from .libraries import Need, has_name, needed, only_compile, shared_with

Call = tuple[Any, tuple[Any, ...]]
"""A kernel, and arguments of the types that it is to be compiled for."""

Job = tuple[Need, bool]
"""What is to be compiled, and whether as kernels call it, apart."""

MOST_PROCESSES = 8
"""Each takes 0.2 GB, and the longest kernel apart would not be done sooner."""

_alone = Lock()


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
        typed = [(kernel, tuple(map(typeof, given))) for kernel, given in calls if isinstance(kernel, Dispatcher)]
        todo = [call for call in typed if call[1] not in call[0].overloads and not is_kept(*call)]
        if not todo or first_writable()[0] is None:
            return
        if processes > 1 and not getattr(sys, "frozen", False):  # Python as a part of another program is no compiler
            announce()
            named = [((kernel.py_func.__module__, kernel.py_func.__qualname__, types), False) for kernel, types in todo]
            _Jobs(named).done_by(min(processes, MOST_PROCESSES))
        for kernel, types in todo:
            kernel.compile(types)


class _Jobs:
    """What is still to be compiled; what is compiled may add to it."""

    def __init__(self, todo: Sequence[Job]) -> None:
        self._todo: deque[Job] = deque()
        self._known: set[Job] = set()
        self._running: set[Job] = set()
        self._changed = Condition()
        self._helpers: list[subprocess.Popen[bytes]] = []
        for job in todo:
            self._add(job)

    def done_by(self, processes: int) -> None:
        """Have all done by so many processes, this one among them, or as many as can be started."""
        with ThreadPoolExecutor(processes - 1) as threads, shared_with(self):
            try:
                handing = [threads.submit(self._hand_out) for _ in range(processes - 1)]
                while job := self._taken():
                    try:
                        _compile(job)
                    finally:
                        self._done(job, [])
                wait(handing)
            finally:
                self._todo.clear()
                for helper in self._helpers:
                    helper.kill()
                    helper.wait()

    def add(self, need: Need) -> None:
        """A kernel apart is needed."""
        with self._changed:
            self._add((need, True))
            self._changed.notify_all()

    def claim(self, need: Need) -> None:
        """It is needed at once: return when another process has compiled it, or when no other one will."""
        job = need, True
        with self._changed:
            if job in self._todo:
                self._todo.remove(job)
            self._changed.wait_for(lambda: job not in self._running)

    def _add(self, job: Job) -> None:
        if job not in self._known and has_name(job[0]):
            self._known.add(job)
            self._todo.append(job)

    def _taken(self) -> Job | None:
        """The next one; None where none is left, and none that runs can add one."""
        with self._changed:
            self._changed.wait_for(lambda: self._todo or not self._running)
            if not self._todo:
                return None
            job = self._todo.popleft()
            self._running.add(job)
            return job

    def _done(self, job: Job, found: Sequence[Job]) -> None:
        with self._changed:
            self._running.remove(job)
            for other in found:
                self._add(other)
            self._changed.notify_all()

    def _hand_out(self) -> None:
        """Give a process, which is started when there is something for it, one after the other."""
        helper = None
        with suppress(OSError, EOFError, pickle.UnpicklingError):  # none can be started, or it has died
            while job := self._taken():
                found: list[Job] = []
                try:
                    helper = helper or self._start()
                    assert helper.stdin is not None
                    assert helper.stdout is not None
                    helper.stdin.write(pickle.dumps(job))
                    helper.stdin.flush()
                    found = pickle.load(helper.stdout)
                finally:
                    self._done(job, found)

    def _start(self) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-P", "-m", __name__]  # not what lies in the current folder
        pipe = subprocess.PIPE
        helper = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        self._helpers.append(helper)
        return helper


def _compile(job: Job) -> None:
    (module, name, types), apart = job
    kernel = getattr(import_module(module), name)
    (kernel._part if apart else kernel).compile(types)


def _help() -> None:
    """Compile what stdin names, and say what else that needs, until there is no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed is no answer
    gc.disable()
    only_compile()
    with suppress(EOFError):
        while True:
            _compile(pickle.load(sys.stdin.buffer))
            pickle.dump([(need, True) for need in needed.values()], answers)
            answers.flush()
    os._exit(0)  # without taking apart what compiling has left behind


if __name__ == "__main__":
    _help()
