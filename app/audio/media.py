"""What libsndfile does not read: m4a, aac, mka, webm, wma… PyAV decodes it or, without PyAV, the program `ffmpeg`.

The delay that an encoder put in front, and what it filled its last frame with, are removed where the file states them
and left where it does not: as FFmpeg's library does it, with both ways of calling it.
"""

import importlib.util
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import IO, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

MEDIA_SUFFIXES = frozenset(
    "3gp aac ac3 amr ape dsf dts eac3 m4a m4b mka mp2 mp4 mpc oma tta webm wma wv".split()  # noqa: SIM905
)
"""Suffixes by which media files are found in a folder; a file given by its own name may have any."""

INSTALL = "pip install 'sharpear[media]', or put ffmpeg on the PATH"

STREAMED = (
    b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\x0bw", b"FLV\x01", b"\0\0\1\xba", b"#!AMR", b"\x7f\xfe\x80\x01",
)  # fmt: skip
"""How Matroska and WebM, ASF (wma), AC-3, Flash, MPEG programs, AMR and DTS begin: they are read from front to back."""

SOUGHT = (b"wvpk", b"MAC ", b"TTA1", b"TTA2", b"MPCK", b"MP+", b"DSD ", b".RMF", b"EA3", b"ea3")
"""How other containers of sound begin."""

ATOMS = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
"""What may stand first in an MP4 or QuickTime file, after its size."""

SNDFILE_WAV = (1, 2, 3, 6, 7, 0x11, 0x31, 0x38, 0x40, 0x55, 0xFFFE)
"""Codecs of a WAV, as its header numbers them, that libsndfile decodes, and the one that says nothing (0xFFFE)."""

SNDFILE_CAF = (b"lpcm", b"ulaw", b"alaw", b"alac")
FOREIGN_OGG = (b"\x7fFLAC", b"Speex   ")

HEAD_BYTES = 189
"""Two packets' beginnings of an MPEG transport stream; anything else is told by less, and most by 12 bytes."""

TELLING_BYTES = {b"G": HEAD_BYTES, b"RIFF": 22, b"OggS": 36, b"caff": 32}
"""How many bytes of a stream must be seen to tell its kind, by how it begins."""

COPIED_BYTES = 1 << 16


class MediaError(Exception):
    """A file cannot be decoded; the message says why."""

    @property
    def error_string(self) -> str:
        """The message, under the name that libsndfile's errors have for it."""
        return str(self).rstrip(".")


class NothingDecodesError(MediaError):
    """Neither PyAV nor the program `ffmpeg` is installed."""


