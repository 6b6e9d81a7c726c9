"""Audio for pipes, and the program that reads it."""

import io
import os
import sys
import threading
from contextlib import suppress

import numpy as np
import soundfile
from conftest import SMALL

from sharpear.config import load_config
from sharpear.pipe import AudioPipe, Feed

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


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sharpear", "sharpen", "-", "--preset", str(SMALL), *words]
