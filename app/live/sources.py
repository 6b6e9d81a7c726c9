"""Where live audio comes from, and a file played in real time."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sharpear.audio import AudioFile
from sharpear.errors import SharpearError

from .clock import now_ns
from .ring import Ring

STALL_S = 1.0
"""A replay that is later than this was stopped, or the machine slept; it makes up for less."""


class Source(Protocol):
    """A stream of blocks into a ring.

    name: what is listened to.  state: "listening", "silent" (only zeros), "lost" or "ended".
    latency_s: the device's claim, None where it makes none that is credible.
    """

    name: str
    rate_hz: int
    channels: int
    block: int
    state: str
    latency_s: float | None

    def start(self, ring: Ring, wake: Callable[[], None]) -> None:
        """Begin to write to `ring`; `wake` is called after every block."""

    def watch(self) -> list[str]:
        """Notice faults and repair what can be; one line each. Called again and again.

        What a source that has ended says is why it ended too early.
        """

    def stop(self) -> None:
        """End within about half a second, whatever the device does."""


class Replay:
    """A file in real time, block by block, as if it were a microphone.

    After a stop it goes on where it was, as with a tape: no sound is lost, and the time for which nothing was played is
    a gap, so that recording and frames keep the session's clock.

    Raises:
        InputError: as `AudioFile`.
    """

    def __init__(self, path: Path, block: int) -> None:
        self._file = AudioFile(path)
        self.name, self.block = path.name, block
        self.state = "listening"
        self.latency_s: float | None = 0.0
        self.rate_hz, self.channels = self._file.sample_rate, self._file.channels
        self._stopping = threading.Event()
        self._faults: list[str] = []
        self._thread: threading.Thread | None = None

    def start(self, ring: Ring, wake: Callable[[], None]) -> None:
        """Begin to play."""
        self._thread = threading.Thread(target=self._play, args=(ring, wake), daemon=True)
        self._thread.start()

    def _play(self, ring: Ring, wake: Callable[[], None]) -> None:
        due_s = now_ns() / 1e9
        try:
            for block in self._file.blocks(self.block):
                due_s += len(block) / self.rate_hz
                if self._stopping.wait(max(0.0, due_s - now_ns() / 1e9)):
                    break
                late_s = now_ns() / 1e9 - due_s
                if late_s > STALL_S:
                    ring.mark_gap(round(late_s * self.rate_hz))
                    due_s += late_s
                ring.write(block, now_ns())
                wake()
        except SharpearError as error:
            self.state = "ended"
            self._faults.append(str(error))
        self.state = "ended"
        wake()

    def watch(self) -> list[str]:
        """A file that cannot be read to its end says so once."""
        faults, self._faults = self._faults, []
        return faults

    def stop(self) -> None:
        """Stop playing."""
        self._stopping.set()
        if self._thread:
            self._thread.join()
        with self._file:
            pass
