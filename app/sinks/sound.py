"""Sound files that grow: valid at every moment, so that what was recorded can be opened whatever happens."""

import errno
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.audio.wav_header import find_data

LARGEST_WAV_BYTES = 4_000_000_000
KEEP_HEADER_CURRENT = 0x1061
"""libsndfile's SFC_SET_UPDATE_HEADER_AUTO: each write states its length in the header, too."""
FLAC_BLOCK, FLAC_TOTAL = 8, 21
"""Bytes at which a FLAC's STREAMINFO states the length of a block, and the upper bits of the number of samples."""
UNKNOWN = 1 << 62
"""More samples than this stand for a FLAC that does not state how many it holds."""

FORMATS = {".wav": ("RF64", "FLOAT"), ".w64": ("W64", "FLOAT"), ".flac": ("FLAC", "PCM_24")}
"""Container and encoding by suffix. A .wav is RF64 until it is closed, since nobody knows how long it gets."""

FAILURES = (OSError, AssertionError, soundfile.LibsndfileError)
"""What writing raises: soundfile asserts that all was written, and a full disk takes less."""


class GrowingSound:
    """Write samples to a sound file whose header is true after every write.

    Args:
        path: .wav, .w64 or .flac.
        sample_rate: Hz.
        channels: of it.
        subtype: of the samples, where it is not the suffix's own.

    Raises:
        One of FAILURES: from any method, when it cannot be written.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int, subtype: str | None = None) -> None:
        kind, own = FORMATS[path.suffix]
        self.path, self._written = path, 0
        self._file = soundfile.SoundFile(os.fsencode(path), "w", sample_rate, channels, subtype or own, format=kind)
        soundfile._snd.sf_command(self._file._file, KEEP_HEADER_CURRENT, soundfile._ffi.NULL, 1)

    @property
    def channels(self) -> int:
        """How many channels the file has."""
        return int(self._file.channels)

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append (samples, channels)."""
        self._file.write(samples)
        self._written += len(samples)
        if self.path.suffix == ".flac":
            _state_flac_length(self.path, self._written)

    def comment(self, text: str) -> None:
        """Say something of the sound in its header."""
        self._file.comment = text

    def sync(self) -> None:
        """Make the disk hold what has been written."""
        self._file.flush()

    def close(self) -> None:
        """Complete the file, and close it."""
        if not self._file.closed:
            self._file.close()
            self._confirm_end()
            as_small_as_it_may_be(self.path)

    def _confirm_end(self) -> None:
        """See that the last sample is there: libsndfile does not tell what fails while it closes a file."""
        last = self._written - 1
        if last < 0 or _has_sample(self.path, last):
            return
        if self.path.suffix == ".flac":
            _state_flac_length(self.path, self._written, at_the_end=True)
            if _has_sample(self.path, last):  # all that failed was to state it
                return
            _state_flac_length(self.path, self._written)
        raise OSError(errno.EIO, "not all of it was taken")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def as_small_as_it_may_be(path: Path) -> None:
    """Make an RF64 below 4 GB a plain WAV, in place: the chunk with lengths of 64 bits becomes one to be skipped."""
    size = path.stat().st_size
    if size >= LARGEST_WAV_BYTES:
        return
    with path.open("r+b") as file:
        head = file.read(4096)
        found = find_data(head)
        if head[:4] != b"RF64" or head[12:16] != b"ds64" or found is None:
            return
        there, stated = size - found[0], struct.unpack_from("<Q", head, 28)[0]
        samples_size = stated if 0 < stated <= there else there  # who was killed at the first block has stated nothing
        # In this order: who is killed between the two leaves an RF64 that states the same length twice.
        file.seek(found[0] - 4)
        file.write(struct.pack("<I", samples_size))
        file.flush()
        file.seek(0)
        file.write(b"RIFF" + struct.pack("<I", size - 8) + b"WAVEJUNK")


def _has_sample(path: Path, number: int) -> bool:
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            file.seek(number)
            return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _state_flac_length(path: Path, written: int, at_the_end: bool = False) -> None:
    """State how many samples are in the file: an encoder does so only at its end, and holds a block until then."""
    with path.open("r+b") as stream:
        head = stream.read(FLAC_TOTAL + 1)
        block = int.from_bytes(head[FLAC_BLOCK : FLAC_BLOCK + 2], "big")
        if head[:4] == b"fLaC" and block:
            there = written if at_the_end else max(0, written - 1) // block * block
            stream.seek(FLAC_TOTAL)
            stream.write(bytes([head[FLAC_TOTAL] & 0xF0 | there >> 32]) + struct.pack(">I", there & 0xFFFFFFFF))


def salvage(path: Path) -> float | None:
    """Make whole what a killed owner left of a growing sound; its length, s, or None where it holds no sample."""
    with suppress(OSError):
        as_small_as_it_may_be(path)
    try:
        told = soundfile.info(os.fsencode(path))
    except soundfile.LibsndfileError:  # a header that has never been written
        return None
    return told.frames / told.samplerate if 0 < told.frames < UNKNOWN else None
