"""A stream as the file that libsndfile wants while it reads a header."""

from .feed import Feed

PRETENDED_BYTES = 1 << 50
FARTHEST_LOOK = 1 << 22
"""While a header is read: a jump farther ahead than this is to what follows the samples, and finds nothing."""


class Rewindable:
    """What libsndfile wants of a file, over a feed: it may go back while it reads the header, and only ahead later."""

    def __init__(self, feed: Feed, head: bytes) -> None:
        self._feed = feed
        self._kept = bytearray(head)
        self._at = 0
        self._keeping, self._greedy = True, False

    def forget(self, greedy: bool) -> None:
        """Keep nothing more of the header. greedy: short reads do, for decoders with a buffer of their own."""
        del self._kept[: self._at]
        self._at, self._keeping, self._greedy = 0, False, greedy

    @property
    def kept(self) -> bytes:
        """What was read of the header, which can be read again."""
        return bytes(self._kept)

    @property
    def held(self) -> int:
        """How many bytes can be read without waiting."""
        return len(self._kept) + self._feed.held

    def wait_for(self, size: int) -> None:
        """Wait until so many bytes are at hand, or the stream has ended."""
        self._feed.peek(size - len(self._kept))

    def seek(self, offset: int, whence: int = 0) -> int:
        """To a place, of which the end is pretended."""
        self._at = max(0, {0: 0, 1: self._at, 2: PRETENDED_BYTES}[whence] + offset)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        """As many bytes as are there, at most what `buffer` holds."""
        data = self._read_header(len(buffer)) if self._keeping else self._read_on(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read_header(self, size: int) -> bytes:
        missing = self._at + size - len(self._kept)
        if missing > FARTHEST_LOOK:
            return b""
        if missing > 0:
            self._kept += self._feed.exactly(missing)
        data = bytes(self._kept[self._at : self._at + size])
        self._at += len(data)
        return data

    def _read_on(self, size: int) -> bytes:
        data = bytes(self._kept[:size])
        del self._kept[:size]
        if len(data) < size and not (self._greedy and data):
            data += self._feed.take(size) if self._greedy else self._feed.exactly(size - len(data))
        self._at += len(data)
        return data
