"""The page's server as the session sees it: a process of its own, which no sound waits for."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sharpear.errors import SharpearError, UsageError
from sharpear.live.priority import hurried
from sharpear.live.status import Status

from .hub import HEAD
from .picture import Picture

END_S = 0.8
LONGEST_QUEUE = 200
"""Batches on their way to the server, about 2 s: beyond that they are skipped."""


class View:
    """Serve the page while the ``with`` block runs.

    The server is a process of its own, so that Python's lock, which it would hold at every batch for every page, never
    keeps the sound waiting.

    Args:
        port: where; when None the usual one, or any that is free.

    Raises:
        UsageError: the port is taken.

    Pages ask for presets through `choose_preset`, which may be set later.
    """

    def __init__(self, port: int | None = None) -> None:
        self.picture = Picture(self)
        self.choose_preset: Callable[[str], None] = lambda name: None
        self.pages = self.skipped_by_pages = self._skipped_here = 0
        self._queue: queue.SimpleQueue[tuple[bytes, bytes] | None] = queue.SimpleQueue()
        words = [sys.executable, "-m", "sharpear.view.server", json.dumps(port)]
        # A session of its own: Ctrl-C at the terminal is for this process, which ends the server in its own time.
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline() or b'{"error": "the page\'s server does not start"}')
        if "error" in told:
            self._process.wait()
            raise UsageError(told["error"])
        self.url = str(told["url"])
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._listen)]

    @property
    def skipped(self) -> int:
        """Batches that some page was too slow for, so far."""
        return self.skipped_by_pages + self._skipped_here

    def columns(self, batch: bytes) -> None:
        """A batch for all pages."""
        if self._queue.qsize() < LONGEST_QUEUE:
            self._queue.put((b"c", batch))
        else:
            self._skipped_here += 1

    def message(self, text: str) -> None:
        """A message for all pages that are there."""
        self._queue.put((b"m", text.encode()))

    def axes(self, text: str) -> None:
        """New axes for all pages, now and later."""
        self._queue.put((b"a", text.encode()))

    def status(self, status: Status) -> None:
        """Complete the status by what is known here, and show it."""
        status.pages, status.skipped = self.pages, self.skipped
        text = json.dumps({"type": "status", **json.loads(status.to_json())})
        if self._queue.qsize() < LONGEST_QUEUE:
            self._queue.put((b"s", text.encode()))

    def _write(self) -> None:
        assert self._process.stdin is not None
        with hurried(), suppress(OSError):  # the server has just ended
            while (item := self._queue.get()) is not None:
                kind, content = item
                self._process.stdin.write(HEAD.pack(kind, len(content)) + content)
                self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard(json.loads(line))

    def _heard(self, told: dict[str, Any]) -> None:
        if "preset" in told:
            with suppress(SharpearError):  # the server has checked the name
                self.choose_preset(told["preset"])
        else:
            self.pages, self.skipped_by_pages = told["pages"], told["skipped"]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._threads[0].join(END_S / 4)
        with suppress(OSError):
            if self._process.stdin and not self._threads[0].is_alive():
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._process.kill()
        self._process.wait()
        self._threads[1].join(END_S)
