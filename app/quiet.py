"""What C libraries write to stderr by themselves, kept off it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Lock

STDERR = 2


class _Silence:
    """How many want it, in all threads, and what stderr was before."""

    lock = Lock()
    depth = 0
    kept = -1


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """What is written to descriptor 2 meanwhile, by any thread, goes nowhere; Python's errors come as exceptions."""
    with _Silence.lock:
        if not _Silence.depth:
            sys.stderr.flush()
            _Silence.kept = os.dup(STDERR)
            _redirect(os.open(os.devnull, os.O_WRONLY))
        _Silence.depth += 1
    try:
        yield
    finally:
        with _Silence.lock:
            _Silence.depth -= 1
            if not _Silence.depth:
                _redirect(_Silence.kept)


@contextmanager
def quiet_decoder() -> Iterator[None]:
    """As `quiet_stderr` where Python's own lines go elsewhere, as those of commands do: else they would be lost too."""
    with quiet_stderr() if _ours_go_elsewhere() else nullcontext():
        yield


def _redirect(opened: int) -> None:
    os.dup2(opened, STDERR)
    os.close(opened)


def _ours_go_elsewhere() -> bool:
    try:
        return sys.stderr.fileno() != STDERR
    except OSError:  # one in memory
        return True
    except (AttributeError, ValueError):  # none, or a closed one: nobody listens, and what is at 2 may be another's
        return False
