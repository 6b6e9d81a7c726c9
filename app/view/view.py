"""The page's server as the session sees it: a process of its own, which no sound waits for."""

import json
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from sharpear.errors import SharpearError, UsageError
from sharpear.live.status import Status
from sharpear.system import hurried

from .hub import HEAD
from .picture import Picture

LOCAL = "127.0.0.1"
END_S = 0.8
LONGEST_QUEUE = 200
"""The most batches on their way to the server, about 2 s: beyond, batches are skipped."""
MOST_DEATHS = 3
DEATHS_S = 60.0
"""A server that ends more often than `MOST_DEATHS` within this time is not started again."""


class View:
    """Serve the page while the ``with`` block runs.

    The server is a process of its own, so that Python's lock, which it would hold at every batch for every page, never
    keeps the sound waiting. One that dies is started again at the same address. The address holds a secret part: other
    users of this machine are other people.

    Args:
        port: where; when None the usual one, or any that is free.
        host: the address to listen on.
        folder: serve the page of files, and the files below this folder; the live page where there is none.

    Raises:
        UsageError: the port is taken, or the address is not this machine's.

    Pages ask for presets through `choose_preset`, for the last minutes as a file through `keep`, and for notes in some
    format through `write_notes`; `report` receives a line for what happens to the server. All may be set later.
    """

    def __init__(self, port: int | None = None, host: str = LOCAL, *, folder: Path | None = None) -> None:
        self.picture = Picture(self)
        self.choose_preset: Callable[[str], None] = lambda name: None
        self.keep: Callable[[], None] = lambda: None
        self.write_notes: Callable[[str, str, dict[str, Any]], str] = lambda folder, kind, tuning: "there are no notes"
        self.report: Callable[[str], None] = lambda line: None
        self.pages = self.skipped_by_pages = self._skipped_here = 0
        self._queue: queue.SimpleQueue[tuple[bytes, bytes] | None] = queue.SimpleQueue()
        self._axes = b""
        self._ending = False
        self._place: dict[str, Any] = {"host": host, "port": port, "token": secrets.token_urlsafe(16)}
        self._place["folder"] = str(folder) if folder else None
        self._process, told = self._started()
        self.url, self._place["port"] = str(told["url"]), told["port"]
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._attend)]

    def _started(self) -> "tuple[subprocess.Popen[bytes], dict[str, Any]]":
        # A session of its own: Ctrl-C at the terminal is for this process, which ends the server in its own time. The
        # token goes through the pipe: arguments are for all users to read.
        process = subprocess.Popen(
            [sys.executable, "-m", "sharpear.view.server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.write(json.dumps(self._place).encode() + b"\n")
            process.stdin.flush()
        told = json.loads(process.stdout.readline() or b'{"error": "the page\'s server does not start"}')
        if "error" in told:
            process.kill()
            process.wait()
            raise UsageError(told["error"])
        return process, told

    @property
    def skipped(self) -> int:
        """Batches that some page was too slow for, so far."""
        return self.skipped_by_pages + self._skipped_here

    def columns(self, batch: bytes) -> None:
        """Send a batch to all pages."""
        if not self._offer(b"c", batch):
            self._skipped_here += 1

    def message(self, text: str) -> None:
        """Send a message to all pages that are open."""
        self._offer(b"m", text.encode())

    def axes(self, text: str) -> None:
        """Send new axes to all pages, and to those that open later."""
        self._axes = text.encode()
        self._queue.put((b"a", self._axes))

    def status(self, status: Status) -> None:
        """Complete the status by what is known here, and show it."""
        status.pages, status.skipped = self.pages, self.skipped
        self._offer(b"s", json.dumps({"type": "status", **json.loads(status.to_json())}).encode())

    def _offer(self, kind: bytes, content: bytes) -> bool:
        if self._queue.qsize() >= LONGEST_QUEUE:
            return False
        self._queue.put((kind, content))
        return True

    def _write(self) -> None:
        with hurried():
            while (item := self._queue.get()) is not None:
                kind, content = item
                stdin = self._process.stdin
                assert stdin is not None
                with suppress(OSError, ValueError):  # the server has just ended: another may follow
                    stdin.write(HEAD.pack(kind, len(content)) + content)
                    stdin.flush()

    def _attend(self) -> None:
        """Read what the server says, and start another where it dies."""
        deaths: list[float] = []
        while True:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                self._heard(json.loads(line))
            self._process.wait()
            self.pages = 0
            if self._ending:
                return
            now_s = time.monotonic()
            deaths = [*(each for each in deaths if now_s - each < DEATHS_S), now_s]
            try:
                if len(deaths) > MOST_DEATHS:
                    raise UsageError(f"it ended {len(deaths)} times within {DEATHS_S:.0f} s")
                self._process, _ = self._started()
            except (UsageError, OSError) as error:
                self.report(f"the page's server is gone ({error}): the session goes on without the page")
                return
            if self._axes:
                self._queue.put((b"a", self._axes))
            self.report("the page's server ended and was started again at the same address")

    def _heard(self, told: dict[str, Any]) -> None:
        if "preset" in told:
            with suppress(SharpearError):  # the server has checked the name
                self.choose_preset(told["preset"])
        elif "keep" in told:
            self.keep()
        elif "notes" in told:
            fault = self.write_notes(told["notes"], told["kind"], told["tuning"])
            self.message(json.dumps({"type": "written", "folder": told["notes"], "kind": told["kind"], "fault": fault}))
        else:
            self.pages, self.skipped_by_pages = told["pages"], told["skipped"]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
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
