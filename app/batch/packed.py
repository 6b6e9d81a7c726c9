"""A batch on a GPU: the channels of many files are streams of one `Sharpener`, side by side."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile
from sharpear.errors import InputError, SharpearError, UsageError
from sharpear.files import FileSinks, describe
from sharpear.frames import Frames
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption
from sharpear.pipeline import Sharpener

from . import places
from .jobs import Job, Result, Settings, is_done
from .run import Advance, Event

STREAMS_AT_ONCE = 256
BLOCK_SAMPLES = 4096


class _Lane:
    """One file in a pack: its audio, its outputs, and which streams are its channels."""

    def __init__(self, job: Job, settings: Settings) -> None:
        self.job = job
        self.held = ExitStack()
        self.audio = self.held.enter_context(AudioFile(Path(job.source), settings.selection))
        self.streams = slice(0, 0)
        self.missing_frames = self.done = self.replaced = 0
        self.failure: SharpearError | None = None

    def begin(self, sharpener: Sharpener, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""
        self.streams = slice(first_stream, first_stream + self.audio.channels)
        self.missing_frames = sharpener.frames_for(self.audio.samples)
        outputs = [Path(output) for output in self.job.outputs]
        with self._failing():
            self.files = self.held.enter_context(FileSinks(outputs, describe(self.audio, sharpener)))
        self._blocks = self.audio.blocks(BLOCK_SAMPLES)

    def read(self, block: NDArray[np.float32]) -> None:
        """Fill `block` with what comes next, and with silence after the end."""
        with self._failing():
            sound = next(self._blocks, None)
            if sound is not None:
                block[: len(sound)] = sound
                self.done += len(sound)

    def write(self, frames: Frames) -> None:
        """Keep those of the pack's frames that are the file's."""
        with self._failing():
            parts = (frames.amplitude, frames.instantaneous_frequency, frames.plain_amplitude)
            own = slice(min(len(frames), self.missing_frames))
            times = frames.times[own] + self.audio.start_s
            self.files.write(Frames(times, *(np.ascontiguousarray(part[own, self.streams]) for part in parts)))
            self.missing_frames -= len(times)

    def publish(self, replaced: NDArray[np.int64]) -> None:
        """The outputs get their names."""
        with self._failing():
            self.audio.check_unchanged()
            self.files.publish(complete=True)
            self.replaced = int(replaced[self.streams].sum())

    def _failing(self) -> "_Failing":
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
        self.lane.failure, self.lane.missing_frames = error, 0
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
        if pack and sum(one.audio.channels for one in pack) + lane.audio.channels > STREAMS_AT_ONCE:
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
                    yield Result(job, "done", "", audio_s, spent_s, lane.replaced)
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
    rate, streams = lanes[0].audio.sample_rate, sum(lane.audio.channels for lane in lanes)
    try:
        sharpener = Sharpener(rate, settings.config, streams, device=device)
    except SharpearError as error:
        for lane in lanes:
            lane.failure = error
        return
    first = 0
    for lane in lanes:
        lane.begin(sharpener, first)
        first += lane.audio.channels
    samples = max(lane.audio.samples for lane in lanes)
    block = np.empty((BLOCK_SAMPLES, streams), np.float32)
    while any(lane.missing_frames for lane in lanes) and not interruption.requested:
        block[...] = 0
        for lane in lanes:
            if not lane.failure:
                lane.read(block[:, lane.streams])
        frames = sharpener.process(block)
        for lane in lanes:
            if lane.missing_frames:
                lane.write(frames)
        yield max(lane.done for lane in lanes) / rate, samples / rate
    if not interruption.requested:
        for lane in lanes:
            if not lane.failure:
                lane.publish(sharpener.replaced)
