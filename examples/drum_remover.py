"""A drum remover in a pipe: float32 samples in, the same without what strikes out, 97 ms later.

ffmpeg -v error -i song.flac -f f32le -ac 1 -ar 44100 - | python examples/drum_remover.py | ffplay -f f32le -ar 44100 -
"""

import sys
from typing import BinaryIO

import numpy as np

import sharpear

RATE = 44100
BLOCK = 1024


def main(source: BinaryIO, sink: BinaryIO, rate: int = RATE) -> float:
    """Pass on the tonal stem and the residual as they come; the delay, s."""
    separator = sharpear.Separator(rate)
    kept = [n for n, stem in enumerate(separator.stems) if stem != "transient"]
    while block := source.read(4 * BLOCK):
        stems = separator.process(np.frombuffer(block, np.float32))
        sink.write(stems[..., kept].sum(axis=-1).astype(np.float32).tobytes())
        sink.flush()
    sink.write(separator.flush()[..., kept].sum(axis=-1).astype(np.float32).tobytes())
    return separator.latency_s


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
