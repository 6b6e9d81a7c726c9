"""Processes that compile kernels: copies of this one where that is safe, for they have imported everything.

Else, each is a Python of its own, which takes a second of processor time to be as far. What will run threads has copies
stand by before, where nothing is kept yet.
"""

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import IO, NoReturn

from numba.core.registry import cpu_target

from sharpear.system import COPIES_ARE_SAFE, end_with_parent

from .cache import keeps_nothing
from .libraries import Need, needed, only_compile

Job = tuple[Need, bool]
"""What is to be compiled, and whether as kernels call it, apart."""

Started = tuple[IO[bytes], IO[bytes], Callable[[], object]]
"""Where its jobs are written and its answers read, and what kills it."""


class Helper:
    """A process that compiles one job after the other.

    Raises:
        OSError: none can be started.
    """

    def __init__(self) -> None:
        self._jobs, self._answers, self._kill = _copy() if _can_be_copied() else _start()

    def done(self, job: Job) -> list[Job]:
        """What else is needed by a job, which is then done.

        Raises:
            OSError, EOFError, pickle.UnpicklingError: the process has died.
        """
        pickle.dump(job, self._jobs)
        self._jobs.flush()
        found: list[Job] = pickle.load(self._answers)
        return found

    def end(self) -> None:
        """Kill it: whoever waits for an answer gets none. Only once, as its number may be another's then."""
        kill, self._kill = self._kill, _nothing
        kill()


def _nothing() -> None: ...


MOST_PROCESSES = 8
"""Each takes 0.2 GB, and the longest kernel apart would not be done sooner."""

_standing_by: list[Helper] = []
_stay = False


@contextmanager
def standing_by(processes: int) -> Iterator[None]:
    """Copies of this process get ready to compile, if nothing is kept, and stay meanwhile: it has no threads yet.

    >>> with standing_by(2):
    ...     pass
    """
    global _stay
    _stay = processes > 1 and _can_be_copied() and keeps_nothing()
    _standing_by.extend(_started(min(processes, MOST_PROCESSES) if _stay else 0))
    try:
        yield
    finally:
        _stay = False
        while _standing_by:
            _standing_by.pop().end()


@contextmanager
def helpers(processes: int) -> Iterator[list[Helper]]:
    """So many of them, or as many as can be started: those that stand by, who do so again unless this fails."""
    found = [_standing_by.pop() for _ in _standing_by[:processes]]
    found += _started(processes - len(found))
    stay = False
    try:
        yield found
        stay = _stay
    finally:
        for helper in found:
            if stay:
                _standing_by.append(helper)
            else:
                helper.end()


def _started(count: int) -> list[Helper]:
    started: list[Helper] = []
    with suppress(OSError):
        while len(started) < count:
            started.append(Helper())
    return started


def _can_be_copied() -> bool:
    """Whether no other thread may hold a lock, which nobody would release in a copy."""
    return COPIES_ARE_SAFE and threading.active_count() == 1


def _copy() -> Started:
    jobs, answers, origin = os.pipe(), os.pipe(), os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads of libraries, which compiling does not wake
        number = os.fork()
    if not number:
        try:
            end_with_parent(origin)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program says what ends: it kills this, or ends itself
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in {0, 1, 2, _messages()}:
                os.dup2(nothing, standard)
            os.close(jobs[1])
            _help(os.fdopen(jobs[0], "rb"), os.fdopen(answers[1], "wb"))
        finally:
            os._exit(1)
    os.close(jobs[0])
    os.close(answers[1])

    def kill() -> None:
        with suppress(OSError):  # somebody else has waited for it
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)

    return os.fdopen(jobs[1], "wb"), os.fdopen(answers[0], "rb"), kill


def _messages() -> int:
    """Where Python's own messages go, which need not be the descriptor that C's go to."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):  # none, one in memory, a closed one
        return 2


def _start() -> Started:
    words = [sys.executable, "-P", "-m", __name__]  # not what lies in the current folder
    pipe = subprocess.PIPE
    helper = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    assert helper.stdin is not None
    assert helper.stdout is not None

    def kill() -> None:
        helper.kill()
        helper.wait()

    return helper.stdin, helper.stdout, kill


def _help(jobs: IO[bytes], answers: IO[bytes]) -> NoReturn:
    """Compile what is asked for, and say what else that needs, until there is no more."""
    gc.disable()
    only_compile()
    cpu_target.target_context.refresh()  # imports all that Numba can compile, which takes as long as a job
    with suppress(EOFError):
        while True:
            (module, name, types), apart = pickle.load(jobs)
            kernel = getattr(import_module(module), name)
            (kernel._part if apart else kernel).compile(types)
            pickle.dump([(need, True) for need in needed.values()], answers)
            answers.flush()
    os._exit(0)  # without taking apart what compiling has left behind


if __name__ == "__main__":
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed is no answer
    _help(sys.stdin.buffer, told)
