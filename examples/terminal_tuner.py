"""A tuner in the terminal: the note that sounds, and how far it is off, ten times a second.

`python examples/terminal_tuner.py` listens to the default microphone; with a file's name it plays that through. `A4_HZ`
and `TEMPERAMENT` are what it tunes to.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from shared import audio_of, given

import sharpear
from sharpear.pitch import TuningConfig, note_name

A4_HZ, TEMPERAMENT = 440.0, "equal"
RATE = 44100
BLOCK = 4410


def main(blocks: Iterable[Any], rate: int = RATE) -> Iterator[str]:
    """A line for each block in which a voice sounds."""
    listener = sharpear.Transcriber(rate, preset="low-latency", overrides={"pitch.voices": 1})
    for block in blocks:
        frames = listener.process(block)
        f0 = frames.f0[frames.f0 > 0]
        if f0.size:
            yield line(float(np.median(f0)))


def line(hz: float) -> str:
    """The note, a needle, and the cents."""
    name, cents = note_name(hz, TuningConfig(a4_hz=A4_HZ, temperament=TEMPERAMENT)).split()
    needle = list("·" * 10 + "|" + "·" * 10)
    place = min(50, max(-50, int(cents)))  # between two notes of a temperament it may be farther
    needle[round((place + 50) / 5)] = "█"
    return f"{name:>3} {''.join(needle)} {cents:>4} cents {hz:7.1f} Hz"


def microphone() -> Iterator[Any]:
    """Blocks of the default input, until Ctrl-C."""
    import sounddevice  # noqa: PLC0415  # only this needs PortAudio

    with sounddevice.InputStream(RATE, BLOCK, channels=1, dtype="float32") as stream:
        while True:
            yield stream.read(BLOCK)[0][:, 0]


if __name__ == "__main__":
    path = given(None)
    audio, its_rate = audio_of(path) if path else (None, RATE)
    blocks = microphone() if audio is None else np.array_split(audio, max(1, audio.size * 10 // its_rate))
    try:
        for told in main(blocks, its_rate):
            print(told, flush=True)
    except KeyboardInterrupt:
        pass
