"""Frames of a live session on stdout, as they are made."""

from collections import deque
from contextlib import suppress
from pathlib import Path

from sharpear.errors import unwritable
from sharpear.runs.sharpening_task import describe
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import StreamSink, open_stream_sink
from sharpear.sinks.outlet import Outlet

from .worker import Gap

STDOUT = 1


class StreamOutput:
    """A listener that writes frames to a stream; it ends the session when nobody reads any more.

    Args:
        format_: of `sharpear.sinks.STREAM_FORMATS`, but npy, which states its length first.
        source: the input's name, for the stream's header.
        outlet: where bytes go; stdout if not given.
    """

    def __init__(self, format_: str, source: str, outlet: Outlet | None = None) -> None:
        self._format, self._source, self._outlet = format_, source, outlet or Outlet(STDOUT)
        self._sink: StreamSink | None = None
        self.phases = format_ in ("jsonl", "arrow")
        self.faults: deque[str] = deque()
        self.written: list[Path] = []
        self.ended = False

    def __bool__(self) -> bool:
        return True

    def open(self, sharpener: Sharpener) -> None:
        """Write the beginning of the stream.

        Raises:
            UsageError: an unknown format, or one whose length must be known.
        """
        self._sink = open_stream_sink(self._format, self._outlet, describe(self._source, sharpener.streams, sharpener))

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Do nothing: a session with outputs keeps its sharpener."""

    def frames(self, frames: Frames) -> None:
        """Write the frames."""
        if self._sink and not self.ended:
            try:
                self._sink.write(frames)
            except BrokenPipeError:
                self.ended = True
            except OSError as error:
                self.ended = True
                self.faults.append(str(unwritable("stdout", error, option="")))

    def gap(self, gap: Gap) -> None:
        """Do nothing: the frames' times show the gap."""

    def finish(self) -> None:
        """Write what the format has at its end."""
        if self._sink and not self.ended:
            with suppress(BrokenPipeError):
                self._sink.finish()
                self._outlet.flush()

    def discard(self) -> None:
        """Do nothing: what has been written is valid as it is."""
