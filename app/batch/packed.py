"""A batch on a GPU: the channels of many files are streams of one `Sharpener`, side by side."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, Selection
from sharpear.dsp.filterbank_kernel import LARGEST_SAMPLE
from sharpear.errors import InputError, SharpearError, UsageError
from sharpear.files import FileSinks, describe
from sharpear.frames import Frames
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption
from sharpear.pipeline import Sharpener

from . import places
from .jobs import Job, Result, Settings, is_done
from .later import Later
from .run import Advance, Event
from .segments import can_be_cut

STREAMS_AT_ONCE = 256
BLOCK_SAMPLES = 4096
SEGMENT_S, MOST_SEGMENTS = 30.0, 128
"""Long files are cut into streams of about that length, and so many at most."""

WARM_UP_S = 10.0
"""After 4 s a network that began later differs by less than 1e-5 from one that did not."""


class _Part:
    """Frames first to last (exclusive) of a file; what it reads begins at the frame `begin`, a warm-up earlier."""

    def __init__(self, audio: AudioFile, begin: int, first: int, last: int, hop: int) -> None:
        self.audio, self.begin, self.first, self.last, self._hop = audio, begin, first, last, hop
        self._blocks = audio.blocks(BLOCK_SAMPLES)
        self._frame, self._sample = begin, begin * hop
        self.replaced = 0

    @property
    def done(self) -> bool:
        """Whether all its frames are there."""
        return self._frame >= self.last

    def read(self, block: NDArray[np.float32]) -> int:
        """Fill `block` with what comes next, and with silence after the end; the samples that are the part's own."""
        sound = next(self._blocks, None)
        if sound is None:
            return 0
        block[: len(sound)] = sound
        first, last = (min(max(0, edge * self._hop - self._sample), len(sound)) for edge in (self.first, self.last))
        self.replaced += int(np.count_nonzero(~(np.abs(sound[first:last]) <= LARGEST_SAMPLE)))
        self._sample += len(sound)
        return last - first

    def own(self, frames: Frames, streams: slice) -> Frames:
        """Those of the pack's frames that are the part's."""
        rows = slice(*(min(max(0, edge - self._frame), len(frames)) for edge in (self.first, self.last)))
        self._frame += len(frames)
        parts = (frames.amplitude, frames.instantaneous_frequency, frames.plain_amplitude)
        times = frames.times[rows] + self.audio.start_s
        return Frames(times, *(np.ascontiguousarray(part[rows, streams]) for part in parts))


class _Lane:
    """One file in a pack: its audio, its outputs, and which streams are its channels, once for each of its parts."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self.job, self._settings = job, settings
        self.held = ExitStack()
        self.audio = self.held.enter_context(AudioFile(Path(job.source), settings.selection))
        cut = settings.cut > 1 and can_be_cut(self.audio)
        seconds = self.audio.samples / self.audio.sample_rate
        self._cuts = min(MOST_SEGMENTS, ceil(seconds / SEGMENT_S)) if cut else 1
        self.streams = self._cuts * self.audio.channels
        self.parts: list[_Part] = []
        self.done = 0
        self.failure: SharpearError | None = None

    def begin(self, sharpener: Sharpener, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""
        self._first_stream = first_stream
        outputs = [Path(output) for output in self.job.outputs]
        with self.failing():
            self._files = self.held.enter_context(FileSinks(outputs, describe(self.audio, sharpener)))
            self._later = [self.held.enter_context(Later(outputs[0])) for _ in range(self._cuts - 1)]
            self.parts = [self._part(sharpener, number) for number in range(self._cuts)]

    def _part(self, sharpener: Sharpener, number: int) -> _Part:
        audio, hop, frames = self.audio, sharpener.hop, sharpener.frames_for(self.audio.samples)
        first, last = (frames * edge // self._cuts for edge in (number, number + 1))
        warm_up = ceil(WARM_UP_S * audio.sample_rate / hop)
        begin = max(0, first - warm_up) // sharpener.period_hops * sharpener.period_hops if number else 0
        if number:
            start_s = audio.start_s + begin * hop / audio.sample_rate
            left_s = max(1, audio.samples - begin * hop) / audio.sample_rate
            stretch = Selection(start_s, left_s, self._settings.selection.mono)
            audio = self.held.enter_context(AudioFile(audio.path, stretch))
        return _Part(audio, begin, first, last, hop)

    @property
    def going_on(self) -> bool:
        """Whether frames of it are still to come."""
        return self.failure is None and not all(part.done for part in self.parts)

    def read(self, block: NDArray[np.float32]) -> None:
        """Fill the file's streams of `block`."""
        with self.failing():
            for part, streams in self._each():
                self.done += part.read(block[:, streams])

    def write(self, frames: Frames) -> None:
        """Keep those of the pack's frames that are the file's: the later parts' until their turn."""
        with self.failing():
            for number, (part, streams) in enumerate(self._each()):
                own = part.own(frames, streams)
                (self._later[number - 1] if number else self._files).write(own)

    def publish(self) -> None:
        """The parts in their order; then the outputs get their names."""
        with self.failing():
            for later in self._later:
                for frames in later.replay():
                    self._files.write(frames)
            self.audio.check_unchanged()
            self._files.publish(complete=True)

    def _each(self) -> Iterator[tuple[_Part, slice]]:
        for number, part in enumerate(self.parts):
            first = self._first_stream + number * self.audio.channels
            yield part, slice(first, first + self.audio.channels)

    def failing(self) -> "_Failing":
        """What goes wrong inside ends this file, and no other."""
        return _Failing(self)


