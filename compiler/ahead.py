"""Kernels compiled ahead, side by side: Numba compiles one at a time in a process, so several processes take some.

What they compile they keep (`sharpear.compiler.cache`), and it is loaded from there like anything else that is kept.
Kernels apart are found while what calls them is compiled, and are then compiled beside it. This process compiles none
and stays small, but whatever goes wrong with those, it compiles what it calls and is not kept.
"""

import pickle
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from threading import Condition, Lock
from typing import Any

from numba import typeof
from numba.core.dispatcher import Dispatcher

from .cache import announce, first_writable, is_kept
from .helpers import MOST_PROCESSES, Helper, Job, helpers
from .libraries import has_name

Call = tuple[Any, tuple[Any, ...]]
"""A kernel, and arguments of the types that it is to be compiled for."""

_alone = Lock()
_running: "list[_Jobs]" = []
_times_given_up = 0


def compile_ahead(calls: Sequence[Call], processes: int) -> None:
    """Compile what is not kept of `calls`, and return when all is done.

    Args:
        calls: those that take longest first.
        processes: at most so many compile; one alone is this one.

    Raises:
        KeyboardInterrupt: `give_up` was called meanwhile.

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
    before = _times_given_up
    with _alone:
        _go_on(before)
        typed = [(kernel, tuple(map(typeof, given))) for kernel, given in calls if isinstance(kernel, Dispatcher)]
        todo = [call for call in typed if call[1] not in call[0].overloads and not is_kept(*call)]
        if not todo or first_writable()[0] is None:
            return
        if processes > 1 and not getattr(sys, "frozen", False):  # Python as a part of another program is no compiler
            announce()
            named = [((kernel.py_func.__module__, kernel.py_func.__qualname__, types), False) for kernel, types in todo]
            _running.append(_Jobs(named))
            try:
                _running[-1].done_by(min(processes, MOST_PROCESSES))
            finally:
                _running.pop()
        for kernel, types in todo:
            _go_on(before)
            kernel.compile(types)


def _go_on(before: int) -> None:
    if _times_given_up != before:
        raise KeyboardInterrupt


def give_up() -> None:
    """Interrupt who compiles ahead, or waits to, in whichever thread; for the handler of a signal."""
    global _times_given_up
    _times_given_up += 1
    for jobs in _running:
        jobs.give_up()


class _Jobs:
    """What is still to be compiled; what is compiled may add to it."""

    def __init__(self, todo: Sequence[Job]) -> None:
        self.given_up = False
        self._helping: list[Helper] = []
        self._todo: dict[Job, Helper | None] = {}
        self._known: set[Job] = set()
        self._running: set[Job] = set()
        self._changed = Condition()
        self._add(todo, None)

    def done_by(self, processes: int) -> None:
        """Have all done by so many processes, or as many as can be started."""
        with ThreadPoolExecutor(processes) as threads, helpers(processes) as helping:
            self._helping = helping
            try:
                wait([threads.submit(self._hand_out, helper) for helper in helping])
            finally:
                self._todo.clear()
            if self.given_up:
                raise KeyboardInterrupt

    def give_up(self) -> None:
        """Have nothing more done."""
        self.given_up = True
        self._todo.clear()
        for helper in self._helping:
            helper.end()

    def _add(self, jobs: Sequence[Job], found_by: Helper | None) -> None:
        for job in jobs:
            if job not in self._known and has_name(job[0]):
                self._known.add(job)
                self._todo[job] = found_by

    def _taken(self, helper: Helper) -> Job | None:
        """The next one; None where none is left, and none that runs can add one.

        First what this process has found itself, the newest, as it knows some of its parts; else what is oldest.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._todo or not self._running)
            if not self._todo:
                return None
            own = (job for job in reversed(self._todo) if self._todo[job] is helper)
            job = next(own, next(iter(self._todo)))
            del self._todo[job]
            self._running.add(job)
            return job

    def _done(self, job: Job, found: Sequence[Job], helper: Helper) -> None:
        with self._changed:
            self._running.remove(job)
            self._add(found, helper)
            self._changed.notify_all()

    def _hand_out(self, helper: Helper) -> None:
        """Give a process one after the other."""
        with suppress(OSError, EOFError, pickle.UnpicklingError):  # it has died
            while job := self._taken(helper):
                found: Sequence[Job] = ()
                try:
                    found = helper.done(job)
                finally:
                    self._done(job, found, helper)
