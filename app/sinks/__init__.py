"""What goes out: files appear whole under their name or not at all, streams take what comes, and `load` reads back."""

from .base import Sink, SinkInfo
from .file_sinks import SINKS, FileSinks
from .npz import NpzSink
from .png import PngSink
from .recovery import Tidied, tidy
from .staging import Staging, write_whole
from .stream import STREAM_FORMATS, open_stream_sink
from .stream_base import StreamSink
from .zarr import ZarrSink

__all__ = [
    "SINKS",
    "STREAM_FORMATS",
    "FileSinks",
    "NpzSink",
    "PngSink",
    "Sink",
    "SinkInfo",
    "Staging",
    "StreamSink",
    "Tidied",
    "ZarrSink",
    "open_stream_sink",
    "tidy",
    "write_whole",
]
