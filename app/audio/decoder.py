"""libsndfile on what cannot be sought: a pipe."""

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import InputError

from .audio_file import cut_short, logger
from .damage import DamageWatch, is_mpeg
from .feed import LARGEST_READ, Feed
from .media import MediaError, MediaFile, is_media, is_streamed, telling_bytes
from .rewindable import Rewindable
from .sound_file import SAMPLE_BYTES, UNKNOWN_SAMPLES, SequentialFile, missing_bytes, not_decoded, tag_bytes
from .wav_header import LARGEST_HEADER, find_data, is_placeholder, is_unstated, is_wav, with_open_end

FIXED_WAV = (1, 3, 6, 7, 0xFFFE)
"""WAV format tags whose samples all take as many bytes: PCM, float, A-law, µ-law, and "extensible"."""

STREAMED = ("WAV", "WAVEX", "RF64", "AIFF", "AU", "CAF", "FLAC")
"""Containers that libsndfile reads from front to back; of the others it needs the end first."""

HTK_PCM = b"\0\2\0\0"
"""What stands for a magic number in an HTK file, which has none: the size of its samples, and their kind."""

BLOCK_AU = (23, 24, 25, 26)
SPOOLED = (b"riff", b" paf", b"fap ", b"\xf0\x7e", b"Extended Ins", b"ALawSoundFil", b"Creative Voi")


def open_decoder(feed: Feed) -> "SndfileDecoder | SpooledDecoder | MediaDecoder":
    """Choose the decoder by the first bytes of the stream.

    Raises:
        InputError: it is nothing that libsndfile reads.
        KeyboardInterrupt: the feed was stopped before enough had come.
    """
    try:
        if not feed.peek(12):
            raise InputError("stdin: is empty (0 bytes)")
        _skip_tags(feed)
        head = feed.peek(telling_bytes(feed.peek(12)))
        if is_media(head):
            return MediaDecoder(feed, head)
        if head.startswith(b"OggS") or is_mpeg(head):
            return PumpedDecoder(feed)
        if _is_block_coded(feed, head):
            return SpooledDecoder(feed)
        decoder = SndfileDecoder(feed)
        return decoder if decoder.streams else SpooledDecoder(feed, decoder.header)
    except InputError as error:
        if feed.stopped:
            raise KeyboardInterrupt from error
        raise


class _FeedDecoder:
    """What all decoders share: a feed, and the file that libsndfile or FFmpeg makes of it."""

    _feed: Feed
    _file: soundfile.SoundFile | MediaFile
    samples: int | None = None

    def _describe(self) -> None:
        self.sample_rate, self.channels = int(self._file.samplerate), int(self._file.channels)

    def _decode(self, most: int) -> NDArray[np.float32]:
        block: NDArray[np.float32] = self._file.read(most, dtype="float32", always_2d=True)
        return block

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        self._feed.stop()
        self._file.close()


