"""A preallocated ring of audio in shared memory: one writer, any readers, and nobody waits for anybody."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import unwritable
from sharpear.system import SHARED_MEMORY

if TYPE_CHECKING:
    from sharpear.sinks.staging_folder import StagingFolder

HEADER = 16
CAPACITY, CHANNELS, CLAIMED, WRITTEN, CALLBACKS, XRUNS, ARRIVED_NS, ZERO_RUN, GAPS, PLAYED = range(10)
"""Where each number stands in the header (int64): sizes, counts, and the time at which the newest block arrived."""
GAP_PLACES = 64
"""Gaps that are kept behind the header, the newest: for each its position, and all samples missing up to there."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive samples, and what is missing before them.

    samples: (samples, channels) float32.
    lost: samples of time between the chunk before and this one, for whatever reason.
    dropped: those of them that were there, but were overtaken because the reader fell behind.
    """

    samples: NDArray[np.float32]
    lost: int = 0
    dropped: int = 0


class Ring:
    """The newest `capacity` samples of a stream, shared between processes through a file in memory.

    The file lies where outputs grow, too: in a private folder, locked while its owner lives (`StagingFolder`), so that
    the next session removes what one that was killed left.

    The writer never waits: it overwrites the oldest samples, and announces what it is about to overwrite (`CLAIMED`)
    before it says what can be read (`WRITTEN`), so that a reader can tell whether its copy was overtaken.

    >>> ring = Ring.create(capacity=8, channels=1)
    >>> reader = Reader(ring, limit=6)
    >>> ring.write(np.arange(5, dtype=np.float32)[:, None])
    >>> reader.read(3).samples.ravel().tolist()
    [0.0, 1.0, 2.0]
    >>> ring.remove()
    """

    def __init__(self, path: Path, folder: "StagingFolder | None" = None) -> None:
        self.path, self._folder = path, folder
        memory = np.memmap(path, np.uint8, "r+")
        self.header = memory[: HEADER * 8].view(np.int64)
        self.capacity, self.channels = int(self.header[CAPACITY]), int(self.header[CHANNELS])
        gaps, data = np.split(memory[HEADER * 8 :], [GAP_PLACES * 16])
        self._gaps = gaps.view(np.int64).reshape(GAP_PLACES, 2)
        self._data = data.view(np.float32).reshape(self.capacity, self.channels)

    @classmethod
    def create(cls, capacity: int, channels: int, report: Callable[[str], None] = lambda line: None) -> Self:
        """A new ring in the memory's own file system where there is one with room, else among the temporary files.

        report: is told, in one line, that it is among the temporary files.

        Raises:
            InputError: there is no room in either.
        """
        header = np.zeros(HEADER, np.int64)
        header[[CAPACITY, CHANNELS]] = capacity, channels
        content = header.tobytes() + bytes(GAP_PLACES * 16 + capacity * channels * 4)
        refused = ""
        if SHARED_MEMORY:
            try:
                return cls._filled(Path(SHARED_MEMORY), content, report)
            except OSError as error:
                refused = f"{SHARED_MEMORY} ({error.strerror})"
        try:
            folder = Path(tempfile.gettempdir())
            made = cls._filled(folder, content, report)
        except OSError as error:
            place = " and ".join(filter(None, [refused, "the temporary files"])) + ", for the sound's memory"
            raise unwritable(place, error, option="TMPDIR") from error
        if refused:
            report(f"{refused} takes no sound: its memory is in {folder}, where a busy disk can hold it up")
        return made

    @classmethod
    def _filled(cls, place: Path, content: bytes, report: Callable[[str], None]) -> Self:
        """A ring in `place`, where what killed sessions left goes first; nothing is left if it does not fit."""
        # The capture process, which only opens rings, must not wait for all the outputs to be imported.
        from sharpear.sinks.recovery import tidy  # noqa: PLC0415
        from sharpear.sinks.staging_folder import StagingFolder  # noqa: PLC0415

        for line in tidy(place).lines:
            report(line)
        folder = StagingFolder.make(place, ["sound.ring"], audio=False)
        try:
            folder.place(0).write_bytes(content)
            return cls(folder.place(0), folder)
        except BaseException:
            folder.remove()
            raise

    def write(self, block: NDArray[np.float32], arrived_ns: int = 0, xrun: bool = False) -> None:
        """Append (samples, channels): two copies at most, no lock, nothing allocated that stays."""
        header, capacity = self.header, self.capacity
        start, count = int(header[WRITTEN]), len(block)
        header[CLAIMED] = start + count
        kept = block[-capacity:]
        at = (start + count - len(kept)) % capacity
        first = min(len(kept), capacity - at)
        self._data[at : at + first] = kept[:first]
        self._data[: len(kept) - first] = kept[first:]
        header[ARRIVED_NS] = arrived_ns
        header[ZERO_RUN] = 0 if block.any() else header[ZERO_RUN] + count
        header[XRUNS] += xrun
        header[CALLBACKS] += 1
        header[WRITTEN] = start + count

    def mark_gap(self, samples: int) -> None:
        """The next sample written stands `samples` later than the last one (the writer's side)."""
        self.header[CLAIMED] = self.header[WRITTEN]
        count = int(self.header[GAPS])
        missing = self._gaps[(count - 1) % GAP_PLACES, 1] if count else 0
        self._gaps[count % GAP_PLACES] = self.header[WRITTEN], missing + samples
        self.header[GAPS] = count + 1

    def gaps(self, first: int = 0) -> Iterator[tuple[int, int, int]]:
        """(number, position, all samples missing up to there) of the newest gaps, in order, from number `first` on."""
        count = int(self.header[GAPS])
        for number in range(max(first, count - GAP_PLACES), count):
            at, missing = self._gaps[number % GAP_PLACES]
            yield number, int(at), int(missing)

    def copy(self, start: int, stop: int) -> tuple[NDArray[np.float32], int]:
        """The samples of positions start to stop, and how many of the first were overtaken while copying."""
        at = start % self.capacity
        first = min(stop - start, self.capacity - at)
        samples = np.concatenate([self._data[at : at + first], self._data[: stop - start - first]])
        overtaken = int(self.header[CLAIMED]) - self.capacity - start
        return samples, min(max(0, overtaken), stop - start)

    def remove(self) -> None:
        """Give the memory back once nobody uses it any more (its owner's side)."""
        if self._folder:
            self._folder.remove()


class Reader:
    """One reader's place in a ring.

    A reader that is more than `limit` samples behind drops the oldest, down to a quarter of `limit`: a full stop for
    one gap costs less than a gap at every read.

    Args:
        ring: the ring; reading begins at what is written next.
        limit: samples that may wait, at most the ring's capacity.
    """

    def __init__(self, ring: Ring, limit: int) -> None:
        self._ring = ring
        self._limit = min(limit, ring.capacity)
        self.position = int(ring.header[WRITTEN])
        self._gaps_passed = int(ring.header[GAPS])
        self._missing = max((missing for _, _, missing in ring.gaps()), default=0)

    @property
    def waiting(self) -> int:
        """How many samples can be read now."""
        return int(self._ring.header[WRITTEN]) - self.position

    def read(self, most: int) -> Chunk | None:
        """Up to `most` samples without a gap in between, or None when there are none."""
        written = int(self._ring.header[WRITTEN])
        start, missing, passed = self.position, self._missing, self._gaps_passed
        if written - start > self._limit:
            start = written - self._limit // 4
        for number, at, missing_there in self._ring.gaps(passed):
            if at > start:
                written = min(written, at)
                break
            missing, passed = missing_there, number + 1
        stop = min(written, start + most)
        if stop <= start:
            return None  # a gap at the very end is told with the samples that will follow it
        samples, overtaken = self._ring.copy(start, stop)
        dropped = start + overtaken - self.position
        lost = missing - self._missing + dropped
        self.position, self._missing, self._gaps_passed = stop, missing, passed
        return Chunk(samples[overtaken:], lost, dropped)
