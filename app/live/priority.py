"""Running before others: what live sound may ask of the system, and of Python."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NICENESS = -11
SWITCH_S = 0.0005


@contextmanager
def hurried() -> Iterator[None]:
    """Let this thread run before browsers and compilers, where that is permitted: on Linux, to root and audio users."""
    if sys.platform != "linux":
        yield
        return
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
    try:
        yield
    finally:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, before)


@contextmanager
def brisk_switching() -> Iterator[None]:
    """Let a thread that waits for Python's lock have it after half a millisecond, not five."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