class Readable(Protocol):
    """Bytes in order: a file, or a stream, which has neither `seek` nor `fileno`."""

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes; none at the end."""

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""


def telling_bytes(head: bytes) -> int:
    """How many bytes tell what begins with `head`, 12 bytes."""
    return next((size for begin, size in TELLING_BYTES.items() if head.startswith(begin)), 12)


def is_media(head: bytes) -> bool:
    r"""Whether what begins with `head`, `telling_bytes` or more, is of a kind that libsndfile does not read.

    >>> is_media(b"\0\0\0\x20ftypM4A "), is_media(b"RIFF\0\0\0\0WAVE")
    (True, False)
    """
    return (
        is_streamed(head)
        or head.startswith(SOUGHT)
        or head[4:8] in ATOMS
        or (head[:4], head[8:12]) == (b"RIFF", b"AVI ")
        or _holds_a_foreign_codec(head)
    )


def _holds_a_foreign_codec(head: bytes) -> bool:
    """Whether it is a WAV, CAF or Ogg of a codec that libsndfile has no decoder for."""
    if head.startswith(b"OggS"):
        return head[28:].startswith(FOREIGN_OGG)
    if head.startswith(b"caff"):
        return head[12:16] == b"desc" and len(head) >= 32 and head[28:32] not in SNDFILE_CAF
    is_plain_wav = (head[:4], head[8:16]) == (b"RIFF", b"WAVEfmt ") and len(head) >= 22
    return is_plain_wav and int.from_bytes(head[20:22], "little") not in SNDFILE_WAV


def is_streamed(head: bytes) -> bool:
    """Whether it is of a kind that is read from front to back."""
    adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    transport = len(head) >= HEAD_BYTES and head[0] == head[HEAD_BYTES - 1] == 0x47
    return adts or transport or head.startswith(STREAMED)


class MediaFile:
    """The first track of sound in a file, as `soundfile.SoundFile` gives one.

    Args:
        source: a file that was opened, at its beginning; or what can only be read on.

    Raises:
        MediaError: there is no sound in it, or nothing that decodes it (`NothingDecodesError`).
    """

    format = "MEDIA"
    subtype = extra_info = ""
    frames = 0
    """What a header states is not believed."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._decoded = 0
        self.damage: str | None = None
        """Where something could not be decoded first, once that was reached, and why."""
        if importlib.util.find_spec("av"):
            self._pieces = self._by_pyav()
        elif program := shutil.which("ffmpeg"):
            self._pieces = self._by_ffmpeg(program)
        else:
            raise NothingDecodesError("nothing decodes it")
        try:
            self.samplerate, self._left = next(self._pieces)
        except StopIteration as error:
            raise MediaError(self.damage or "there is no sound in it") from error
        self.channels = self._left.shape[1]

    def read(self, most: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """(samples, channels): `most` samples, fewer at the end."""
        pieces, count = [self._left[:most]], min(most, len(self._left))
        self._left = self._left[most:]
        while count < most and (following := next(self._pieces, None)):
            piece = following[1]
            pieces.append(piece[: most - count])
            self._left = piece[most - count :]
            count += len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _by_pyav(self) -> Generator[tuple[int, NDArray[np.float32]]]:
        """(sample rate, samples) piece by piece, at the rate and in the channels of the first."""
        import av  # noqa: PLC0415 (an extra)

        with suppress(StopIteration), self._opened_by_pyav() as container:
            track, resampler, first = container.streams.audio[0], None, None
            packets = container.demux(track)
            while True:
                frames: list[av.AudioFrame] = []
                try:
                    frames = next(packets).decode()
                except av.FFmpegError as error:
                    self._damaged(str(error.strerror))
                    if not frames and not isinstance(error, av.InvalidDataError):
                        return
                for frame in frames:
                    first = first or frame
                    resampler = resampler or av.AudioResampler("flt", first.layout, first.sample_rate)
                    for even in resampler.resample(frame):
                        samples = even.to_ndarray().astype(np.float32, copy=False)
                        yield first.sample_rate, self._piece(samples, len(first.layout.channels))

    def _opened_by_pyav(self) -> Any:
        import av  # noqa: PLC0415 (an extra)

        # Tags that are no UTF-8 were an error until PyAV 19, unless they were to be ignored.
        tolerant: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
        try:
            container = av.open(self._source, **tolerant)
        except av.FFmpegError as error:
            raise MediaError(error.strerror) from error
        if not container.streams.audio:
            raise MediaError("there is no sound in it")
        return container

    def _by_ffmpeg(self, program: str) -> Generator[tuple[int, NDArray[np.float32]]]:
        """Like `_by_pyav`, from the output of `ffmpeg` as an AU file, whose header states the rate and the channels."""
        is_file = hasattr(self._source, "fileno")
        # By the name of its descriptor it is opened anew, and can be sought in.
        command = [program, "-nostdin", "-v", "error", "-i", "/dev/stdin" if is_file else "pipe:0"]
        command += ["-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                command,
                stdin=self._source if is_file else subprocess.PIPE,  # type: ignore[arg-type]
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,  # Ctrl-C is for us
            )
            try:
                if process.stdin:
                    threading.Thread(target=self._pump, args=(process.stdin,), daemon=True).start()
                assert process.stdout
                yield from self._from_au(process.stdout)
                process.wait()
            finally:
                process.kill()
                process.wait()
            said.seek(0)
            if lines := said.read(COPIED_BYTES).decode(errors="replace").splitlines():
                self._damaged(lines[0].rpartition("] ")[2].rstrip("."))

    def _pump(self, inlet: IO[bytes]) -> None:
        with suppress(OSError), inlet:  # the program has ended before its input
            while data := self._source.read(COPIED_BYTES):
                inlet.write(data)
                inlet.flush()

    def _from_au(self, output: IO[bytes]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        head = output.read(24)
        if len(head) < 24:
            return
        offset, _, _, rate, channels = struct.unpack(">5I", head[4:])
        output.read(offset - 24)
        left = b""
        while came := output.read1(COPIED_BYTES):  # type: ignore[attr-defined]  # it is buffered
            left += came
            whole = len(left) - len(left) % (4 * channels)
            yield rate, self._piece(np.frombuffer(left[:whole], ">f4").astype(np.float32), channels)
            left = left[whole:]

    def _piece(self, samples: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
        """Samples of one piece as (samples, channels)."""
        piece = samples.reshape(-1, channels)
        self._decoded += len(piece)
        return piece

    def _damaged(self, cause: str) -> None:
        if not self.damage:
            rate = getattr(self, "samplerate", 0)
            self.damage = f"{cause}, near {self._decoded / rate:.3f} s" if rate else cause

    def close(self) -> None:
        """Close the input; nothing can be read afterwards."""
        self._pieces.close()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
