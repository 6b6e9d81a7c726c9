"""Who watches: every page has a bounded queue of its own, and none holds up the sound or another page."""

import asyncio
import json
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress

LARGEST_BACKLOG = 80
"""The most batches that a page has not acknowledged yet, about 0.8 s: beyond, columns are skipped."""
MOST_MESSAGES = 200
"""The most messages that wait for a page: one that does not take them is sent no more."""


HEAD = struct.Struct("<cI")
"""Header of all that the session sends to the server: what follows, and how many bytes.

The kinds: c, a batch of columns; a, axes; m, a message; s, a status.
"""


class Page:
    """The connection of one open page.

    Columns beyond the backlog are skipped and counted; messages arrive unless hundreds wait, of axes and statuses
    always the newest.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._in_flight = 0
        self._queue: deque[bytes | str] = deque()
        self._axes: str | None = None
        self._status: str | None = None
        self._news = asyncio.Event()

    def columns(self, batch: bytes) -> None:
        """Queue a batch, unless the page is too far behind."""
        if max(self._in_flight, len(self._queue)) >= LARGEST_BACKLOG:
            self.skipped += 1
            return
        self._in_flight += 1
        self._queue.append(batch)
        self._news.set()

    def message(self, text: str) -> None:
        """Queue a message."""
        if len(self._queue) < LARGEST_BACKLOG + MOST_MESSAGES:
            self._queue.append(text)
            self._news.set()

    def axes(self, text: str) -> None:
        """Queue axes, which replace any that wait."""
        if self._axes is not None and self._axes in self._queue:
            self._queue.remove(self._axes)
        self._axes = text
        self._queue.append(text)
        self._news.set()

    def refuse(self, sentence: str) -> None:
        """Say why something was not done."""
        self.message(json.dumps({"type": "refused", "message": sentence}))

    def status(self, text: str) -> None:
        """Replace the status that waits."""
        self._status = text
        self._news.set()

    def acknowledge(self, batches: int) -> None:
        """Count batches that the page has received."""
        self._in_flight = max(0, self._in_flight - batches)

    async def next(self) -> bytes | str:
        """What to send now."""
        while not self._queue and self._status is None:
            self._news.clear()
            await self._news.wait()
        if self._queue:
            return self._queue.popleft()
        status, self._status = self._status, None
        assert status is not None
        return status


class Hub:
    """All open pages. Called from other threads once `loop` runs; the newest axes greet who joins."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.pages: set[Page] = set()
        self.skipped_before = 0
        self._axes: str | None = None

    @property
    def skipped(self) -> int:
        """Batches that pages were too slow for, so far."""
        return self.skipped_before + sum(page.skipped for page in list(self.pages))

    def join(self) -> Page:
        """Add a page that has just opened."""
        page = Page()
        if self._axes:
            page.axes(self._axes)
        self.pages.add(page)
        return page

    def leave(self, page: Page) -> None:
        """Remove a page that has gone."""
        self.pages.discard(page)
        self.skipped_before += page.skipped

    def columns(self, batch: bytes) -> None:
        """Send a batch to every page."""
        self._everyone(lambda page: page.columns(batch))

    def status(self, text: str) -> None:
        """Send a status to every page."""
        self._everyone(lambda page: page.status(text))

    def message(self, text: str) -> None:
        """Send a message to every page that is open."""
        self._everyone(lambda page: page.message(text))

    def axes(self, text: str) -> None:
        """Send new axes to every page, and to those that open later."""
        self._axes = text
        self._everyone(lambda page: page.axes(text))

    def _everyone(self, call: Callable[[Page], None]) -> None:
        def each() -> None:
            for page in self.pages:
                call(page)

        if self.loop:
            with suppress(RuntimeError):  # the server has just ended
                self.loop.call_soon_threadsafe(each)
