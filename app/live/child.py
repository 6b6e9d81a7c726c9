"""The capture process, as its parent sees it."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sharpear.errors import AudioDeviceError, UsageError

from .capture import Request
from .clock import now_ns
from .playback import PlayRequest

START_S = 20.0
"""A process that says nothing for this long after its start hangs in the sound system."""

END_S = 0.7
"""How long a process may take to end before it is killed."""

Event = dict[str, Any]


class DeviceProcess:
    """A process that records from an audio device or plays to one, and what it says of that.

    `wake` is called after every block, and when the process ends.
    """

    def __init__(self, request: Request | PlayRequest, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.started_ns = now_ns()
        self.opened_ns: int | None = None
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        module = "capture" if isinstance(request, Request) else "playback"
        words = [sys.executable, "-m", f"sharpear.live.{module}", json.dumps(asdict(request))]
        # A session of its own: Ctrl-C at the terminal is for the parent, which ends the process in its own time.
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line != b"\n":
                event = json.loads(line)
                if event["event"] == "opened":
                    self.opened_ns = now_ns()
                self._events.put(event)
            self.wake()
        self.wake()

    @property
    def alive(self) -> bool:
        """Whether it runs, or has something left to say."""
        return self._process.poll() is None or self._listener.is_alive()

    def events(self) -> list[Event]:
        """What has been said since the last call."""
        events = []
        with suppress(queue.Empty):
            while True:
                events.append(self._events.get_nowait())
        return events

    def expect(self, name: str) -> Event:
        """Wait for an event of this name.

        Raises:
            AudioDeviceError, UsageError: as the process says, or it says nothing.
        """
        deadline = time.monotonic() + START_S
        while (left_s := deadline - time.monotonic()) > 0 and self.alive:
            with suppress(queue.Empty):
                event = self._events.get(timeout=min(left_s, 0.1))
                if event["event"] == name:
                    return event
                if event["event"] == "error":
                    self.kill()
                    kind = UsageError if event["exit_code"] == UsageError.exit_code else AudioDeviceError
                    raise kind(event["message"])
        self.kill()
        raise AudioDeviceError(f"the sound system does not answer ({name} expected): restart it, or try --replay FILE")

    def send(self, line: str) -> None:
        """Send one line to the process."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it has just ended, which `alive` tells
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it at once, whatever hangs in it."""
        self.wake = lambda: None
        self._process.kill()
        self._process.wait()
        self._listener.join(1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def end(self) -> None:
        """Ask the process to end, and kill it if it does not."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self.kill()
