"""Bytes of a pipe, as they come."""

import os
import select
from collections.abc import Callable

from sharpear.errors import InputError

TICK_S = 0.05
LARGEST_READ = 1 << 16


class Feed:
    """Reads a descriptor without waiting for more than is asked for.

    Args:
        descriptor: where bytes come from; a pipe, a terminal or a file.
        idle: called about every 50 ms while nothing comes; True ends the stream there.

    Raises:
        InputError: from `peek`, `take` and `exactly`, when it cannot be read.
    """

    def __init__(self, descriptor: int, idle: Callable[[], bool] = lambda: False) -> None:
        self._descriptor = descriptor
        self._idle = idle
        self._held = bytearray()
        self._ended = False
        self.stopped = False

    @property
    def held(self) -> int:
        """How many bytes can be taken without waiting."""
        return len(self._held)

    def stop(self) -> None:
        """Treat the stream as ended here."""
        self._ended = self.stopped = True

    def peek(self, size: int) -> bytes:
        """Look at the next `size` bytes, fewer at the end, without taking them."""
        while len(self._held) < size and self._receive():
            pass
        return bytes(self._held[:size])

    def soon(self, size: int) -> bytes:
        """Look at the next `size` bytes, or at those that come without a pause of 50 ms, without taking them."""
        while len(self._held) < size and select.select([self._descriptor], [], [], TICK_S)[0] and self._receive():
            pass
        return bytes(self._held[:size])

    def take(self, size: int) -> bytes:
        """Take at most `size` bytes, and at least one unless the stream has ended."""
        if not self._held:
            self._receive()
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def exactly(self, size: int) -> bytes:
        """Wait for `size` bytes; fewer come at the end."""
        return self.peek(size) and self.take(size)

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, LARGEST_READ)
        except OSError as error:
            raise InputError(f"stdin: cannot be read ({error.strerror}): give a pipe, or a file by its name") from error

    def _receive(self) -> bool:
        while not self._ended:
            if select.select([self._descriptor], [], [], TICK_S)[0]:
                came = self._read()
                self._ended = not came
                self._held += came
                return bool(came)
            if self._idle():
                self.stop()
        return False
