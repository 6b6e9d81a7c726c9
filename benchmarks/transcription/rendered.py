"""Frame F1 and note F1 on rendered pieces: two soundfonts that teach nothing, three pieces of each."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import count, product

import numpy as np

from benchmarks.results import Cell
from benchmarks.sharpness.recordings import HOP_S, Recording
from benchmarks.transcription.methods import METHODS
from benchmarks.transcription.peers import hz_of, installed
from benchmarks.transcription.pieces import FONTS, Piece, pieces
from benchmarks.transcription.scores import frame_f1, note_f1

CAST = {"opl3": ("chorale", "line", "chorale"), "csound": ("keyboard", "keyboard", "plucked")}
"""Kinds of the pieces, by the soundfont that plays them."""
NAMES = ("transcribe", "basic-pitch")
"""Methods that are compared."""
KEYBOARDS = 2

Scores = dict[str, dict[str, float]]
"""Method -> piece -> F1."""


def drawn(seed: int) -> Iterator[tuple[str, Piece]]:
    """The six pieces of a seed, by name."""
    for font, kinds in CAST.items():
        for number, piece in zip(count(1), pieces(font, len(kinds), seed, kinds), strict=False):
            yield f"{piece.kind} {number}, {font}", piece


def on_rendered(seed: int) -> tuple[Scores, Scores]:
    """Frame F1 and note F1 of each method on each piece; empty where a soundfont is missing."""
    frames, notes = Scores(), Scores()
    for name, piece in drawn(seed) if fonts_are_there() else ():
        for method, (frame, note) in scores(piece).items():
            frames.setdefault(method, {})[name] = frame
            notes.setdefault(method, {})[name] = note
    return frames, notes


def on_keyboards(seeds: Iterable[int]) -> dict[str, dict[str, Cell]]:
    """Means of each method over `KEYBOARDS` keyboards a seed of each soundfont; empty where one is missing."""
    found = dict[str, dict[str, list[float]]]()
    for seed, font in product(seeds, CAST) if fonts_are_there() else ():
        for piece in pieces(font, KEYBOARDS, seed, ("keyboard",) * KEYBOARDS):
            for method, score in scores(piece).items():
                for what, value in zip(("frame F1", "note F1"), score, strict=True):
                    found.setdefault(method, {}).setdefault(f"{what}, {font}", []).append(value)
    means: dict[str, dict[str, Cell]] = {
        method: {what: float(np.mean(values)) for what, values in row.items()} for method, row in found.items()
    }
    if len(found) == len(NAMES):
        ours, theirs = (found[name] for name in NAMES)
        means["part of the pieces on which the first is better"] = {
            what: float(np.mean(np.greater(values, theirs[what]))) for what, values in ours.items()
        }
    return means


def fonts_are_there() -> bool:
    """Tells in one line if not."""
    missing = [str(FONTS[font]) for font in CAST if not FONTS[font].exists()]
    if missing:
        print(f"rendered pieces are left out: {', '.join(missing)} missing", file=sys.stderr)
    return not missing


def scores(piece: Piece) -> dict[str, tuple[float, float]]:
    """Frame F1 and note F1 of each method."""
    times = np.arange(0, len(piece.audio) / piece.sample_rate, HOP_S)
    hz = [np.array([hz_of(key) for key in row[np.isfinite(row)]]) for row in piece.pitches(times)]
    recording = Recording(piece.audio, piece.sample_rate, times, hz)
    true = piece.notes.copy()
    true[:, 2] = [hz_of(key) for key in true[:, 2]]
    found = {}
    for method, run in installed({name: METHODS[name] for name in NAMES}).items():
        heard = run(piece.audio, piece.sample_rate)
        found[method] = frame_f1(heard, recording), note_f1(heard.notes, true)
    return found
