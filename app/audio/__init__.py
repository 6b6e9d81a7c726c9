"""What comes in: audio from files, streams and arrays, read whole or refused in one line."""

from .audio_file import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, AudioFile, AudioSource, Selection
from .audio_pipe import AudioPipe
from .feed import Feed
from .raw import RawFormat

__all__ = [
    "HIGHEST_RATE_HZ",
    "LOWEST_RATE_HZ",
    "AudioFile",
    "AudioPipe",
    "AudioSource",
    "Feed",
    "RawFormat",
    "Selection",
]
