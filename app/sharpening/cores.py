"""The cores of this machine, shared by all that computes side by side in this process."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

FEWEST_FRAMES = 4
"""Frames from which on streams are worth a thread each: waking one takes as long as a third of a frame."""


def cores() -> int:
    """How many this process may use.

    >>> cores() > 0
    True
    """
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class _Helpers:
    """Threads for all cores but the caller's own; each that runs has taken one of so many tokens."""

    def __init__(self) -> None:
        self.free = threading.Semaphore(cores() - 1)
        self.threads = ThreadPoolExecutor(max(1, cores() - 1), "sharpear-stream")


_helpers = _Helpers()


def _begin_anew() -> None:
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)  # threads do not live on in a child


@contextmanager
def one_taken() -> Iterator[None]:
    """A thread of one's own computes meanwhile: one core less is free for others, if one was."""
    helpers = _helpers
    taken = helpers.free.acquire(blocking=False)
    try:
        yield
    finally:
        if taken:
            helpers.free.release()


def each_on_a_core(count: int, work: Callable[[int], None]) -> None:
    """Call ``work(0)`` to ``work(count − 1)``, here and on as many other cores as are free, and wait for all.

    >>> done = []
    >>> each_on_a_core(3, done.append)
    >>> sorted(done)
    [0, 1, 2]
    """
    helpers, waiting = _helpers, iter(range(count))

    def some() -> None:
        for n in waiting:
            work(n)

    def help_out() -> None:
        try:
            some()
        finally:
            helpers.free.release()

    helping: list[Future[None]] = []
    try:
        while len(helping) < count - 1 and helpers.free.acquire(blocking=False):
            helping.append(helpers.threads.submit(help_out))
        some()
    finally:
        wait(helping)
    for helper in helping:
        helper.result()


def streams_side_by_side(streams: int, frames: int, work: Callable[[int], None]) -> None:
    """`each_on_a_core` over streams of so many frames each, if these are worth it."""
    if streams > 1 and frames >= FEWEST_FRAMES:
        each_on_a_core(streams, work)
        return
    for s in range(streams):
        work(s)
