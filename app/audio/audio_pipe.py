"""Audio from a pipe: formats told by their header, or raw PCM."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError, UsageError

from .audio_file import Selection, check_rate, logger, too_short
from .decoder import open_decoder
from .feed import Feed
from .mono import MonoMix, that_it_cancels
from .raw import RawFormat
from .wav_header import WAV_BEGINNING, begins_wav, that_another_follows


class Decoder(Protocol):
    """Samples in order, as they come; samples: how many the header promises, None where it does not say."""

    sample_rate: int
    channels: int
    samples: int | None

    def read(self, most: int) -> NDArray[np.float32]:
        """Read (samples, channels): at least one sample unless the stream has ended."""

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""


class AudioPipe:
    """A stretch of audio from a pipe, in blocks of float32 (samples, channels), each as large as what has come.

    Args:
        feed: the bytes.
        selection: which part of it; all by default.
        raw: what the bytes are, where they have no header.

    Raises:
        InputError: it is not audio, or of a sample rate outside 8 to 192 kHz.
        KeyboardInterrupt: the feed was stopped before that was known.
    """

    name = "stdin"

    def __init__(self, feed: Feed, selection: Selection | None = None, raw: RawFormat | None = None) -> None:
        selection = selection or Selection()
        self.selection = selection
        self._feed = feed
        self._decoder: Decoder = RawDecoder(feed, raw) if raw else open_decoder(feed)
        self.sample_rate = self._decoder.sample_rate
        check_rate(self.name, self.sample_rate)
        self._mix = MonoMix() if selection.mono and self._decoder.channels > 1 else None
        self.channels = 1 if selection.mono else self._decoder.channels
        self._first = round(selection.start_s * self.sample_rate)
        self.start_s = self._first / self.sample_rate
        wanted = math.inf
        if selection.duration_s is not None:
            wanted = max(1, round(selection.duration_s * self.sample_rate))
        present = self._decoder.samples
        self._wanted = wanted if present is None else min(wanted, max(0, present - self._first))
        self.samples: int | None = None if present is None else int(self._wanted)

    def blocks(self, samples: int = 65536) -> Iterator[NDArray[np.float32]]:
        """The stretch in blocks of at most `samples`.

        Raises:
            InputError: decoding fails, or there is no audio.
            UsageError: the selection starts beyond the end.
            KeyboardInterrupt: the feed was stopped before the first sample.
        """
        skipped = self._skip(samples)
        if skipped < self._first and self._feed.stopped:
            raise KeyboardInterrupt
        if skipped < self._first or not self._wanted:
            raise (
                UsageError(f"stdin: start {self.start_s:g} s is beyond its end")
                if self._first
                else InputError("stdin: holds no audio (0 samples)")
            )
        done = 0
        while done < self._wanted:
            block = self._decoder.read(int(min(samples, self._wanted - done)))
            if not len(block):
                break
            done += len(block)
            yield self._mix.mix(block) if self._mix else block
        if not self._feed.stopped:
            self._check_end(done)
        elif not done:
            raise KeyboardInterrupt

    def _skip(self, samples: int) -> int:
        skipped = 0
        while skipped < self._first:
            block = self._decoder.read(min(samples, self._first - skipped))
            if not len(block):
                break
            skipped += len(block)
        return skipped

    def _check_end(self, done: int) -> None:
        if not done:
            raise InputError("stdin: holds no audio (0 samples)")
        if self._mix and self._mix.cancels:
            logger.warning("%s", that_it_cancels(self.name))
        if self.samples is not None and done < self.samples:
            logger.warning("%s", too_short("stdin", done, self.samples, self.sample_rate))
        all_heard = self._first + done == self._decoder.samples
        if all_heard and begins_wav(self._feed.soon(WAV_BEGINNING)) is not None:
            logger.warning("%s", f"{that_another_follows(self.name)}; the first is read")

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        self._decoder.close()


@dataclass
class RawDecoder:
    """Decode samples of headerless PCM."""

    feed: Feed
    format: RawFormat
    samples: int | None = None

    def __post_init__(self) -> None:
        self.sample_rate, self.channels = self.format.sample_rate, self.format.channels

    def read(self, most: int) -> NDArray[np.float32]:
        """Read (samples, channels): at least one sample unless the stream has ended."""
        size = self.format.frame_bytes
        head = self.feed.peek(size)
        if 0 < len(head) < size and not self.feed.stopped:
            raise InputError(
                f"stdin: ends within a sample ({len(head)} of {size} bytes): check --encoding {self.format.encoding} "
                f"and --channels {self.channels}"
            )
        whole = min(most, self.feed.held // size)
        return self.format.decode(self.feed.exactly(whole * size))

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        self.feed.stop()
