"""Pictures of a canvas, drawn with matplotlib (extra `plot`)."""

import pathlib
from math import inf, nextafter
from typing import Any, cast

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, hsv_to_rgb, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.scale import InvertedLogTransform
from matplotlib.transforms import IdentityTransform, blended_transform_factory
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats
from sharpear.config import TuningConfig

from .base import hushed
from .canvas import Canvas, levels_below
from .drawing import ROWS_PER_OCTAVE
from .linking import Classes
from .melody import Melody
from .music import NAMES, hertz, key_name
from .picture_style import BY_VOICE, PictureStyle
from .vector_strokes import chained

DPI = 110
SHARPER = 2
"""Dots in a pixel of an SVG or PDF, each way: they are looked at more closely."""
SATURATION = 0.7
"""How far hues are from grey."""
SHADES = 24
"""Steps of level that strokes are drawn in, as vectors."""
THINNEST_PT, WIDEST_PT = 0.25, 1.5
VOICES = ("#7dd3fc", "#86efac", "#fcd34d", "#f9a8d4", "#c4b5fd", "#fdba74", "#5eead4", "#fca5a5")
"""Colours of notes, by the number of their voice, as in the page."""
LEAST_CONTRAST, MIXED_STEP = 3.0, 0.05
"""What is drawn over a picture has at least this contrast to its ground: WCAG 1.4.11, of what is no text."""
NOTE_SEMITONES = 0.9
"""How tall a note is."""
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


