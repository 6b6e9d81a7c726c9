"""Ctrl-C, a closed terminal and termination as a request to end well."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

from sharpear.system import END_SIGNALS


class _Undisturbed:
    """Whether the main thread is doing what must not be torn, and whether a signal has come meanwhile."""

    depth = 0
    wanted = False


def end_at_signals() -> None:
    """Make every signal that asks to end raise ``KeyboardInterrupt``, as Ctrl-C does; ignored ones stay ignored."""
    for number in END_SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _raise_interrupt)


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    if _Undisturbed.depth:
        _Undisturbed.wanted = True
    else:
        raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put off what signals raise in the main thread until the end of a short stretch, which is then whole.

    Raises:
        KeyboardInterrupt: at its end, where a signal asked for it meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Undisturbed.depth += 1
    try:
        yield
    finally:
        _Undisturbed.depth -= 1
        if _Undisturbed.wanted and not _Undisturbed.depth:
            _Undisturbed.wanted = False
            raise KeyboardInterrupt


class Interruption:
    """Listen to Ctrl-C, hang-up and termination between blocks, so that none is torn.

    While `patient` is False, and for the second signal, ``KeyboardInterrupt`` is raised at once, after `then`, which
    ends what cannot look at `requested`. Signals reach only the main thread; in another one this object does nothing.

    >>> with Interruption() as interruption:
    ...     interruption.patient = True
    ...     signal.raise_signal(signal.SIGINT)
    ...     print(interruption.requested)
    True
    """

    def __init__(self) -> None:
        self.patient = False
        self.requested = False
        self.then: Callable[[], object] = lambda: None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # A handler that is not Python's reads as None and could not be put back; an ignored signal stays ignored.
            before = {number: signal.getsignal(number) for number in END_SIGNALS}
            self._before = {n: handler for n, handler in before.items() if handler not in (None, signal.SIG_IGN)}
            for number in self._before:
                signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.then()
        if self.requested or not self.patient:
            _raise_interrupt(number, frame)
        self.requested = True

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
