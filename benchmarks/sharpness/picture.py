"""Recordings as methods show them, side by side: `python -m benchmarks.sharpness.picture FILE... --out PNG`.

With `--mix` the files are one sound, of the same rate, and a panel stands for each of `--methods`.
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.run import METHODS

SHOWN = ("reassigned-2048", "sharpear-music")
ACROSS = 2
"""Panels in a row."""
LOWEST_HZ, HIGHEST_HZ = 80.0, 6000.0
RANGE_DB = 60.0
"""Shown below the loudest."""
COLUMN_PX, ROW_PX, DPI = 700, 400, 100
COLOURS = 128
"""Of the file, which is half as large for it."""
TICKS_HZ = (100, 200, 500, 1000, 2000, 5000)


def drawn(estimate: Estimate, seconds: float, rows: int, columns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """(rows, columns) energy where it is said to be, dB under the loudest; fixed bins fill the rows between them."""
    octaves = np.log2(HIGHEST_HZ / LOWEST_HZ)
    energy, hz = estimate.energy, estimate.frequencies_hz
    if hz.ndim == 1:
        row_hz = LOWEST_HZ * 2 ** ((np.arange(rows) + 0.5) / rows * octaves)
        edges = np.sqrt(np.maximum(hz[1:], 1e-3) * np.maximum(hz[:-1], 1e-3))
        nearest = np.searchsorted(edges, row_hz)
        energy, hz = np.concatenate([energy, energy[:, nearest]], axis=1), np.concatenate([hz, row_hz])
    places = np.broadcast_to(hz, energy.shape).ravel()
    times_s = np.repeat(estimate.times_s, energy.shape[1])
    row = np.floor(np.log2(np.maximum(places, 1.0) / LOWEST_HZ) / octaves * rows).astype(int)
    column = np.floor(times_s / seconds * columns).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    picture = np.zeros((rows, columns))
    np.maximum.at(picture, (row[inside], column[inside]), energy.ravel()[inside])
    with np.errstate(divide="ignore"):
        decibels = 10 * np.log10(picture / picture.max())
    return np.maximum(decibels, -RANGE_DB)


def heard(path: Path, start_s: float, seconds: float) -> tuple[Audio, int]:
    """A part of a recording, its channels as one."""
    with soundfile.SoundFile(path) as file:
        file.seek(round(start_s * file.samplerate))
        sound = file.read(round(seconds * file.samplerate), dtype="float32", always_2d=True)
        return sound.mean(axis=1), file.samplerate


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharpness.picture", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--start", type=float, default=0.0, help="seconds from the beginning (default 0)")
    parser.add_argument("--seconds", type=float, default=10.0, help="how much of each file (default 10)")
    parser.add_argument("--out", type=Path, default=Path("build/bench/recordings.png"))
    parser.add_argument("--mix", action="store_true", help="the files are one sound")
    parser.add_argument("--methods", default=",".join(SHOWN), help=f"of {', '.join(METHODS)}")
    options = parser.parse_args(arguments)
    sounds = {path.stem: heard(path, options.start, options.seconds) for path in options.files}
    if options.mix:
        mixed = np.sum([sound / np.std(sound) for sound, _ in sounds.values()], axis=0)
        sounds = {"": (mixed / np.abs(mixed).max(), next(iter(sounds.values()))[1])}
    panels = [(stem, name, *sound) for stem, sound in sounds.items() for name in options.methods.split(",")]
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    plt: Any = importlib.import_module("matplotlib.pyplot")
    down = math.ceil(len(panels) / ACROSS)
    size = (COLUMN_PX * ACROSS / DPI, ROW_PX * down / DPI)
    figure, axes = plt.subplots(down, ACROSS, figsize=size, squeeze=False, sharex=True, sharey=True)
    for (stem, name, *_), axis in zip(panels, axes.flat, strict=False):
        axis.set_yscale("log")
        axis.set(xlim=(0, options.seconds), ylim=(LOWEST_HZ, HIGHEST_HZ))
        axis.set_yticks(TICKS_HZ, [f"{hz}" for hz in TICKS_HZ])
        axis.set_yticks([], minor=True)
        axis.set_title(", ".join(filter(None, (stem, name))), fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("Hz")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    figure.tight_layout()
    for (_, name, sound, sample_rate), axis in zip(panels, axes.flat, strict=False):
        box = axis.get_window_extent()
        rows, columns = round(box.height), round(box.width)
        image = drawn(METHODS[name].run(sound, sample_rate), options.seconds, rows, columns)
        # One pixel is one of the picture's: nothing is smoothed, and no line lost between two.
        axis.imshow(
            image,
            origin="lower",
            aspect="auto",
            extent=(0, 1, 0, 1),
            cmap="magma",
            interpolation="nearest",
            transform=axis.transAxes,
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=DPI)
    with Image.open(options.out) as opened:
        few = opened.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(options.out, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
