"""Many files separated at once on a GPU."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import Selection
from sharpear.errors import SharpearError
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption
from sharpear.runs.packs import PACK_SAMPLES, Failed, Lane, PackAdvance, Packs, unusable
from sharpear.sinks import Staging

from .run import Separated
from .separator import Separator
from .shares import ShareFactory
from .stem_files import StemFiles, StemFormat


class _StemLane(Lane[Separator]):
    """A file whose streams are its channels. Stopped, it gets stems of what it has read."""

    def __init__(self, path: Path, outputs: dict[str, Path], form: StemFormat, selection: Selection) -> None:
        super().__init__(path, selection)
        self._outputs, self._form = outputs, form
        self._blocks = self.audio.blocks(PACK_SAMPLES)
        self._samples, self._written = self.audio.samples, 0
        self.descriptors += len(outputs) + Staging.descriptors(outputs.values())

    @property
    def kind(self) -> tuple[int, ...]:
        """Separators link as many channels for all."""
        return self.audio.sample_rate, self.audio.channels

    def begin(self, hears: Separator, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""
        self._own = slice(first_stream, first_stream + self.streams)
        self._late = hears.latency_samples
        audio = self.audio
        with self.failing():
            files = StemFiles(self._outputs, hears.stems, audio.sample_rate, audio.channels, self._form)
            self._files = self.held.enter_context(files)

    @property
    def going_on(self) -> bool:
        """Whether samples of its stems are still to come."""
        return self.failure is None and self._written < self._samples

    def read(self, block: NDArray[np.float32]) -> None:
        """Fill the file's streams of `block`."""
        with self.failing():
            sound = next(self._blocks, np.empty((0, self.streams), np.float32))
            block[: len(sound), self._own] = sound
            self.done += len(sound)
            self.replaced += unusable(sound)

    def write(self, results: NDArray[np.float32]) -> None:
        """Append what belongs to the file: not the silence before its first sample."""
        begin = min(self._late, len(results))
        self._late -= begin
        own = results[begin : begin + self._samples - self._written, self._own]
        with self.failing():
            self._files.write(own)
            self._written += len(own)

    def stop(self) -> None:
        """Only what has been read will be written."""
        self._samples = self.done
        self.stopped = self.done < self.audio.samples

    def publish(self) -> None:
        """Give the stems their names, if there is anything in them."""
        with self.failing():
            if self.done:
                self.audio.check_unchanged()
                self._files.publish(complete=not self.stopped)


def separate_packed(
    planned: Mapping[Path, dict[str, Path]],
    sources: ShareFactory,
    form: StemFormat,
    selection: Selection,
    backend: Backend,
    interruption: Interruption,
) -> Iterator[PackAdvance | tuple[Path, Separated | SharpearError]]:
    """Separate files (path → stem → path) on a GPU, and tell how far they are and what becomes of each."""

    def lane_of(path: Path) -> _StemLane:
        return _StemLane(path, planned[path], form, selection)

    def build(lanes: Sequence[Lane[Any]]) -> Separator:
        audio, streams = lanes[0].audio, sum(lane.streams for lane in lanes)
        return Separator(audio.sample_rate, sources, streams, linked=audio.channels, backend=backend)

    for event in Packs(lane_of, str, build, interruption).run(list(planned)):
        if isinstance(event, PackAdvance):
            yield event
        elif isinstance(event, Failed):
            yield event.item, event.failure
        else:
            lane = event.lane
            seconds = lane.done / lane.audio.sample_rate
            yield event.item, Separated(seconds, lane.replaced, not lane.stopped)
