"""The comparison figure, drawn with matplotlib (extra `plot`)."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .base import hushed

A4_HZ = 440.0
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def save_comparison(
    path: Path,
    plain: NDArray[np.float32],
    sharp: NDArray[np.float32],
    row_hz: NDArray[np.float64],
    times_s: list[float],
    title: str,
    range_db: float,
    text: dict[str, str],
) -> None:
    """Plain power above, sharpened power below, each (columns, rows) and in dB below its own largest value.

    The path's suffix names the format; `text` goes into a PNG's text chunks.
    """
    figure = Figure(figsize=(12, 9), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    # The rows are even in octaves: an image over log2(Hz) draws many times faster than a mesh over a log axis.
    octaves = np.log2([row_hz[0] ** 2 / row_hz[1], row_hz[-1]]) + 0.5 * np.log2(row_hz[1] / row_hz[0])
    for axis, power, name in zip(axes, (plain, sharp), ("filterbank", "sharpened"), strict=True):
        peak = max(float(power.max(initial=0.0)), 1e-30)
        level_db = 10 * np.log10(np.maximum(power / peak, 10 ** (-range_db / 10)))
        image = axis.imshow(
            level_db.T,
            cmap="magma",
            vmin=-range_db,
            vmax=0,
            origin="lower",
            aspect="auto",
            interpolation="antialiased",
            extent=(times_s[0], max(times_s[1], times_s[0] + 1e-3), *octaves),
        )
        axis.set_title(name, loc="left")
        _frequency_axis(axis, row_hz)
    axes[1].set_xlabel("time (s)")
    figure.suptitle(title, parse_math=False)
    figure.colorbar(image, ax=axes, label="level (dB below the largest)", pad=0.06)
    with hushed("Glyph"):  # a name in a script that the font lacks
        told = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, text)
        figure.savefig(path, dpi=110, metadata=told)


def _frequency_axis(axis: Axes, row_hz: NDArray[np.float64]) -> None:
    """Label the axis in Hz on the left, and with the notes C on the right."""
    axis.set_ylabel("frequency (Hz)")
    shown_hz = [f for f in TICKS_HZ if row_hz[0] <= f <= row_hz[-1]]
    axis.set_yticks(np.log2(shown_hz), [f"{f:g}" for f in shown_hz])
    notes = axis.secondary_yaxis("right")
    c_hz = {f"C{octave}": A4_HZ * 2 ** (octave - 4 - 9 / 12) for octave in range(11)}
    shown = {name: f for name, f in c_hz.items() if row_hz[0] <= f <= row_hz[-1]}
    notes.set_yticks(np.log2(list(shown.values())), list(shown))
