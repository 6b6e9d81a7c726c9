"""Where live audio comes from, and a file played in real time."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sharpear.audio import AudioFile, Selection
from sharpear.errors import SharpearError

from .ring import Ring


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

    Raises:
        InputError: as `AudioFile`.
    """

    def __init__(self, path: Path, block: int, mono: bool = False) -> None:
        self._file = AudioFile(path, Selection(mono=mono))
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
        due = time.monotonic()
        try:
            for block in self._file.blocks(self.block):
                due += len(block) / self.rate_hz
                if self._stopping.wait(max(0.0, due - time.monotonic())):
                    break
                ring.write(block, time.monotonic_ns())
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
