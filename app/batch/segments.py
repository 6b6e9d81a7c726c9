"""Long files in segments: each begins with a stretch that only warms the state up, and all are worked on at once."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Self

import numpy as np

from sharpear.audio import AudioFile, Selection
from sharpear.errors import InputError
from sharpear.files import BLOCK_SAMPLES, FileSinks, Outcome, Progress, describe
from sharpear.frames import Frames
from sharpear.interrupt import Interruption
from sharpear.pipeline import Sharpener
from sharpear.pool import SharpenerPool

SEGMENT_S = 60.0
WARM_UP_S = 2.0
"""Many times the longest memory of any preset."""

FIELDS = ("amplitude", "instantaneous_frequency", "plain_amplitude")
SOUGHT_EXACTLY = ("WAV", "WAVEX", "FLAC", "AIFF", "AU", "W64", "RF64", "CAF")
"""Formats in which a sample is found again to the sample."""


def can_be_cut(audio: AudioFile) -> bool:
    """Whether a file is long enough to be cut, and of a format that can be entered anywhere."""
    return audio.samples > 2 * SEGMENT_S * audio.sample_rate and audio.format in SOUGHT_EXACTLY


@dataclass(frozen=True)
class Segment:
    """Frames first to last (exclusive) of a stretch of audio; None is to the end."""

    first: int
    last: int | None


def sharpen_cut(
    audio: AudioFile,
    outputs: Sequence[Path],
    sharpeners: SharpenerPool,
    interruption: Interruption,
    progress: Progress | None = None,
    keep_partial: bool = False,
    at_once: int = 2,
    segment_s: float = SEGMENT_S,
    warm_up_s: float = WARM_UP_S,
) -> Outcome:
    """As `sharpen_audio`, in segments of `segment_s`, `at_once` of them side by side.

    Frames equal those of the unbroken run but for the rounding that a state keeps of its past. Segments wait for
    their turn in unnamed temporary files beside the outputs, `at_once` + 1 at most.

    Raises:
        InputError, UsageError, KeyboardInterrupt: as `sharpen_audio`.
    """
    with sharpeners.lend(audio.sample_rate, audio.channels) as sharpener:
        info = describe(audio, sharpener, segment_s=segment_s)
        hop = sharpener.hop
        frames = sharpener.frames_for(audio.samples)
    length = max(1, round(segment_s * audio.sample_rate / hop))
    edges = [*range(0, frames, length)]
    segments = [Segment(first, first + length if first != edges[-1] else None) for first in edges]
    cutter = _Cutter(audio, sharpeners, interruption, progress, round(warm_up_s * audio.sample_rate / hop), outputs[0])
    replaced = joined = 0
    with FileSinks(outputs, info) as files, ThreadPoolExecutor(at_once) as pool:
        waiting: list[Future[_Spool]] = []
        try:
            for segment in segments:
                waiting.append(pool.submit(cutter.run, segment))
                if len(waiting) > at_once:
                    replaced, joined = _join(waiting.pop(0), files, replaced, joined)
            while waiting:
                replaced, joined = _join(waiting.pop(0), files, replaced, joined)
        except KeyboardInterrupt:
            if not (keep_partial and joined):
                raise
        except BaseException:
            interruption.requested = True  # the other segments need not go on
            raise
        audio.check_unchanged()
        complete = joined == frames
        files.publish(complete)
    done_s = audio.samples / audio.sample_rate if complete else joined * hop / audio.sample_rate
    return Outcome(tuple(outputs), done_s, replaced, complete)


def _join(segment: "Future[_Spool]", files: FileSinks, replaced: int, joined: int) -> tuple[int, int]:
    with segment.result() as spool:
        for frames in spool.replay():
            files.write(frames)
            joined += len(frames)
        return replaced + spool.replaced, joined


@dataclass
class _Cutter:
    audio: AudioFile
    sharpeners: SharpenerPool
    interruption: Interruption
    progress: Progress | None
    warm_up: int
    beside: Path
    done: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def run(self, segment: Segment) -> "_Spool":
        """The segment's frames, on disk."""
        audio = self.audio
        with self.sharpeners.lend(audio.sample_rate, audio.channels) as sharpener:
            from_frame = max(0, segment.first - self.warm_up)
            first_sample = from_frame * sharpener.hop
            rate = audio.sample_rate
            stretch = Selection(
                audio.start_s + first_sample / rate, (audio.samples - first_sample) / rate, audio.selection.mono
            )
            spool = _Spool(self.beside)
            try:
                with AudioFile(audio.path, stretch) as part:
                    self._advance(part, sharpener, segment, from_frame, spool)
            except BaseException:
                spool.close()
                raise
            return spool

    def _advance(
        self, part: AudioFile, sharpener: Sharpener, segment: Segment, from_frame: int, spool: "_Spool"
    ) -> None:
        # A sharpener's first frame is its number 0, or 1 where it has no latency.
        number = from_frame + (sharpener.latency_s == 0)
        warm_until = (segment.first - from_frame) * sharpener.hop
        sample, warm = 0, np.int64(0)
        hop_s = sharpener.hop / part.sample_rate
        for block in _split_at(part.blocks(BLOCK_SAMPLES), warm_until):
            if self.interruption.requested:
                raise KeyboardInterrupt
            number = spool.keep(sharpener.process(block), number, segment, self.audio.start_s, hop_s)
            sample += len(block)
            if sample == warm_until:
                warm = sharpener.replaced.sum()
            if sample > warm_until:
                self._report(len(block), segment, number)
            if segment.last is not None and number >= segment.last:
                break
        else:
            spool.keep(sharpener.flush(), number, segment, self.audio.start_s, hop_s)
        spool.replaced = int(sharpener.replaced.sum() - warm)

    def _report(self, samples: int, segment: Segment, number: int) -> None:
        with self._lock:
            self.interruption.patient = True
            self.done = min(self.done + samples, self.audio.samples)
            if self.progress:
                self.progress(self.done / self.audio.sample_rate, self.audio.samples / self.audio.sample_rate)


