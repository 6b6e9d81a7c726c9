"""Files of a live session: sinks that fail alone."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from sharpear.errors import InputError
from sharpear.runs import Found, check_free, plan_frames
from sharpear.runs.sharpening_task import describe
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import FileSinks

from .worker import Gap

NAME = "live"


def name_outputs(out: Path | None, formats: Sequence[str], overwrite: bool) -> list[Path]:
    """The files to write: none unless `out` or a format is given.

    Raises:
        UsageError: an unknown format, or a file that exists.
    """
    if out is None and not formats:
        return []
    [job] = plan_frames([Found(NAME, None)], str(out) if out else None, formats)
    check_free([job], overwrite)
    return [Path(output) for output in job.outputs]


class FileOutputs:
    """A listener that writes frames to sinks. One that fails is finished with what it has; the others go on."""

    phases = ended = False

    def __init__(self, outputs: Sequence[Path], source: str) -> None:
        self._outputs, self._source = outputs, source
        self._sinks: list[FileSinks] = []
        self.faults: deque[str] = deque()
        self.written: list[Path] = []

    def __bool__(self) -> bool:
        return bool(self._outputs)

    def open(self, sharpener: Sharpener) -> None:
        """Make the files, under temporary names.

        Raises:
            InputError: one cannot be made.
        """
        info = describe(self._source, sharpener.streams, sharpener)
        self._sinks = [FileSinks([output], info) for output in self._outputs]
        try:
            for sink in self._sinks:
                sink.open()
        except InputError:
            self.discard()
            raise

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Nothing: a session with files keeps its sharpener."""

    def frames(self, frames: Frames) -> None:
        """Write the frames."""
        for sink in list(self._sinks):
            try:
                sink.write(frames)
            except InputError as error:
                self._sinks.remove(sink)
                self.faults.append(str(error))
                self._finish(sink, complete=False)

    def gap(self, gap: Gap) -> None:
        """Do nothing: the frames' times show the gap."""

    def finish(self) -> None:
        """Make the files whole and give them their names."""
        for sink in self._sinks:
            self._finish(sink, complete=True)
        self._sinks = []

    def _finish(self, sink: FileSinks, complete: bool) -> None:
        try:
            sink.publish(complete)
            self.written += sink.paths
        except InputError as error:
            sink.discard()
            if complete:
                self.faults.append(str(error))

    def discard(self) -> None:
        """Remove what has not been published."""
        for sink in self._sinks:
            sink.discard()
        self._sinks = []