class SndfileDecoder(_FeedDecoder):
    """WAV, AIFF, AU, CAF, FLAC…, through a file object that goes only forward once the header is read."""

    _frame_bytes: int | None = None
    _decoded = 0

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        head, stated = _opened_up(feed)
        self._rewindable = Rewindable(feed, head)
        self._file = _open(self._rewindable)
        self._describe()
        self.streams = self._file.format in STREAMED
        self.header = self._rewindable.kept
        """What was taken from the feed so far."""
        if not self.streams:
            return
        size = SAMPLE_BYTES.get(self._file.subtype)
        self._frame_bytes = size * self.channels if size and self._file.format != "FLAC" else None
        self._rewindable.forget(greedy=self._frame_bytes is None)
        if self._frame_bytes and stated is not None:
            self.samples = stated // self._frame_bytes
        elif self._frame_bytes and is_placeholder((self.samples or 0) * self._frame_bytes):
            self.samples = None

    def _describe(self) -> None:
        super()._describe()
        frames = int(self._file.frames)
        self.samples = frames if 0 < frames < UNKNOWN_SAMPLES else None

    def read(self, most: int) -> NDArray[np.float32]:
        """Read (samples, channels): at least one sample unless the stream has ended."""
        if self._frame_bytes:
            self._rewindable.wait_for(self._frame_bytes)
            most = min(most, max(1, self._rewindable.held // self._frame_bytes))
        else:
            most = min(most, 1024)
        try:
            block = self._decode(most)
        except soundfile.LibsndfileError as error:
            if self._feed.stopped:  # in the middle of something
                return np.zeros((0, self.channels), np.float32)
            cause = error.error_string.rstrip(".")
            if not self._decoded:
                raise InputError(f"stdin: cannot be decoded ({cause})") from error
            if self.samples is None:  # else what is missing is said at the end
                seconds = self._decoded / self.sample_rate
                logger.warning("stdin: is damaged after %.3f s (%s): read to there", seconds, cause)
            return np.zeros((0, self.channels), np.float32)
        self._decoded += len(block)
        return block


def _skip_tags(feed: Feed) -> None:
    """Skip ID3 tags, which may stand in front of anything."""
    while left := tag_bytes(feed.peek(10)):
        while left and (taken := len(feed.take(min(left, LARGEST_READ)))):
            left -= taken


def _is_block_coded(feed: Feed, head: bytes) -> bool:
    """Whether the samples come in blocks, whose number libsndfile must know: a pipe's end is not one to it."""
    wanted = 128
    if is_wav(head):
        at = feed.peek(wanted).find(b"fmt ")
        return at > 0 and int.from_bytes(feed.peek(at + 10)[at + 8 :], "little") not in FIXED_WAV
    if head.startswith(b".snd"):
        return int.from_bytes(feed.peek(16)[12:16], "big") in BLOCK_AU
    return head.startswith(SPOOLED) or head[8:12] in (b"8SVX", b"16SV", HTK_PCM)


class SpooledDecoder(_FeedDecoder):
    """A stream that libsndfile reads only as a file: it is kept in one without a name until it has ended."""

    def __init__(self, feed: Feed, head: bytes = b"") -> None:
        self._feed = feed
        self._spool = _spooled(feed, head)
        # By its descriptor: asked to go before the beginning, a file object raises, and libsndfile swallows that.
        self._file = _open(os.dup(self._spool.fileno()))
        self._describe()
        if lost := missing_bytes(self._file.extra_info):
            logger.warning("%s", cut_short("stdin", lost))

    def read(self, most: int) -> NDArray[np.float32]:
        """Read (samples, channels): at least one sample unless the stream has ended."""
        return self._decode(most)

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        super().close()
        self._spool.close()


def _spooled(feed: Feed, head: bytes = b"") -> IO[bytes]:
    """Write `head` and all that follows to a temporary file without a name."""
    spool = tempfile.TemporaryFile(prefix="sharpear.")  # noqa: SIM115 (closed by its decoder)
    try:
        spool.write(head)
        while data := feed.take(LARGEST_READ):
            spool.write(data)
        spool.seek(0)
    except OSError as error:
        raise InputError(f"stdin: cannot be kept in {tempfile.gettempdir()} ({error.strerror})") from error
    if feed.stopped:
        raise KeyboardInterrupt
    return spool


class MediaDecoder(_FeedDecoder):
    """What FFmpeg decodes: as it comes or, if its container must be sought in, once the stream has ended."""

    def __init__(self, feed: Feed, head: bytes) -> None:
        self._feed = feed
        try:
            self._file = MediaFile(_Forward(feed) if is_streamed(head) else _spooled(feed))
        except MediaError as error:
            raise InputError(not_decoded("stdin", error)) from error
        self._describe()

    def read(self, most: int) -> NDArray[np.float32]:
        """Read (samples, channels): at least one sample unless the stream has ended."""
        block = self._file.read(min(most, 1024))
        if not len(block) and self._file.damage and not self._feed.stopped:
            logger.warning("stdin: is damaged (%s): what could be decoded is read", self._file.damage)
        return block


class _Forward:
    """A feed as a file object that can only be read on."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def read(self, size: int = -1, /) -> bytes:
        return self._feed.take(LARGEST_READ if size < 0 else size)

    def close(self) -> None:
        self._feed.stop()


class PumpedDecoder(SndfileDecoder):
    """Ogg and MP3, which libsndfile streams from a real pipe, and looks for the end of in anything else.

    A thread pumps what comes into a pipe of our own, from which libsndfile reads in another.

    Whoever waits for samples waits in Python, which answers signals; libsndfile would not return for one.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        outlet, inlet = os.pipe()
        self._watch = DamageWatch()
        self._pump = threading.Thread(target=_pump, args=(feed, inlet, self._watch), daemon=True)
        self._pump.start()
        self._reader = ThreadPoolExecutor(1)
        try:
            self._file = self._reader.submit(_open, outlet).result()
        except InputError:
            self._reader.shutdown()
            raise
        except KeyboardInterrupt:
            self._end_reading()
            raise
        self._describe()
        self.samples = None  # what libsndfile makes of a stream's end it could not see is a guess

    def _decode(self, most: int) -> NDArray[np.float32]:
        block = self._reader.submit(super()._decode, most).result()
        if not len(block) and not self._feed.stopped and (damage := self._watch.damage):
            logger.warning("stdin: %s", damage)
        return block

    def _end_reading(self) -> None:
        self._feed.stop()  # the pump then ends, and so does what libsndfile waits for
        self._reader.shutdown()

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        self._end_reading()
        self._file.close()


def _pump(feed: Feed, inlet: int, watch: DamageWatch) -> None:
    with suppress(OSError):  # the decoder has ended before its input
        while data := feed.take(LARGEST_READ):
            watch.look(data)
            while data:
                data = data[os.write(inlet, data) :]
    os.close(inlet)


def _open(file: "Rewindable | int") -> soundfile.SoundFile:
    try:
        return SequentialFile(file)
    except soundfile.LibsndfileError as error:
        cause = error.error_string.rstrip(".")
        raise InputError(
            f"stdin: is not audio that libsndfile reads ({cause}): give WAV, FLAC, AIFF, Ogg, MP3, or raw samples with "
            "--raw --rate --channels --encoding"
        ) from error


def _opened_up(feed: Feed) -> tuple[bytes, int | None]:
    """Take a WAV's header from `feed`: the header with its length left open, and the length, if it stated one."""
    if not is_wav(feed.peek(12)):
        return b"", None
    wanted = 64
    while not (found := find_data(feed.peek(wanted))) and feed.held >= wanted < LARGEST_HEADER:
        wanted *= 2
    if not found:
        return b"", None
    offset, stated = found
    unstated = is_unstated(stated, feed.peek(offset + 4)[offset:] if stated == 0 else b"")
    return with_open_end(feed.exactly(offset), offset), None if unstated else stated
