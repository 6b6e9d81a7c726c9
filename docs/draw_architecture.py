"""``python docs/draw_architecture.py``: draw docs/images/signal_path.svg and docs/images/rooms.svg from the code.

The signal path is read from the parts that `Sharpener`, `Transcriber` and `Separator` build; the rooms and their arrows
from the imports of every module.
"""

import ast
import tomllib
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import sharpear
from sharpear.pitch import PitchLayer
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices
from sharpear.sharpening.composite import Composite, Memory, Streaming

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]
"""The folder of every package."""

FACE, GROUND = "app: face", "app: ground"
"""The two halves of app/ itself: modules that stand on the rooms, and modules that the rooms stand on."""

COLORS = {
    "dsp": "#d7e8f7",
    "dynamics": "#fbe3c8",
    "gpu": "#e6e6e6",
    "compiler": "#e6e6e6",
    "system": "#e6e6e6",
    "configs": "#e6e6e6",
    "app/pitch": "#dff0d8",
    "app/separation": "#f4dcec",
}
PLAIN = "#f7f4ea"
RATE_HZ = 44100
CHARACTER, PAD, WIDEST = 7.0, 8, 1000
"""Width of a character, space around a text, and the widest picture, in pixels."""

Row = tuple[str, list[tuple[str, str]]]
"""A title, and boxes: a name, and the folder or file that it is from."""


def rooms() -> tuple[dict[str, str], set[tuple[str, str]]]:
    """What each room holds, in a few words, and who imports whom."""
    modules = {path: folder for folder in FOLDERS.values() for path in sorted((ROOT / folder).glob("*.py"))}
    reached = {path: set(_reached(path, folder)) for path, folder in modules.items()}
    face = {
        path.stem
        for path, folder in modules.items()
        if folder == "app" and reached[path] - {"app", "configs", "system"}
    }

    def room(path: Path, folder: str) -> str:
        return folder if folder != "app" else FACE if path.stem in face else GROUND

    edges = set()
    for path, folder in modules.items():
        own = room(path, folder)
        edges |= {(own, GROUND if other == "app" else other) for other in reached[path]}
    held = {folder: _holds(folder) for folder in sorted(set(FOLDERS.values()) - {"app"})}
    for half, inside in ((FACE, True), (GROUND, False)):
        held[half] = ", ".join(path.stem for path, f in modules.items() if f == "app" and (path.stem in face) is inside)
    return held, {(a, b) for a, b in edges if a != b}


def _reached(path: Path, folder: str) -> Iterator[str]:
    """The folders that a module's imports reach."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            below = f"{folder}/{(node.module or '').split('.')[0]}"
            yield below if below in FOLDERS.values() else folder
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sharpear."):
            yield FOLDERS[max((p for p in FOLDERS if f"{node.module}.".startswith(f"{p}.")), key=len)]


def _without_implied(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Arrows that no chain of others replaces."""
    below: dict[str, set[str]] = {}

    def reach(room: str) -> set[str]:
        if room not in below:
            below[room] = set()
            below[room] = {found for a, b in edges if a == room for found in {b} | reach(b)}
        return below[room]

    return {(a, b) for a, b in edges if not any(b in reach(c) for d, c in edges if d == a and c != b)}


def _levels(names: Iterable[str], edges: set[tuple[str, str]]) -> dict[str, int]:
    """How far above the ground a room stands: one step above the highest room that it imports."""
    level: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in level:
            level[room] = 1 + max((height(b) for a, b in edges if a == room), default=-1)
        return level[room]

    for name in names:
        height(name)
    return level


def _flat(parts: dict[str, Any]) -> Iterator[Any]:
    """Parts in the order of the path; what is composed is taken apart, but for whole paths and sources of shares."""
    for part in parts.values():
        if isinstance(part, Composite) and not isinstance(part, Streaming | PitchLayer) and not hasattr(part, "names"):
            yield from _flat(part._parts)
        elif not isinstance(part, Memory):
            yield part


def _boxes(streaming: Any) -> list[tuple[str, str]]:
    return [(type(part).__name__, _file_of(type(part))) for part in _flat(streaming._parts)]


def _file_of(kind: type) -> str:
    package, _, module = kind.__module__.rpartition(".")
    return f"{FOLDERS[package]}/{module}.py"


