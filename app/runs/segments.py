"""Long files in segments: each begins with a stretch that only warms the state up, and all are worked on at once.

A `Sharpener`'s evidence is forgotten within seconds, to the last bit; what its network decides is not. So the segments
are only listened to side by side, and one network then decides about all of them in their order.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.interrupt import Interruption
from sharpear.sharpening.cores import one_taken
from sharpear.sharpening.evidence import Evidence
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import FileSinks, SinkInfo

from .pool import SharpenerPool
from .spool import Spool
from .task import Outcome, Progress, Running

LONGEST_SEGMENT_S = 120.0
WARM_UP_S = 10.0
"""Every preset has forgotten what was before, to the last bit, after 2 to 6 s."""

PROOF_S = 1.0
"""Two segments that agree over the end of a warm-up, for much longer than any filter rings, agree from there on."""

WORTHWHILE = 0.75
"""Share of the time that a file takes whole which its segments may take, or it stays whole."""

LONGER = 4
"""Times as long a warm-up is tried where they do not agree."""

FIELDS = ("drive", "frequency_hz", "subband", "plain", "fundamental_hz")
SOUGHT_EXACTLY = ("WAV", "WAVEX", "FLAC", "AIFF", "AU", "W64", "RF64", "CAF")
"""Formats in which a sample is found again to the sample."""


def can_be_entered(audio: AudioFile) -> bool:
    """Whether a file is of a format that can be read from any sample on."""
    return audio.format in SOUGHT_EXACTLY


def is_worth_cutting(audio: AudioFile, at_once: int) -> bool:
    """Whether so many segments, each with its warm-up, end well before its channels do, side by side."""
    length_s = audio.samples / audio.sample_rate
    whole_s, cut_s = length_s / min(at_once, audio.channels), length_s / at_once + WARM_UP_S
    return can_be_entered(audio) and cut_s < WORTHWHILE * whole_s


@dataclass(frozen=True)
class Segment:
    """Hops first to last (exclusive) of a stretch of audio."""

    first: int
    last: int


def sharpen_cut(
    audio: AudioFile,
    outputs: Sequence[Path],
    sharpeners: SharpenerPool,
    running: Running,
    describe: Callable[[AudioSource, Sharpener], SinkInfo],
    segment_s: float = LONGEST_SEGMENT_S,
    warm_up_s: float = WARM_UP_S,
) -> Outcome:
    """Sharpen one file in segments of `segment_s` at most, `running.at_once` of them side by side.

    What comes out is what an unbroken run gives, bit for bit: where the end of a segment's warm-up is not what the
    segment before has found there, it is listened to again with a longer one.

    The first one is decided about while it is listened to; the others wait for their turn in unnamed temporary files
    beside the outputs, `running.at_once` + 1 at most.

    Raises:
        InputError, UsageError, KeyboardInterrupt: as `Task.make`.
    """
    interruption, at_once = running.interruption, running.at_once
    with (
        sharpeners.lend(audio.sample_rate, audio.channels, audio.start_s) as sharpener,
        FileSinks(outputs, describe(audio, sharpener)) as files,
        ThreadPoolExecutor(at_once) as pool,
    ):
        hops = sharpener.hops_for(audio.samples)
        hops_per_s = audio.sample_rate / sharpener.hop
        warm_up, proof = round(warm_up_s * hops_per_s), round(PROOF_S * hops_per_s)
        listener = _Listener(audio, sharpeners, interruption, running.progress, proof, outputs[0])
        segments = _segments(hops, round(segment_s * hops_per_s), at_once)
        resolved = 0
        try:
            for evidence in listener.in_order(sharpener, segments, at_once, warm_up, pool):
                files.write(sharpener.resolve(evidence))
                resolved += len(evidence)
        except KeyboardInterrupt:
            if not (running.keep_partial and resolved):
                raise
        except BaseException:
            interruption.requested = True  # the other segments need not go on
            raise
        audio.check_unchanged()
        files.publish(complete=resolved == hops)
    audio_s = min(resolved * sharpener.hop, audio.samples) / audio.sample_rate
    return Outcome(tuple(outputs), audio_s, listener.replaced, resolved == hops)


def _segments(hops: int, longest: int, at_once: int) -> list[Segment]:
    """As few as `longest` allows, in a multiple of `at_once` so that all end together."""
    rounds = -(-hops // (at_once * max(1, longest)))
    length = -(-hops // (at_once * rounds))
    return [Segment(first, min(first + length, hops)) for first in range(0, hops, length)]


@dataclass
class _Listener:
    audio: AudioFile
    sharpeners: SharpenerPool
    interruption: Interruption
    progress: Progress | None
    proof: int
    beside: Path
    done: int = 0
    replaced: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def in_order(
        self, sharpener: Sharpener, segments: list[Segment], at_once: int, warm_up: int, pool: ThreadPoolExecutor
    ) -> Iterator[Evidence]:
        """The evidence of all: of the first one as it is listened to here, of the others from where it waits."""
        ends, waiting = _Ends(), iter(segments[1:])
        listening = [pool.submit(self.run, segment, warm_up) for segment in islice(waiting, at_once - 1)]
        try:
            yield from self.hear(sharpener, segments[0], 0, ends)
        finally:
            self.replaced += ends.replaced
        while listening:
            free = at_once + 1 - len(listening)  # one more than run: what is decided about is done
            listening += [pool.submit(self.run, segment, warm_up) for segment in islice(waiting, free)]
            with self.proven(listening.pop(0).result(), ends) as spool:
                yield from spool.replay()
                self.replaced += spool.ends.replaced
                ends = spool.ends

    def proven(self, spool: "_Spool", before: "_Ends") -> "_Spool":
        """The segment that continues the one before: listened to again if it does not."""
        while not _are_same(spool.ends.lead, before.tail):
            spool.close()
            spool = self.run(spool.segment, spool.warm_up * LONGER)
        return spool

    def run(self, segment: Segment, warm_up: int) -> "_Spool":
        """The segment's evidence, on disk."""
        spool = _Spool(self.beside, segment, warm_up)
        try:
            with one_taken(), self.sharpeners.lend(self.audio.sample_rate, self.audio.channels) as sharpener:
                for evidence in self.hear(sharpener, segment, warm_up, spool.ends):
                    spool.write(evidence)
        except BaseException:
            spool.close()
            raise
        return spool

    def hear(self, sharpener: Sharpener, segment: Segment, warm_up: int, ends: "_Ends") -> Iterator[Evidence]:
        """The segment's evidence, block by block, and at last its `ends`."""
        audio, rate = self.audio, self.audio.sample_rate
        # A multiple of the period, so that sums are rounded as in an unbroken run.
        begin = max(0, segment.first - warm_up) // sharpener.period_hops * sharpener.period_hops
        first = begin * sharpener.hop
        stretch = Selection(audio.start_s + first / rate, max(1, audio.samples - first) / rate, audio.selection.mono)
        with AudioFile(audio.path, stretch) as part:
            yield from self._listen(part, sharpener, segment, begin, ends)

    def _listen(
        self, part: AudioFile, sharpener: Sharpener, segment: Segment, begin: int, ends: "_Ends"
    ) -> Iterator[Evidence]:
        own = segment.first * sharpener.hop
        sample, hop, warm = begin * sharpener.hop, begin, np.int64(0)
        for block in _split_at(_then_silence(part, sharpener.hop), own - sample):
            if self.interruption.requested:
                raise KeyboardInterrupt
            warm = sharpener.replaced.sum() if sample == own else warm
            block = block[: segment.last * sharpener.hop - sample]
            evidence = sharpener.listen(block)
            yield evidence[max(0, segment.first - hop) :]
            ends.lead += _between(evidence, hop, segment.first - self.proof, segment.first)
            ends.tail += _between(evidence, hop, segment.last - self.proof, segment.last)
            ends.replaced = int(sharpener.replaced.sum() - warm)
            hop += len(evidence)
            sample += len(block)
            if sample > own:
                self._report(len(block))
            if hop == segment.last:
                break

    def _report(self, samples: int) -> None:
        with self._lock:
            self.interruption.patient = True
            self.done = min(self.done + samples, self.audio.samples)
            if self.progress:
                self.progress(self.done / self.audio.sample_rate, self.audio.samples / self.audio.sample_rate)


