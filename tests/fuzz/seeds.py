"""Small whole files of every container and encoding that libsndfile and PyAV write."""

import io
import struct
import zlib
from contextlib import suppress
from functools import lru_cache

import numpy as np
import soundfile

RATE = 16000
SAMPLES = 700

UNFIT = ("RAW", "SD2")
"""Without a header, and with half of it in a second file."""

BY_PYAV = (
    ("mp4", "m4a", "aac"), ("mp4", "m4a", "alac"), ("adts", "aac", "aac"), ("matroska", "mka", "aac"),
    ("matroska", "mka", "flac"), ("webm", "webm", "libopus"), ("asf", "wma", "wmav2"), ("mp3", "mp3", "libmp3lame"),
    ("mp2", "mp2", "mp2"), ("ogg", "ogg", "flac"), ("flac", "flac", "flac"), ("wav", "wav", "adpcm_ima_wav"),
    ("aiff", "aiff", "pcm_s16be"), ("caf", "caf", "alac"), ("ac3", "ac3", "ac3"), ("tta", "tta", "tta"),
    ("wv", "wv", "wavpack"), ("mov", "mov", "pcm_s24le"), ("mpegts", "ts", "mp2"), ("avi", "avi", "pcm_s16le"),
    ("au", "au", "pcm_s16be"), ("w64", "w64", "pcm_s16le"),
)  # fmt: skip
"""(container, suffix, codec)."""


def tone(channels: int) -> np.ndarray:
    """Something to encode, (samples, channels)."""
    phase = 2 * np.pi * 440 / RATE * np.arange(SAMPLES)
    return 0.5 * np.cos(phase[:, None] * (1 + np.arange(channels)))


@lru_cache(maxsize=1)
def audio_files() -> tuple[tuple[str, bytes], ...]:
    """(suffix, content) of each, always in the same order."""
    files = []
    for container in sorted(soundfile.available_formats()):
        for subtype in sorted(soundfile.available_subtypes(container)) if container not in UNFIT else ():
            for channels in (1, 2):
                with suppress(soundfile.LibsndfileError, ValueError, TypeError):
                    held = io.BytesIO()
                    soundfile.write(held, tone(channels), RATE, subtype, format=container)
                    files.append((f".{container.lower()}", with_ogg_sums(held.getvalue(), serial=1)))
    with suppress(ImportError):
        import av  # noqa: PLC0415 (an extra)

        for container, suffix, codec in BY_PYAV:
            with suppress(av.FFmpegError, ValueError):
                files.append((f".{suffix}", _by_pyav(container, codec)))
    return tuple(files)


def _by_pyav(container: str, codec: str) -> bytes:
    import av  # noqa: PLC0415

    held = io.BytesIO()
    with av.open(held, "w", format=container, options={"fflags": "+bitexact"}) as output:
        rate = 48000 if codec in ("libopus", "ac3", "mp2") else RATE
        stream = output.add_stream(codec, rate=rate, layout="mono")
        formats = stream.codec_context.codec.audio_formats
        frame = av.AudioFrame.from_ndarray(np.int16(32767 * tone(1).T), "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(formats[0] if formats else "s16", "mono", rate)
        for part in resampler.resample(frame):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return held.getvalue()


def with_ogg_sums(data: bytes, serial: int | None = None) -> bytes:
    """Ogg pages with the checksums that their content asks for (and one serial number); anything else as it is."""
    if not data.startswith(b"OggS"):
        return data
    held, at = bytearray(data), 0
    while (at := held.find(b"OggS", at)) >= 0 and at + 27 <= len(held):
        segments = held[at + 26]
        stop = min(len(held), at + 27 + segments + sum(held[at + 27 : at + 27 + segments]))
        if serial is not None:
            held[at + 14 : at + 18] = struct.pack("<I", serial)
        held[at + 22 : at + 26] = bytes(4)
        held[at + 22 : at + 26] = struct.pack("<I", _ogg_sum(held[at:stop]))
        at += 4
    return bytes(held)


REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


def _ogg_sum(page: bytes) -> int:
    """Ogg's CRC has zlib's polynomial with its bits the other way round, and neither begins nor ends with ones."""
    mirrored = bytes(page).translate(REVERSED)
    inverted = zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{inverted:032b}"[::-1], 2)
