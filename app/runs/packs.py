"""Many files at once on a GPU: their channels are streams, side by side, of one object that hears them all."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio import AudioFile, Selection
from sharpear.dsp.filterbank_kernel import LARGEST_SAMPLE
from sharpear.errors import InputError, SharpearError
from sharpear.gpu import Pending
from sharpear.interrupt import Interruption
from sharpear.sharpening.limits import TooManyStreamsError, descriptors_to_use

STREAMS_AT_ONCE = 256
PACK_SAMPLES = 4096
"""Samples of each stream by which a pack advances at once."""


def unusable(sound: NDArray[np.float32]) -> int:
    """How many samples a bank takes as silence: NaN, Inf, beyond 120 dBFS."""
    return int(np.count_nonzero(~(np.abs(sound) <= LARGEST_SAMPLE)))


class Hearing(Protocol):
    """What hears all streams of a pack: a `Sharpener` or a `Separator`."""

    def submit(self, block: ArrayLike) -> Pending[Any]:
        """Begin to advance over (samples, streams)."""


Hears = TypeVar("Hears", bound=Hearing)


class Lane(ABC, Generic[Hears]):
    """One file of a pack: its audio, its outputs, and which streams are its own."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self.held = ExitStack()
        self.audio = self.held.enter_context(AudioFile(path, selection))
        self.streams = self.audio.channels
        self.descriptors = 1
        """Files that are open at once: the audio, and what the outputs need."""
        self.done = 0
        self.replaced = 0
        self.failure: SharpearError | None = None
        self.stopped = False
        self.kept = False
        """Whether the outputs of a stopped file hold what was done of it."""

    @property
    def kind(self) -> tuple[int, ...]:
        """Files of one kind can be heard together."""
        return (self.audio.sample_rate,)

    @abstractmethod
    def begin(self, hears: Hears, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""

    @property
    @abstractmethod
    def going_on(self) -> bool:
        """Whether results of it are still to come."""

    @abstractmethod
    def read(self, block: NDArray[np.float32]) -> None:
        """Fill the file's streams of `block`, which is silent, and count in `done` what is read."""

    @abstractmethod
    def write(self, results: Any) -> None:
        """Keep those of a block's results that are the file's."""

    @abstractmethod
    def stop(self) -> None:
        """Read no more: somebody wants to end."""

    @abstractmethod
    def publish(self) -> None:
        """Give the outputs their names."""

    @contextmanager
    def failing(self) -> Iterator[None]:
        """What goes wrong inside ends this file, and no other."""
        try:
            yield
        except SharpearError as error:
            self.failure = error


Item = TypeVar("Item")


@dataclass(frozen=True)
class PackAdvance:
    """A pack of so many files is at work; all packs have come so far, each counted by its longest file."""

    files: int
    done_s: float
    total_s: float


@dataclass(frozen=True)
class Ended(Generic[Item]):
    """A file is through, or was stopped."""

    item: Item
    lane: Lane[Any]
    spent_s: float


@dataclass(frozen=True)
class Failed(Generic[Item]):
    """A file is not, and why."""

    item: Item
    failure: SharpearError
    spent_s: float = 0.0


PackEvent = PackAdvance | Ended[Item] | Failed[Item]


class Packs(Generic[Item, Hears]):
    """Runs items in packs, as many at once as `STREAMS_AT_ONCE`, the system's open files, or the GPU's memory allow.

    Every file gets what it would get alone.

    Args:
        open_lane: opens the file of an item; it is asked again for each attempt.
        name: what messages call an item.
        build: what hears the streams of such lanes.
        interruption: stops all.
    """

    def __init__(
        self,
        open_lane: Callable[[Item], Lane[Hears]],
        name: Callable[[Item], object],
        build: Callable[[Sequence[Lane[Hears]]], Hears],
        interruption: Interruption,
    ) -> None:
        self._open, self._name, self._build, self._interruption = open_lane, name, build, interruption

    def run(self, items: Sequence[Item]) -> Iterator[PackEvent[Item]]:
        """Run them, files of one kind and of like length together, and tell what becomes of each."""
        self._interruption.patient = True
        found: list[tuple[Item, Lane[Hears]]] = []
        for item in items:
            if self._interruption.requested:
                return
            with ExitStack() as opened:  # only to know its kind and length: a pack opens its own
                if failed := self._enter(item, opened, found):
                    yield failed
        found.sort(key=lambda each: (each[1].kind, each[1].audio.samples))
        packs = [pack for _, alike in groupby(found, key=lambda each: each[1].kind) for pack in _packs(list(alike))]
        before_s, furthest_s, total_s = 0.0, 0.0, sum(map(_longest_s, packs))
        for pack in packs:
            for event in self._run_pack([item for item, _ in pack], pack[0][1].kind):
                if isinstance(event, PackAdvance):  # a pack that is halved begins again, but time does not run back
                    furthest_s = max(furthest_s, before_s + event.done_s)
                    yield PackAdvance(event.files, furthest_s, total_s)
                else:
                    yield event
            before_s += _longest_s(pack)

    def _run_pack(self, items: Sequence[Item], kind: tuple[int, ...]) -> Iterator[PackEvent[Item]]:
        """One pack; where the GPU's memory does not suffice, its halves one after the other."""
        if self._interruption.requested:
            return
        started_s, left = time.perf_counter(), list(items)
        try:
            for event in self._attempt(items, kind):
                if not isinstance(event, PackAdvance):
                    left.remove(event.item)
                yield event
            return
        except MemoryError:
            lost = "" if len(left) > 1 else "the GPU has no memory left for it: --device cpu has"
        except RuntimeError as error:
            lost = f"the GPU failed ({type(error).__name__}: {error}): nothing was written; --device cpu does without"
        # What was tried is forgotten here, and its memory free.
        if lost:
            for item in left:
                yield Failed(item, InputError(f"{self._name(item)}: {lost}"), time.perf_counter() - started_s)
        else:
            for half in (left[: len(left) // 2], left[len(left) // 2 :]):
                yield from self._run_pack(half, kind)

    def _attempt(self, items: Sequence[Item], kind: tuple[int, ...]) -> Iterator[PackEvent[Item]]:
        started_s = time.perf_counter()
        begun: list[tuple[Item, Lane[Hears]]] = []
        with ExitStack() as held:
            for item in items:
                if failed := self._enter(item, held, begun, kind):
                    yield failed
            for done_s, total_s in self._advance([lane for _, lane in begun]):
                yield PackAdvance(len(begun), done_s, total_s)
            for item, lane in begun:
                spent_s = time.perf_counter() - started_s
                yield Failed(item, lane.failure, spent_s) if lane.failure else Ended(item, lane, spent_s)

    def _enter(
        self, item: Item, held: ExitStack, lanes: list[tuple[Item, Lane[Hears]]], kind: tuple[int, ...] | None = None
    ) -> Failed[Item] | None:
        try:
            lane = self._open(item)
        except SharpearError as error:
            return Failed(item, error)
        held.callback(lane.held.close)
        if kind and lane.kind != kind:
            return Failed(
                item, InputError(f"{self._name(item)}: has changed while it waited for its turn: run it again")
            )
        lanes.append((item, lane))
        return None

    def _advance(self, lanes: Sequence[Lane[Hears]]) -> Iterator[tuple[float, float]]:
        """From all files to all outputs; yields the seconds done, and those in all.

        A block's results are written while the GPU works on the next.
        """
        if not lanes:
            return
        try:
            hears = self._build(lanes)
        except SharpearError as error:
            if isinstance(error, TooManyStreamsError) and len(lanes) > 1:
                raise MemoryError from error  # as where the GPU's does not suffice: halves may do
            for lane in lanes:
                lane.failure = error
            return
        first = 0
        for lane in lanes:
            lane.begin(hears, first)
            first += lane.streams
        rate, samples = lanes[0].audio.sample_rate, max(lane.audio.samples for lane in lanes)
        block = np.empty((PACK_SAMPLES, first), np.float32)
        waiting: Pending[Any] | None = None
        while going := [lane for lane in lanes if lane.going_on]:
            block[...] = 0
            for lane in going:
                if self._interruption.requested:
                    lane.stop()
                else:
                    lane.read(block)
            coming = hears.submit(block)
            if waiting:
                results = waiting.lent()
                for lane in going:
                    lane.write(results)
            waiting = coming
            yield max(lane.done for lane in lanes) / rate, samples / rate
        for lane in lanes:
            if not lane.failure:
                lane.publish()


def _packs(found: list[tuple[Item, Lane[Hears]]]) -> Iterator[list[tuple[Item, Lane[Hears]]]]:
    pack: list[tuple[Item, Lane[Hears]]] = []
    streams = descriptors = 0
    most = descriptors_to_use()
    for item, lane in found:
        if pack and (streams + lane.streams > STREAMS_AT_ONCE or descriptors + lane.descriptors > most):
            yield pack
            pack, streams, descriptors = [], 0, 0
        pack.append((item, lane))
        streams += lane.streams
        descriptors += lane.descriptors
    if pack:
        yield pack


def _longest_s(pack: list[tuple[Item, Lane[Hears]]]) -> float:
    return max(lane.audio.samples / lane.audio.sample_rate for _, lane in pack)