def _between(evidence: Evidence, hop: int, first: int, last: int) -> list[Evidence]:
    """What of `evidence`, which begins at `hop`, lies in first to last."""
    part = evidence[max(0, first - hop) : max(0, last - hop)]
    return [part] if len(part) else []


def _are_same(one: list[Evidence], other: list[Evidence]) -> bool:
    def joined(pieces: list[Evidence], name: str) -> NDArray[Any]:
        return np.concatenate([getattr(piece, name) for piece in pieces])

    return all(np.array_equal(joined(one, name), joined(other, name)) for name in FIELDS)


def _then_silence(part: AudioFile, hop: int) -> Iterator[NDArray[np.float32]]:
    yield from part.blocks(BLOCK_SAMPLES)
    while True:
        yield np.zeros((hop, part.channels), np.float32)


def _split_at(blocks: Iterator[NDArray[np.float32]], sample: int) -> Iterator[NDArray[np.float32]]:
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


@dataclass
class _Ends:
    """What a segment's warm-up ends with, what itself ends with, and its samples that were taken as silence."""

    lead: list[Evidence] = field(default_factory=list)
    tail: list[Evidence] = field(default_factory=list)
    replaced: int = 0


class _Spool(Spool[Evidence]):
    """A segment's evidence."""

    def __init__(self, beside: Path, segment: Segment, warm_up: int) -> None:
        super().__init__(beside, Evidence, FIELDS)
        self.segment, self.warm_up, self.ends = segment, warm_up, _Ends()
