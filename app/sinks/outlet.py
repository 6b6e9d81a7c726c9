"""Bytes to a pipe, flushed in time."""

import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sharpear.errors import unwritable

MOST_PENDING = 1 << 20


class Outlet(io.RawIOBase):
    """A file object that writes to a descriptor at once, or every `flush_s`; a slow reader is waited for.

    Raises:
        BrokenPipeError: from `write`, `idle` or `flush`, when nobody reads any more; what is pending is then dropped.
    """

    def __init__(self, descriptor: int, flush_s: float = 0.0) -> None:
        self._descriptor = descriptor
        self._flush_s = flush_s
        self._pending = bytearray()
        self._flushed_s = -float("inf")
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """Whether one may write: always."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever has a buffer
        """Write all of `data`."""
        with self._lock:
            self._pending += data
            if len(self._pending) > MOST_PENDING:
                self.flush()
            else:
                self.idle()
        return len(data)

    def idle(self) -> None:
        """Flush if the last flush is long enough ago."""
        with self._lock:
            if time.monotonic() - self._flushed_s >= self._flush_s:
                self.flush()

    def flush(self) -> None:
        """Write everything that is pending."""
        with self._lock:
            pending, self._pending = memoryview(bytes(self._pending)), bytearray()
            while pending:
                pending = pending[os.write(self._descriptor, pending) :]
            self._flushed_s = time.monotonic()


@contextmanager
def ending(outlet: Outlet) -> Iterator[None]:
    """Write until nobody reads any more, which ends quietly; then close the outlet.

    Raises:
        InputError: the disk behind it is full, or it fails otherwise.
    """
    try:
        yield
    except BrokenPipeError:
        pass
    except OSError as error:
        raise unwritable("stdout", error, option="") from error
    finally:
        with suppress(OSError):
            outlet.close()
