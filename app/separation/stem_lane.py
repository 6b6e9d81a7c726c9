"""A file among those that one `Separator` on a GPU works on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import Selection
from sharpear.runs.packs import PACK_SAMPLES, Lane, unusable
from sharpear.sinks import Staging

from .separator import Separator
from .stem_files import StemFiles, StemFormat


class StemLane(Lane[Separator]):
    """A file whose streams are its channels. Stopped, it gets stems of what it has read, if those are to be kept."""

    def __init__(
        self,
        path: Path,
        outputs: dict[str, Path],
        form: StemFormat,
        selection: Selection,
        made_of: Mapping[str, str],
        keep_partial: bool,
    ) -> None:
        super().__init__(path, selection)
        self._outputs, self._form, self._made_of = outputs, form, made_of
        self._keep_partial = keep_partial
        self._blocks = self.audio.blocks(PACK_SAMPLES)
        self._samples, self._written = self.audio.samples, 0
        self.descriptors += len(outputs) + Staging.descriptors(outputs.values())

    @property
    def kind(self) -> tuple[int, ...]:
        """Separators link as many channels for all."""
        return self.audio.sample_rate, self.audio.channels

    def begin(self, worker: Separator, first_stream: int) -> None:
        """Take streams from `first_stream` on, and open the outputs."""
        self._own = slice(first_stream, first_stream + self.streams)
        self._late = worker.latency_samples
        audio = self.audio
        with self.failing():
            files = StemFiles(self._outputs, worker.stems, audio.sample_rate, audio.channels, self._form, self._made_of)
            self._files = self.opened.enter_context(files)

    @property
    def unfinished(self) -> bool:
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
        self._samples = self.done if self._keep_partial else 0
        self.stopped = self.done < self.audio.samples
        self.kept = self.stopped and self._samples > 0

    def publish(self) -> None:
        """Give the stems their names, if there is anything in them."""
        with self.failing():
            if self.kept or not self.stopped:
                self.audio.check_unchanged()
                self._files.publish(complete=not self.stopped)
