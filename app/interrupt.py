"""Ctrl-C as a request to end well."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Hear Ctrl-C and termination between blocks, so that none is torn.

    While `patient` is False, and for the second signal, ``KeyboardInterrupt`` is raised at once. Signals reach only the
    main thread; in another one this object does nothing.

    >>> with Interruption() as interruption:
    ...     interruption.patient = True
    ...     signal.raise_signal(signal.SIGINT)
    ...     print(interruption.requested)
    True
    """

    def __init__(self) -> None:
        self.patient = False
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # A handler that is not Python's reads as None and could not be put back; an ignored signal stays ignored.
            before = {number: signal.getsignal(number) for number in SIGNALS}
            self._before = {n: handler for n, handler in before.items() if handler not in (None, signal.SIG_IGN)}
            for number in self._before:
                signal.signal(number, self._hear)
        return self

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested or not self.patient:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
