"""Bristles of recordings, in frames and as they are drawn: ``python -m benchmarks.sharpness.drawn FILE...``.

Of the maxima above −60 dBFS those with none within 20 cents in the frame before or after, %: once of what a preset's
frames say, once of its strokes with the levels that pages, pictures in files and `spec.plot()` draw them at.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

import sharpear
from benchmarks.sharpness.details import bristles
from benchmarks.sharpness.estimate import Estimate
from sharpear.sinks.drawing import ROWS_PER_OCTAVE
from sharpear.sinks.one_stream import added_up
from sharpear.sinks.strokes import FADED_DB, FAINTEST_WEIGHT, Linker


def in_frames(spec: sharpear.Spectrogram) -> Estimate:
    """What the frames say."""
    energy = np.square(spec.amplitude.astype(float))
    return Estimate(spec.times, spec.instantaneous_frequency.astype(float), energy, causal=True)


def as_drawn(spec: sharpear.Spectrogram) -> Estimate:
    """The peaks that strokes go through, at the levels of the strokes."""
    low_hz = float(spec.frequencies[0])
    peaks = Linker(low_hz).process(added_up(spec.with_stream()), last=True)
    assert peaks is not None
    shown = (np.arange(peaks.row.shape[1]) < peaks.count[:, None]) & (peaks.weight > FAINTEST_WEIGHT)
    level_db = peaks.level_db - FADED_DB * (1 - peaks.weight.astype(float))
    energy = np.where(shown, 10 ** (level_db / 10), 0.0)
    hz = low_hz * 2 ** (peaks.row.astype(float) / ROWS_PER_OCTAVE)
    return replace(in_frames(spec), frequencies_hz=hz, energy=energy)


def main() -> None:
    """Print a row for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--preset", default="music")
    arguments = parser.parse_args()
    print("recording: bristles in frames, as drawn")
    for path in arguments.files:
        spec = sharpear.sharpen(str(path), preset=arguments.preset)
        print(f"{path}: {bristles(in_frames(spec)):.1%}, {bristles(as_drawn(spec)):.1%}", flush=True)


if __name__ == "__main__":
    main()
