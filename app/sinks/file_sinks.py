"""Several files of the same frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo
from .npz import NpzSink
from .parquet import ParquetSink
from .picture_sink import PictureSink
from .staging import Staging
from .zarr import ZarrSink

SINKS: dict[str, type[Sink]] = {
    "zarr": ZarrSink,
    "npz": NpzSink,
    "parquet": ParquetSink,
    **dict.fromkeys(("png", "svg", "pdf"), PictureSink),
}
"""File formats by the suffix that names them."""


class FileSinks:
    """Several files made of the same frames, which appear together or not at all."""

    def __init__(self, outputs: Sequence[Path], info: SinkInfo) -> None:
        self.paths = list(outputs)
        self._sinks = [SINKS[output.suffix.removeprefix(".")](output, info) for output in outputs]
        self._staging: Staging | None = None

    def open(self) -> None:
        """Begin to grow, under temporary names.

        Raises:
            InputError: a place cannot be made.
        """
        self._staging = Staging(self.paths)
        try:
            for sink in self._sinks:
                sink.open(self._staging.place(sink.path))
        except BaseException:
            self.discard()
            raise

    def write(self, frames: Frames) -> None:
        """Append frames to each."""
        for sink in self._sinks:
            sink.write(frames)

    def publish(self, complete: bool) -> None:
        """Make each whole, then give each its name."""
        assert self._staging is not None, "open() comes first"
        for sink in self._sinks:
            sink.finish(complete)
        for sink in self._sinks:
            sink.close()
        self._staging.publish()

    def discard(self) -> None:
        """Remove what has not been published."""
        for sink in self._sinks:
            sink.close()
        if self._staging:
            self._staging.discard()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()
