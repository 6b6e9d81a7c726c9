"""Sound: stems carry a checksum of their samples in their comment, whatever their container makes of them."""

import re
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.audio.wav_header import LARGEST_STATED
from sharpear.errors import printable

from .finding import Finding

COMMENT = re.compile(r"complete = (true|false); crc32 = ([0-9a-f]{8})(?:; config_hash = ([0-9a-f]+); source = (.*))?")
LARGEST_CHANNELS = 1024


class SampleDigest:
    """A checksum of samples as float32, which 16- and 24-bit files hold without loss, and of their rate."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._checksum = zlib.crc32(f"{sample_rate} {channels}".encode())
        self.samples = 0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Append (samples, channels)."""
        self.samples += len(samples)
        self._checksum = zlib.crc32(np.ascontiguousarray(samples, "<f4").data, self._checksum)

    @property
    def crc32(self) -> str:
        """The checksum so far, eight hexadecimal digits."""
        return f"{self._checksum:08x}"

    def comment(self, complete: bool, made_of: Mapping[str, str] | None = None) -> str:
        """What a file with these samples says in its comment; made_of: its `config_hash` and `source`."""
        told = f"complete = {'true' if complete else 'false'}; crc32 = {self.crc32}"
        if not made_of:
            return told
        return f"{told}; config_hash = {made_of['config_hash']}; source = {printable(made_of['source'])}"


def read_back(file: Any) -> SampleDigest:
    """The digest of all samples of an open `soundfile.SoundFile`, as many as there are, whatever it states."""
    digest = SampleDigest(file.samplerate, file.channels)
    file.seek(0)
    while len(block := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
        digest.add(block)
    return digest


def _stated_bytes(head: bytes) -> int:
    """How long a WAV or RF64 says that it is; 0 where it says nothing, as one that a program left open."""
    if head[:4] == b"RF64" and head[12:16] == b"ds64":
        return int.from_bytes(head[20:28], "little") + 8
    stated = int.from_bytes(head[4:8], "little")
    return stated + 8 if head[:4] == b"RIFF" and stated < LARGEST_STATED else 0


def examine_sound(file: BinaryIO, _thorough: bool) -> Finding:
    """Whether a stem has the samples that were written, and whether other sound can be read."""
    file.seek(0)
    head = file.read(64)
    if not head.strip(b"\0"):
        return Finding("damaged", "is empty")
    if (stated := _stated_bytes(head)) > (size := file.seek(0, 2)):
        return Finding("damaged", f"is cut short: {size} bytes of {stated}")
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as sound:
            if sound.channels > LARGEST_CHANNELS:
                return Finding("damaged", f"states {sound.channels} channels")
            comment = sound.comment
            written = COMMENT.fullmatch(comment)
            digest = read_back(sound)
            seconds = digest.samples / sound.samplerate
    except (soundfile.SoundFileError, OSError, ValueError, RuntimeError) as error:
        cause = getattr(error, "error_string", str(error)).strip(" .")
        return Finding("damaged", f"cannot be read as sound ({cause})")
    if written is None:
        if "crc32" in comment:
            return Finding("changed", f"its comment is not the one that was written, {seconds:.1f} s")
        return Finding("readable", f"carries no checksum, {seconds:.1f} s can be read")
    if digest.crc32 != written[2]:
        return Finding("changed", f"its samples are not those that were written: edited or damaged, {seconds:.1f} s")
    attributes = {"config_hash": written[3], "source": written[4]} if written[3] else {}
    if written[1] == "false":
        return Finding("unfinished", f"was interrupted: marked incomplete, {seconds:.1f} s", attributes)
    return Finding("whole", attributes=attributes)
