"""The clock of a live session."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def now_ns() -> int:
    """Nanoseconds that never go back, the same in all processes; they go on while the machine sleeps.

    `time.monotonic` stands still then on Linux and macOS, and a night's sleep would be missing in the times of frames.
    """
    return time.monotonic_ns() if _CLOCK is None else time.clock_gettime_ns(_CLOCK)
