"""One stem as a stream of bytes: a WAV without an end, or samples alone."""

import io
import struct
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.audio.wav_header import UNSTATED
from sharpear.errors import UsageError

from .stem_files import SUBTYPES, StemFormat

PCM, IEEE_FLOAT = 1, 3


class Writable(Protocol):
    """Anything that bytes can be written to."""

    def write(self, data: bytes) -> int:
        """Write all of `data`."""


class StemStream:
    """Writes blocks of samples as they come, as a file of the same format would hold them.

    Args:
        form: subtype and clip; rescaling would have to know the loudest sample to come.
        raw: samples alone, little-endian and interleaved, without a header.

    Raises:
        UsageError: `form` asks for what a stream cannot give.

    >>> held = io.BytesIO()
    >>> stream = StemStream(StemFormat(subtype="pcm16"))
    >>> stream.begin(held, 16000, 1)
    >>> stream.write(np.full((2, 1), 0.5, np.float32))
    >>> len(held.getvalue())
    48
    """

    def __init__(self, form: StemFormat, raw: bool = False) -> None:
        if form.clip == "rescale":
            raise UsageError("--clip rescale needs the loudest sample, which a stream has not read yet: use clamp")
        self._form, self._raw = form, raw

    def begin(self, outlet: Writable, sample_rate: int, channels: int) -> None:
        """Write the header to `outlet`, where all that follows goes, too."""
        self._outlet, self._rate = outlet, sample_rate
        if not self._raw:
            self._outlet.write(open_wav_header(sample_rate, channels, self._form.subtype))

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append (samples, channels)."""
        if self._form.clip == "clamp":
            samples = np.clip(samples, -1.0, 1.0)
        held = io.BytesIO()  # the file library's own conversion, so that streams and files hold the same
        soundfile.write(held, samples, self._rate, SUBTYPES[self._form.subtype], "LITTLE", "RAW")
        if held.tell():
            self._outlet.write(held.getvalue())


def open_wav_header(sample_rate: int, channels: int, subtype: str) -> bytes:
    r"""A WAV header that states 2³²−1 bytes, as ffmpeg writes it to a pipe: readers then go on to the end.

    >>> open_wav_header(48000, 2, "pcm16")[20:24]
    b'\x01\x00\x02\x00'
    """
    bits = int("".join(filter(str.isdigit, subtype)))
    kind = IEEE_FLOAT if subtype.startswith("float") else PCM
    frame_bytes = channels * bits // 8
    described = struct.pack("<HHIIHH", kind, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, bits)
    described += b"" if kind == PCM else struct.pack("<H", 0)  # an extension, empty
    riff = struct.pack("<4sI4s", b"RIFF", UNSTATED, b"WAVE")
    return riff + struct.pack("<4sI", b"fmt ", len(described)) + described + struct.pack("<4sI", b"data", UNSTATED)
