"""What goes out: files appear whole under their name or not at all, streams take what comes, and `load` reads back."""

from .base import SinkInfo
from .file_sinks import SINKS, FileSinks
from .picture_style import PictureStyle
from .recovery import tidy
from .staging import Staging, write_whole
from .stream import STREAM_FORMATS, open_stream_sink
from .stream_base import StreamSink

__all__ = [
    "SINKS",
    "STREAM_FORMATS",
    "FileSinks",
    "PictureStyle",
    "SinkInfo",
    "Staging",
    "StreamSink",
    "open_stream_sink",
    "tidy",
    "write_whole",
]