@dataclass
class _Failing:
    """What goes wrong with one file ends that file; its streams are silent from then on."""

    lane: _Lane

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, SharpearError):
            return False
        self.lane.failure = error
        return True


def run_packed(jobs: Sequence[Job], settings: Settings, device: Backend, interruption: Interruption) -> Iterator[Event]:
    """Run `jobs` on a GPU, as many at once as `STREAMS_AT_ONCE`, or its memory, allow; what becomes of each is yielded.

    A file gets the frames that it would get alone. Interrupted, a pack leaves nothing.
    """
    interruption.patient = True
    lanes = []
    for job in jobs:
        result = _open(job, settings)
        if isinstance(result, _Lane):
            result.held.close()  # only to know its length: a pack opens its own
            lanes.append(result)
        else:
            yield result
    lanes.sort(key=lambda lane: (lane.audio.sample_rate, lane.audio.samples))
    for _, same_rate in groupby(lanes, key=lambda lane: lane.audio.sample_rate):
        for pack in _packs(list(same_rate)):
            if interruption.requested:
                return
            yield from _run_pack([lane.job for lane in pack], settings, device, interruption)


def _open(job: Job, settings: Settings) -> _Lane | Result:
    try:
        if is_done(job, settings):
            return Result(job, "skipped", "whole already")
        if any(places.is_url(place) for place in (job.source, *job.outputs)):
            raise UsageError(f"{job.source}: --device gpu takes local files: --device cpu takes URLs, too")
        return _Lane(job, settings)
    except SharpearError as error:
        return _failed(job, error)


def _failed(job: Job, error: SharpearError, spent_s: float = 0.0) -> Result:
    return Result(job, "failed", str(error), spent_s=spent_s, exit_code=error.exit_code)


def _packs(lanes: list[_Lane]) -> Iterator[list[_Lane]]:
    pack: list[_Lane] = []
    for lane in lanes:
        if pack and sum(one.streams for one in pack) + lane.streams > STREAMS_AT_ONCE:
            yield pack
            pack = []
        pack.append(lane)
    if pack:
        yield pack


def _run_pack(jobs: list[Job], settings: Settings, device: Backend, interruption: Interruption) -> Iterator[Event]:
    """One pack; where the GPU's memory does not suffice, its halves one after the other."""
    started_s, worker = time.perf_counter(), 0
    lanes: list[_Lane] = []
    try:
        with ExitStack() as held:
            for job in jobs:
                lane = _open(job, settings)
                if isinstance(lane, _Lane):
                    held.callback(lane.held.close)
                    lanes.append(lane)
                else:
                    yield lane
            for done_s, total_s in _advance(lanes, settings, device, interruption):
                yield Advance(worker, f"{len(lanes)} files", done_s, total_s)
            spent_s = time.perf_counter() - started_s
            for lane in lanes:
                job, audio_s = lane.job, lane.audio.samples / lane.audio.sample_rate
                if interruption.requested and lane.failure is None:
                    yield Result(job, "interrupted", f"{job.source}: interrupted: nothing was written", exit_code=1)
                elif lane.failure:
                    yield _failed(job, lane.failure, spent_s)
                else:
                    replaced = sum(part.replaced for part in lane.parts)
                    yield Result(job, "done", "", audio_s, spent_s, replaced)
            return
    except MemoryError:
        begun = [lane.job for lane in lanes]
        if len(begun) == 1:
            no_room = InputError(f"{begun[0].source}: the GPU has no memory left for it: --device cpu has")
            yield _failed(begun[0], no_room, time.perf_counter() - started_s)
            return
    except RuntimeError as error:
        lost = f"the GPU failed ({type(error).__name__}: {error}): nothing was written; --device cpu does without"
        for lane in lanes:
            yield _failed(lane.job, InputError(f"{lane.job.source}: {lost}"), time.perf_counter() - started_s)
        return
    for half in (begun[: len(begun) // 2], begun[len(begun) // 2 :]):
        yield from _run_pack(half, settings, device, interruption)


def _advance(
    lanes: list[_Lane], settings: Settings, device: Backend, interruption: Interruption
) -> Iterator[tuple[float, float]]:
    """From all files through one sharpener to all outputs; yields the seconds done, and those in all."""
    if not lanes:
        return
    rate, streams = lanes[0].audio.sample_rate, sum(lane.streams for lane in lanes)
    try:
        sharpener = Sharpener(rate, settings.config, streams, device=device)
    except SharpearError as error:
        for lane in lanes:
            lane.failure = error
        return
    first = 0
    for lane in lanes:
        lane.begin(sharpener, first)
        first += lane.streams
    samples = max(lane.audio.samples for lane in lanes)
    block = np.empty((BLOCK_SAMPLES, streams), np.float32)
    while any(lane.going_on for lane in lanes) and not interruption.requested:
        block[...] = 0
        for lane in lanes:
            if lane.going_on:
                lane.read(block)
        frames = sharpener.process(block)
        for lane in lanes:
            if lane.going_on:
                lane.write(frames)
        yield max(lane.done for lane in lanes) / rate, samples / rate
    if not interruption.requested:
        for lane in lanes:
            if not lane.failure:
                lane.publish()
