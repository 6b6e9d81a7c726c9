"""Running before others: what live sound may ask of the system, and of Python."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NICENESS = -11
REAL_TIME_PRIORITY = 10
"""Priority of the real-time thread, below that of JACK's own threads, which is 50 and more."""

SWITCH_S = 0.0005


@contextmanager
def hurried() -> Iterator[None]:
    """Let this thread run before browsers and compilers, where that is permitted: on Linux, to root and audio users.

    It becomes a real-time thread, as those of sound servers are, below them; where only that is permitted, a less nice
    one. Threads that it starts do not inherit this.
    """
    if sys.platform != "linux":
        yield
        return
    thread = threading.get_native_id()
    policy, parameter = os.sched_getscheduler(thread), os.sched_getparam(thread)
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    try:
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(REAL_TIME_PRIORITY))
    except OSError:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(thread, policy, parameter)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, niceness)


@contextmanager
def brisk_switching() -> Iterator[None]:
    """Let a thread that waits for Python's lock have it after half a millisecond, not five."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
