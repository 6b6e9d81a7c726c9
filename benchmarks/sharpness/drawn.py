"""Bristles of recordings, in frames and as they are drawn: ``python -m benchmarks.sharpness.drawn --audio FOLDER``.

Of the maxima above −60 dBFS those with none within 20 cents in the frame before or after, %: once of what a preset's
frames say, once of its strokes with the levels that pages, pictures in files and `spec.plot()` draw them at.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import sharpear
from benchmarks.results import ROOT, WRITTEN, Cell, Results, Table
from benchmarks.sharpness.details import bristles
from benchmarks.sharpness.estimate import Estimate
from sharpear.sinks.drawing import ROWS_PER_OCTAVE
from sharpear.sinks.one_stream import added_up
from sharpear.sinks.strokes import FADED_DB, FAINTEST_WEIGHT, Linker

BUNDLED = ROOT / "examples" / "audio" / "bach_bwv66.6.flac"


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


def recordings_of(folder: Path) -> dict[str, Path]:
    """Name -> sound: the bundled chorale, and the mixture of each recording of a folder by the recording's id."""
    found = {path.parent.name.split("_")[0]: path for path in sorted(folder.glob("*/mix.wav"))}
    return {"bundled chorale": BUNDLED} | found


def main(arguments: Sequence[str] | None = None) -> None:
    """A column for each recording."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharpness.drawn", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="folder of recordings: NAME/mix.wav")
    parser.add_argument("--preset", default="music")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for sharpness.drawn.json")
    options = parser.parse_args(arguments)
    rows: dict[str, dict[str, Cell]] = {"in frames": {}, "as drawn": {}}
    with Results("sharpness.drawn", options.out, arguments) as results:
        for name, path in recordings_of(options.audio).items():
            spec = sharpear.sharpen(str(path), preset=options.preset)
            rows["in frames"][name] = 100 * bristles(in_frames(spec))
            rows["as drawn"][name] = 100 * bristles(as_drawn(spec))
        results.tables["bristles"] = Table(rows, ".1f", "%")


if __name__ == "__main__":
    main()
