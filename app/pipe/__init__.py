"""In the middle of a pipe: audio as it comes on stdin, frames as they are made on stdout."""

from .feed import Feed
from .outlet import Outlet
from .raw import RawFormat
from .run import sharpen_stream, write_header
from .source import AudioPipe

__all__ = ["AudioPipe", "Feed", "Outlet", "RawFormat", "sharpen_stream", "write_header"]
