"""Pictures of a canvas, drawn with matplotlib (extra `plot`)."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.scale import InvertedLogTransform
from matplotlib.transforms import IdentityTransform, blended_transform_factory
from numpy.typing import NDArray

from sharpear.compiler import Floats

from .base import hushed
from .canvas import Canvas, levels_below
from .owners import A4_HZ, CLASSES, Owners
from .picture_style import BY_VOICE, PictureStyle

DPI = 110
SHARPER = 2
"""Dots in a pixel of an SVG or PDF, each way: they are looked at more closely."""
SATURATION = 0.7
"""How far hues are from grey."""
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
INK = ["faf8f3", "e4e3e8", "c9cddb", "abb3cf", "8c97c0", "6f7ab0", "545c9e", "3e4288", "29296f", "1a1754", "0f0b3b"]


def colour_map(colours: Any) -> Any:
    """What Matplotlib calls a palette; its own names and maps stay as they are.

    >>> colour_map("grey"), colour_map("magma"), colour_map("ink").name
    ('gray', 'magma', 'ink')
    """
    ink = LinearSegmentedColormap.from_list("ink", [f"#{stop}" for stop in INK])
    made: dict[str, str | Colormap] = {"ink": ink, "grey": "gray"}
    return made.get(colours, colours) if isinstance(colours, str) else colours


def show_canvas(
    axes: Axes,
    picture: Floats,
    times_s: tuple[float, float],
    span_hz: tuple[float, float],
    range_db: float,
    colours: Any,
    owners: Owners | None = None,
) -> AxesImage:
    """(columns, rows) dB on axes of s and, logarithmic, of Hz.

    owners: where they are given, hues are those of the pitch classes of lines' voices.
    """
    # Rows stand evenly in octaves: so do the image's own coordinates, which the axis's Hz are powers of two of.
    octaves, half_row = np.log2(span_hz), 0.5 * np.log2(span_hz[1] / span_hz[0]) / (picture.shape[1] - 1)
    below = levels_below(picture, range_db)
    shown: NDArray[Any] = below.T
    if owners:
        classes = owners.classes[: len(picture)]
        shown = _hued(1 + below / range_db, classes).transpose(1, 0, 2)
        _name_classes(axes, classes)
    image = axes.imshow(
        shown,
        cmap="gray" if colours == BY_VOICE else colour_map(colours),
        vmin=-range_db,
        vmax=0,
        origin="lower",
        aspect="auto",
        interpolation="antialiased",
        extent=(times_s[0], max(times_s[1], times_s[0] + 1e-3), octaves[0] - half_row, octaves[1] + half_row),
        transform=blended_transform_factory(IdentityTransform(), InvertedLogTransform(2)) + axes.transData,
    )
    axes.set_xlim(times_s[0], max(times_s[1], times_s[0] + 1e-3))
    axes.set_yscale("log")
    axes.set_ylim(*span_hz)
    shown_hz = [f for f in TICKS_HZ if span_hz[0] <= f <= span_hz[1]]
    axes.set_yticks(shown_hz, [f"{f:g}" for f in shown_hz])
    axes.set_yticks([], minor=True)
    axes.set_ylabel("frequency (Hz)")
    axes.set_xlabel("time (s)")
    return image


def _hued(level: Floats, classes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Levels of 0 to 1 → red, green and blue along a last axis; grey where there is no voice."""
    hue = (classes - 1.0) % len(CLASSES) / len(CLASSES)
    saturation = np.where(classes > 0, SATURATION, 0.0)
    return np.asarray(hsv_to_rgb(np.stack([hue, saturation, level], axis=-1)))


def _name_classes(axes: Axes, classes: NDArray[np.uint8]) -> None:
    """A legend of the pitch classes that there are."""
    present = np.setdiff1d(classes, 0)
    colours = _hued(np.ones(present.size, np.float32), present)
    handles = [Patch(color=colour, label=CLASSES[c - 1]) for c, colour in zip(present, colours, strict=True)]
    if handles:
        axes.legend(handles=handles, ncols=len(handles), loc="upper right", fontsize="small", handlelength=1)


def save_picture(
    path: Path,
    canvas: Canvas,
    times_s: tuple[float, float],
    span_hz: tuple[float, float],
    style: PictureStyle,
    title: str,
    text: dict[str, str],
) -> None:
    """The filterbank above, lines below, or one of them alone, each in dB below its own largest value.

    The path's suffix names the format; `text` goes into a PNG's text chunks.
    """
    width, height = style.size_px
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
    lines, plain = canvas.drawn()
    panels = {"filterbank": plain, "sharpened": lines}
    if style.panels != "both":
        panels = {"filterbank": {"filterbank": plain}, "lines": {"sharpened": lines}}[style.panels]
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (name, picture) in zip(axes, panels.items(), strict=True):
        owners = canvas.owners if picture is lines else None
        image = show_canvas(axis, picture, times_s, span_hz, style.range_db, style.colours, owners)
        axis.set_title(name, loc="left")
        axis.label_outer()
        _name_notes(axis, span_hz)
    figure.suptitle(title if style.title is None else style.title, parse_math=False)
    figure.colorbar(ScalarMappable(image.norm, image.cmap), ax=axes, label="level (dB below the largest)", pad=0.06)
    with hushed("Glyph"):  # a name in a script that the font lacks
        told = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, text)
        figure.savefig(path, dpi=DPI if path.suffix == ".png" else SHARPER * DPI, metadata=told)


def _name_notes(axis: Axes, span_hz: tuple[float, float]) -> None:
    """The notes C on the right."""
    notes = axis.secondary_yaxis("right")
    c_hz = {f"C{octave}": A4_HZ * 2 ** (octave - 4 - 9 / 12) for octave in range(11)}
    shown = {name: f for name, f in c_hz.items() if span_hz[0] <= f <= span_hz[1]}
    notes.set_yticks(list(shown.values()), list(shown))
    notes.set_yticks([], minor=True)
