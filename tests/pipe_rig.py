"""Audio for pipes, and the program that reads it."""

import io
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL

from sharpear.audio import AudioPipe, Feed
from sharpear.config import load_config

RATE = 16000
CONFIG = load_config(str(SMALL))


def piped(data: bytes, **options) -> AudioPipe:
    """A source that reads `data` from a real pipe."""
    outlet, inlet = os.pipe()

    def write() -> None:
        with open(inlet, "wb") as file, suppress(BrokenPipeError):
            file.write(data)

    threading.Thread(target=write, daemon=True).start()
    return AudioPipe(Feed(outlet), **options)


def heard(data: bytes, **options) -> np.ndarray:
    """All samples of what `data` is as a stream."""
    outlet, inlet = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), open(inlet, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    source = None
    try:
        source = AudioPipe(Feed(outlet), **options)
        return np.concatenate(list(source.blocks(1000)))
    finally:
        if source:
            source.close()
        os.close(outlet)
        thread.join()


def encoded(audio: np.ndarray, suffix: str = "wav", rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, format=suffix, **options)
    return file.getvalue()


def encode_media(path: Path, kind: str, codec: str, rate: int, samples: int) -> None:
    """A tone, written by FFmpeg's library."""
    av = pytest.importorskip("av")
    sound = (0.5 * np.sin(2 * np.pi * 440 / rate * np.arange(samples))).astype(np.float32)
    with av.open(str(path), "w", format=kind) as container:
        try:
            track = container.add_stream(codec, rate=rate, layout="mono")
        except av.codec.codec.UnknownCodecError:
            pytest.skip(f"this build of FFmpeg does not write {codec}")
        track.bit_rate = 64000  # wma knows none by itself
        resampler = av.AudioResampler(track.format, "mono", rate, track.codec_context.frame_size or 1024)
        whole = av.AudioFrame.from_ndarray(sound[None], "flt", "mono")
        whole.sample_rate, whole.pts = rate, 0
        for frame in [*resampler.resample(whole), *resampler.resample(None), None]:
            container.mux(track.encode(frame))


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sharpear", "sharpen", "-", "--preset", str(SMALL), *words]