def seen_on(colours: Any, colour: str) -> tuple[float, float, float]:
    """A colour with as much of a palette's loudest in it as it needs to be seen on its faintest, as in the page.

    >>> seen_on("magma", "#86efac") == to_rgb("#86efac"), seen_on("ink", "#86efac") == to_rgb("#86efac")
    (True, False)
    """
    palette = colormaps.get_cmap("gray" if colours == BY_VOICE else colour_map(colours))
    # In bytes, by the page's own steps: the same colour comes out to the last of them.
    ground, ink, begun = np.round(255 * np.array([*palette([0.0, 1.0])[:, :3], to_rgb(colour)]))
    for share in np.arange(0, 1, MIXED_STEP):
        mixed = np.floor(begun + share * (ink - begun) + 0.5) / 255
        darker, lighter = sorted((_luminance(mixed), _luminance(ground / 255)))
        if (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST:
            break
    return to_rgb(mixed.tolist())


def _luminance(rgb: Doubles) -> float:
    """As WCAG 2 defines it."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def show_canvas(
    axes: Axes,
    picture: Floats,
    times_s: tuple[float, float],
    span_hz: tuple[float, float],
    range_db: float,
    colours: Any,
    voices: Classes | None = None,
) -> ScalarMappable:
    """(columns, rows) dB on axes of s and, logarithmic, of Hz.

    voices: where they are given, hues are those of the pitch classes of lines' voices.
    """
    # Rows stand evenly in octaves: so do the image's own coordinates, which the axis's Hz are powers of two of.
    octaves, half_row = np.log2(span_hz), 0.5 * np.log2(span_hz[1] / span_hz[0]) / (picture.shape[1] - 1)
    below = levels_below(picture, range_db)
    shown: NDArray[Any] = below.T
    if voices is not None and voices.size:
        classes = voices[: len(picture)]
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
        extent=(*_lasting(times_s), octaves[0] - half_row, octaves[1] + half_row),
        transform=blended_transform_factory(IdentityTransform(), InvertedLogTransform(2)) + axes.transData,
    )
    _scale(axes, times_s, span_hz)
    return image


def show_vectors(
    axes: Axes, canvas: Canvas, strokes: Doubles, times_s: tuple[float, float], style: PictureStyle
) -> ScalarMappable:
    """A canvas's strokes as paths, one for each of `SHADES` of level and each voice; as wide as they are loud."""
    low_hz, high_hz = canvas.span_hz
    by_voice = style.colours == BY_VOICE
    colours = ScalarMappable(Normalize(-style.range_db, 0), "gray" if by_voice else colour_map(style.colours))
    axes.set_facecolor(colours.cmap(0.0))
    _scale(axes, times_s, (low_hz, high_hz))
    if not len(strokes):
        return colours
    frame_s = (times_s[1] - times_s[0]) / max(1, canvas.frames - 1)
    level = strokes[:, 2:6:3].mean(axis=1)
    share = 1 + (level - strokes[:, 2:6:3].max()) / style.range_db
    shade = np.ceil(share.clip(1e-6, 1) * SHADES).astype(int)
    voice = strokes[:, 7].astype(np.uint8) if by_voice else np.zeros(len(strokes), np.uint8)
    if by_voice:
        _name_classes(axes, voice)
    for loud, owner in sorted(set(zip(shade.tolist(), voice.tolist(), strict=True))):
        lines = chained(strokes[(shade == loud) & (voice == owner)])
        points = np.concatenate(lines)
        codes = np.full(len(points), Path.LINETO, np.uint8)
        codes[np.cumsum([0, *map(len, lines[:-1])])] = Path.MOVETO
        points[:, 0] = times_s[0] + points[:, 0] * frame_s
        points[:, 1] = low_hz * 2 ** (points[:, 1] / ROWS_PER_OCTAVE)
        part = loud / SHADES
        hued = _hued(np.array([part], np.float32), np.array([owner], np.uint8))[0]
        colour = tuple(hued) if by_voice else colours.cmap(part)
        width = THINNEST_PT + (WIDEST_PT - THINNEST_PT) * np.sqrt(part)
        paths = PathPatch(Path(points, codes), fill=False, color=colour, linewidth=width, capstyle="round")
        paths.set_in_layout(False)
        axes.add_artist(paths)  # add_patch would seek the extremes of every segment: axes have their limits
    return colours


def show_melody(axes: Axes, melody: Melody, colours: Any) -> None:
    """Notes as outlines a semitone high, and the curve of each voice.  colours: the palette of what is below them."""
    seen = [seen_on(colours, each) for each in VOICES]
    for note in melody.notes:
        hz = hertz(note.midi, note.cents, melody.tuning)
        low, high = hz * 2 ** (-NOTE_SEMITONES / 24), hz * 2 ** (NOTE_SEMITONES / 24)
        colour = seen[note.voice % len(seen)]
        place = (note.onset_s, low), note.offset_s - note.onset_s, high - low
        axes.add_patch(Rectangle(*place, facecolor=(colour, 0.14), edgecolor=(colour, 0.9), linewidth=0.9))
    times, f0 = melody.voices.times, melody.voices.f0
    for voice, own in enumerate(f0.T if len(times) else ()):
        drawn = np.where(own > 0, own, np.nan)
        axes.plot(times, drawn, color=seen[voice % len(seen)], linewidth=0.9, scalex=False, scaley=False)


def _lasting(times_s: tuple[float, float]) -> tuple[float, float]:
    return times_s[0], max(times_s[1], times_s[0] + 1e-3)


def _scale(axes: Axes, times_s: tuple[float, float], span_hz: tuple[float, float]) -> None:
    axes.set_xlim(*_lasting(times_s))
    axes.set_yscale("log")
    axes.set_ylim(*span_hz)
    shown_hz = [f for f in TICKS_HZ if span_hz[0] <= f <= span_hz[1]]
    axes.set_yticks(shown_hz, [f"{f:g}" for f in shown_hz])
    axes.set_yticks([], minor=True)
    axes.set_ylabel("frequency (Hz)")
    axes.set_xlabel("time (s)")


def _hued(level: Floats, classes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Levels of 0 to 1 → red, green and blue along a last axis; grey where there is no voice."""
    hue = (classes - 1.0) % len(NAMES) / len(NAMES)
    saturation = np.where(classes > 0, SATURATION, 0.0)
    return np.asarray(hsv_to_rgb(np.stack([hue, saturation, level], axis=-1)))


def _name_classes(axes: Axes, classes: NDArray[np.uint8]) -> None:
    """A legend of the pitch classes that there are."""
    present = np.setdiff1d(classes, 0)
    colours = _hued(np.ones(present.size, np.float32), present)
    handles = [Patch(color=colour, label=NAMES[c - 1]) for c, colour in zip(present, colours, strict=True)]
    if handles:
        axes.legend(handles=handles, ncols=len(handles), loc="upper right", fontsize="small", handlelength=1)


def save_picture(
    path: pathlib.Path,
    canvas: Canvas,
    times_s: tuple[float, float],
    span_hz: tuple[float, float],
    style: PictureStyle,
    title: str,
    text: dict[str, str],
    tuning: TuningConfig,
) -> None:
    """The filterbank above, lines below, or one of them alone, each in dB below its own largest value.

    The path's suffix names the format; `text` goes into a PNG's text chunks.
    """
    # Older Matplotlib rounds pixels down: 480 / 110 inches would be 479 of them.
    width, height = (nextafter(pixels / DPI, inf) for pixels in style.size_px)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    lines, plain = canvas.drawn()
    panels = {"filterbank": plain, "sharpened": lines}
    if style.panels != "both":
        panels = {"filterbank": {"filterbank": plain}, "lines": {"sharpened": lines}}[style.panels]
    axes = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    strokes = canvas.vectors.strokes if canvas.vectors else None
    for axis, (name, picture) in zip(axes, panels.items(), strict=True):
        if picture is lines and strokes is not None:
            image = show_vectors(axis, canvas, strokes, times_s, style)
        else:
            voices = canvas.voices if picture is lines else None
            image = show_canvas(axis, picture, times_s, span_hz, style.range_db, style.colours, voices)
        if style.pitch and picture is [*panels.values()][-1]:
            show_melody(axis, cast(Melody, style.pitch), style.colours)
        axis.set_title(name, loc="left")
        axis.label_outer()
        _name_notes(axis, span_hz, tuning)
    figure.suptitle(title if style.title is None else style.title, parse_math=False)
    figure.colorbar(ScalarMappable(image.norm, image.cmap), ax=axes, label="level (dB below the largest)", pad=0.06)
    # Text as text; a name may be in a script that the font lacks.
    with hushed("Glyph"), rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        told = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, text)
        figure.savefig(path, dpi=DPI if path.suffix == ".png" else SHARPER * DPI, metadata=told)


def _name_notes(axis: Axes, span_hz: tuple[float, float], tuning: TuningConfig) -> None:
    """The notes C on the right."""
    notes = axis.secondary_yaxis("right")
    c_hz = {key_name(key): hertz(key, tuning=tuning) for key in range(12, 144, 12)}
    shown = {name: f for name, f in c_hz.items() if span_hz[0] <= f <= span_hz[1]}
    notes.set_yticks(list(shown.values()), list(shown))
    notes.set_yticks([], minor=True)
