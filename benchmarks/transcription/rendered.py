"""Frame F1 and note F1 on rendered pieces: two soundfonts that teach nothing, three pieces of each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count

import numpy as np

from benchmarks.sharpness.recordings import HOP_S, Recording
from benchmarks.transcription.methods import METHODS
from benchmarks.transcription.peers import hz_of, installed
from benchmarks.transcription.pieces import FONTS, Piece, pieces
from benchmarks.transcription.scores import frame_f1, note_f1

CAST = {"opl3": ("chorale", "line", "chorale"), "csound": ("keyboard", "keyboard", "plucked")}
"""Kinds of the pieces, by the soundfont that plays them."""
NAMES = ("transcribe", "basic-pitch")
"""Methods that are compared."""


def drawn(seed: int) -> Iterator[tuple[str, Piece]]:
    """The six pieces of a seed, by name."""
    for font, kinds in CAST.items():
        for number, piece in zip(count(1), pieces(font, len(kinds), seed, kinds), strict=False):
            yield f"{piece.kind} {number}, {font}", piece


def on_rendered(seed: int) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Frame F1 and note F1 of each method on each piece; empty where a soundfont is missing."""
    if missing := [str(FONTS[font]) for font in CAST if not FONTS[font].exists()]:
        print(f"rendered pieces are left out: {', '.join(missing)} missing", file=sys.stderr)
        return {}, {}
    frames, notes = dict[str, dict[str, float]](), dict[str, dict[str, float]]()
    methods = installed({name: METHODS[name] for name in NAMES})
    for name, piece in drawn(seed):
        times = np.arange(0, len(piece.audio) / piece.sample_rate, HOP_S)
        hz = [np.array([hz_of(key) for key in row[np.isfinite(row)]]) for row in piece.pitches(times)]
        recording = Recording(piece.audio, piece.sample_rate, times, hz)
        true = piece.notes.copy()
        true[:, 2] = [hz_of(key) for key in true[:, 2]]
        for method, run in methods.items():
            heard = run(piece.audio, piece.sample_rate)
            frames.setdefault(method, {})[name] = frame_f1(heard, recording)
            notes.setdefault(method, {})[name] = note_f1(heard.notes, true)
    return frames, notes
