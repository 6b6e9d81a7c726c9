"""A file among those that one `Sharpener` on a GPU works on; a long one takes several streams, side by side."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import SINKS, FileSinks, SinkInfo, Staging

from .packs import PACK_SAMPLES, STREAMS_AT_ONCE, Lane, unusable
from .segments import can_be_entered
from .spool import Spool

SEGMENT_S, MOST_SEGMENTS = 30.0, 128
"""Long files are cut into streams of about that length, and so many at most."""

SHORTEST_FILE_S = 120.0

PARTS = ("amplitude", "instantaneous_frequency", "plain_amplitude", "fundamental")
"""What frames have of each stream; fundamentals where voices are looked for."""

WARM_UP_S = 10.0
"""After 4 s a network that began later differs by less than 1e-5 from one that did not."""


class _Part:
    """Frames first to last (exclusive) of a file; what it reads begins at the frame `begin`, a warm-up earlier."""

    def __init__(self, audio: AudioFile, begin: int, first: int, last: int, hop: int) -> None:
        self.audio, self.begin, self.first, self.last, self._hop = audio, begin, first, last, hop
        self._blocks = audio.blocks(PACK_SAMPLES)
        self._frame, self._sample = begin, begin * hop
        self.replaced = 0

    @property
    def done(self) -> bool:
        """Whether all its frames are there."""
        return self._frame >= self.last

    def read(self, block: NDArray[np.float32]) -> int:
        """Fill `block`, which is silent, with what comes next; the number of samples that are the part's own."""
        sound = next(self._blocks, None)
        if sound is None:
            return 0
        block[: len(sound)] = sound
        first, last = (min(max(0, edge * self._hop - self._sample), len(sound)) for edge in (self.first, self.last))
        self.replaced += unusable(sound[first:last])
        self._sample += len(sound)
        return last - first

    def own(self, frames: Frames, streams: slice) -> Frames:
        """Those of the pack's frames that are the part's."""
        rows = slice(*(min(max(0, edge - self._frame), len(frames)) for edge in (self.first, self.last)))
        self._frame += len(frames)
        parts = {name: part for name in PARTS if (part := getattr(frames, name)) is not None}
        own = {name: np.ascontiguousarray(part[rows, streams]) for name, part in parts.items()}
        return Frames(frames.times[rows] + self.audio.start_s, **own)


def can_be_cut(audio: AudioFile) -> bool:
    """Whether a file is long enough for its stretches to be streams, and can be entered anywhere."""
    return audio.samples > SHORTEST_FILE_S * audio.sample_rate and can_be_entered(audio)


class SharpenLane(Lane[Sharpener]):
    """A file whose streams are its channels, once for each of its parts."""

    def __init__(
        self,
        source: Path,
        outputs: Sequence[Path],
        selection: Selection,
        cut: bool,
        describe: Callable[[AudioSource, Sharpener], SinkInfo],
    ) -> None:
        super().__init__(source, selection)
        self._outputs, self._describe = outputs, describe
        cut = cut and can_be_cut(self.audio)
        seconds = self.audio.samples / self.audio.sample_rate
        side_by_side = max(1, min(MOST_SEGMENTS, STREAMS_AT_ONCE // self.audio.channels))
        self._cuts = min(side_by_side, ceil(seconds / SEGMENT_S)) if cut else 1
        self.streams = self._cuts * self.audio.channels
        kept_open = sum(SINKS[output.suffix[1:]].descriptors for output in outputs)
        self.descriptors = 2 * self._cuts - 1 + Staging.descriptors(outputs) + kept_open
        self._parts: list[_Part] = []

    def begin(self, worker: Sharpener, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""
        self._first_stream = first_stream
        outputs = self._outputs
        with self.failing():
            self._files = self.opened.enter_context(FileSinks(outputs, self._describe(self.audio, worker)))
            spools = (Spool(outputs[0], Frames, ("times", *PARTS)) for _ in range(self._cuts - 1))
            self._later = [self.opened.enter_context(spool) for spool in spools]
            self._parts = [self._part(worker, number) for number in range(self._cuts)]

    def _part(self, sharpener: Sharpener, number: int) -> _Part:
        audio, hop, frames = self.audio, sharpener.hop, sharpener.frames_for(self.audio.samples)
        first, last = (frames * edge // self._cuts for edge in (number, number + 1))
        warm_up = ceil(WARM_UP_S * audio.sample_rate / hop)
        begin = max(0, first - warm_up) // sharpener.period_hops * sharpener.period_hops if number else 0
        if number:
            start_s = audio.start_s + begin * hop / audio.sample_rate
            left_s = max(1, audio.samples - begin * hop) / audio.sample_rate
            stretch = Selection(start_s, left_s, self.audio.selection.mono)
            audio = self.opened.enter_context(AudioFile(audio.path, stretch))
        return _Part(audio, begin, first, last, hop)

    @property
    def unfinished(self) -> bool:
        """Whether frames of it are still to come."""
        return not (self.failure or self.stopped or all(part.done for part in self._parts))

    def read(self, block: NDArray[np.float32]) -> None:
        """Fill the file's streams of `block`."""
        with self.failing():
            for part, streams in self._each():
                self.done += part.read(block[:, streams])

    def write(self, results: Frames) -> None:
        """Keep those of the pack's frames that are the file's: the later parts' until their turn."""
        with self.failing():
            for number, (part, streams) in enumerate(self._each()):
                own = part.own(results, streams)
                (self._later[number - 1] if number else self._files).write(own)

    def stop(self) -> None:
        """Nothing will be written."""
        self.stopped = True

    def publish(self) -> None:
        """The parts in their order; then the outputs get their names."""
        if self.stopped:
            return
        with self.failing():
            for later in self._later:
                for frames in later.replay():
                    self._files.write(frames)
            self.audio.check_unchanged()
            self._files.publish(complete=True)
            self.replaced = sum(part.replaced for part in self._parts)

    def _each(self) -> Iterator[tuple[_Part, slice]]:
        for number, part in enumerate(self._parts):
            first = self._first_stream + number * self.audio.channels
            yield part, slice(first, first + self.audio.channels)