def _split_at(blocks: Iterator[np.ndarray], sample: int) -> Iterator[np.ndarray]:
    """The same blocks, one of them divided so that an edge falls on `sample`."""
    passed = 0
    for block in blocks:
        cut = sample - passed
        passed += len(block)
        if 0 < cut < len(block):
            yield block[:cut]
            yield block[cut:]
        else:
            yield block


class _Spool:
    """Frames on disk, in a file without a name, which is gone with its process."""

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self.replaced = 0
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=beside.parent)  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            raise self._failed(error) from error

    def keep(self, frames: Frames, number: int, segment: Segment, start_s: float, hop_s: float) -> int:
        """Append those of `frames`, which begin with frame `number`, that lie in the segment; the next number."""
        after = number + len(frames)
        inside = slice(max(0, segment.first - number), None if segment.last is None else max(0, segment.last - number))
        numbers = np.arange(number, after)[inside]
        kept = replace(frames[inside], times=np.float64(start_s) + numbers * hop_s)
        if len(kept):
            try:
                for name in ("times", *FIELDS):
                    np.save(self._file, getattr(kept, name), allow_pickle=False)
            except OSError as error:
                raise self._failed(error) from error
        return after

    def replay(self) -> Iterator[Frames]:
        """What was kept, in order."""
        size = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < size:
            times, *parts = (np.load(self._file, allow_pickle=False) for _ in ("times", *FIELDS))
            yield Frames(times, *parts)

    def _failed(self, error: OSError) -> InputError:
        return InputError(
            f"{self._beside}: cannot be written ({error.strerror or error}): make room, or choose another place with -o"
        )

    def close(self) -> None:
        """Forget them."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