def signal_paths() -> list[Row]:
    """What each of the three builds, in the order in which sound passes it."""
    modes: dict[str, list[str]] = {}
    built = {}
    for preset in ("music", "speech", "low-latency", "coherent"):
        sharpener = sharpear.Sharpener(RATE_HZ, preset)
        modes.setdefault(sharpener.config.network.mode, []).append(preset)
        built[sharpener.config.network.mode] = sharpener
    sound, frames = ("audio blocks", "(samples, streams)"), ("Frames", _file_of(sharpear.Frames))
    rows: list[Row] = [
        (f"Sharpener: {', '.join(modes[mode])} (mode {mode})", [sound, *_boxes(sharpener), frames])
        for mode, sharpener in built.items()
    ]
    voices = ("PitchFrames", _file_of(sharpear.PitchFrames))
    rows.append(("Transcriber", [sound, *_boxes(sharpear.Transcriber(RATE_HZ)), voices]))
    examples = [Dictionary(name, np.ones((1, 2)), np.array([100.0, 10000.0])) for name in "ab"]
    for sources in (TonalTransient, LearnedSources.of(examples), PitchVoices.of(2)):
        separator = sharpear.Separator(RATE_HZ, sources)
        parts = _boxes(separator)
        rows.append((f"Separator: sources {parts[1][0]}", [sound, *parts, ("stems", "(samples, streams, stems)")]))
    return rows


def _width(name: str, place: str) -> int:
    return round(max(len(name) * CHARACTER, len(place) * CHARACTER * 0.82)) + 2 * PAD


def _box(x: float, y: float, width: float, name: str, place: str, color: str) -> list[str]:
    middle = x + width / 2
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="40" rx="5" fill="{color}" stroke="#777"/>',
        f'<text x="{middle:g}" y="{y + 17:g}" text-anchor="middle" font-weight="bold">{escape(name)}</text>',
        f'<text x="{middle:g}" y="{y + 32:g}" text-anchor="middle" font-size="10" fill="#444">{escape(place)}</text>',
    ]


def _svg(width: float, height: float, body: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="Helvetica, Arial, sans-serif" font-size="12">'
    )
    arrow = (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>'
    )
    ground = f'<rect width="{width:g}" height="{height:g}" fill="white"/>'
    return "\n".join([head, arrow, ground, *body, "</svg>", ""])


def draw_signal_path() -> str:
    """One row a path, from sound to result."""
    body, y, widest, gap = [], 12.0, 0.0, 24
    for title, boxes in signal_paths():
        body.append(f'<text x="12" y="{y + 12:g}" font-size="13" fill="#222">{escape(title)}</text>')
        x, y = 12.0, y + 20
        for n, (name, place) in enumerate(boxes):
            width = _width(name, place)
            if x + width > WIDEST:
                x, y = 12.0 + gap, y + 50
            body += _box(x, y, width, name, place, COLORS.get(place.rpartition("/")[0], PLAIN))
            if n:
                body.append(_arrow(x - gap, y + 20, x, y + 20))
            widest = max(widest, x + width)
            x += width + gap
        y += 58
    return _svg(widest + 12, y, body)


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g},{y1:g} L{x2:g},{y2:g}" stroke="#555" fill="none" marker-end="url(#arrow)"/>'


def draw_rooms() -> str:
    """A room stands above all rooms that it imports; arrows that others imply are left out."""
    held, edges = rooms()
    level = _levels(held, edges)
    top, width, height = max(level.values()), 900, 76
    place: dict[str, tuple[float, float, float]] = {}
    for step in range(top + 1):
        row = [name for name in held if level[name] == step]
        for n, name in enumerate(row):
            box = _width(name, held[name])
            middle = width * (n + 1) / (len(row) + 1)
            place[name] = middle - box / 2, 12 + (top - step) * height, box
    body = []
    for a, b in sorted(_without_implied(edges)):
        (xa, ya, wa), (xb, yb, wb) = place[a], place[b]
        body.append(_arrow(xa + wa / 2, ya + 40, xb + wb / 2, yb))
    for name, (x, y, box) in sorted(place.items()):
        body += _box(x, y, box, name, held[name], COLORS.get(name, PLAIN))
    return _svg(width, 12 + top * height + 52, body)


def _holds(folder: str) -> str:
    """The first words of a package's docstring."""
    text = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.split(":")[0].split(",")[0].split(".")[0].replace("`", "")


PICTURES = {"signal_path.svg": draw_signal_path, "rooms.svg": draw_rooms}


def main() -> None:
    """Write all pictures."""
    for name, draw in PICTURES.items():
        (ROOT / "docs" / "images" / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
