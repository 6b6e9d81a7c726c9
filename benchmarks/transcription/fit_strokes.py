"""``python -m benchmarks.transcription.fit_strokes``: learn anew where the notes of a voice begin.

Rendered pieces are heard, and of every voice that the pitch layer follows the evidence of each step is kept, with
whether a note of its pitch begins within `sharpear.pitch.beginnings.NEAR_S` of it. A network of two small layers learns
the probability, as in `benchmarks.transcription.fit_readout`, and the result takes the place of
app/pitch/stroke_readout.npz; the tables are of a soundfont that taught nothing, note F1 by kind of piece.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.fit_readout import BLOCK, Rows, fitted, layers
from benchmarks.transcription.peers import hz_of
from benchmarks.transcription.pieces import FONTS, ORDER, STROKES, Piece, pieces
from benchmarks.transcription.scores import note_f1
from benchmarks.transcription.sine_pieces import strings
from sharpear.pitch import Transcriber, notes_of
from sharpear.pitch.beginnings import EVIDENCE, NEAR_S, Readout, pitch_of, weighed
from sharpear.pitch.voice_curves import VoiceCurves
from sharpear.sinks.music import hertz

UNITS, EPOCHS = (64, 32), 12
AWAY, AWAY_SUNG = 0.5, 0.75
"""Semitones from a voice to the key of the note that it begins; singers come to theirs from farther."""


def heard(piece: Piece, readout: Readout) -> VoiceCurves:
    """The voices of a piece."""
    transcriber = Transcriber(piece.sample_rate)
    curves, sharpener = VoiceCurves(transcriber.layer, readout), transcriber.sharpener
    for first in range(0, len(piece.audio), BLOCK):
        curves.hear(sharpener.process(piece.audio[first : first + BLOCK, None]))
    curves.hear(sharpener.flush())
    curves.end()
    return curves


def learning(piece: Piece) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Evidence (rows, numbers) of a piece's voices at each step, and whether a note of theirs begins there (rows,)."""
    found = [np.zeros((0, EVIDENCE), np.float32)]

    def keep(evidence: NDArray[np.float32]) -> Floats:
        found.append(evidence)
        return np.ones(len(evidence))

    curves = heard(piece, keep)
    at = curves.voices().times[np.nonzero(curves.chances)[0]]
    evidence = np.concatenate(found)
    away = AWAY if piece.curves is None else AWAY_SUNG
    begins = np.zeros(len(evidence), bool)
    for onset_s, _, key in piece.notes:
        begins |= (np.abs(at - onset_s) <= NEAR_S) & (np.abs(pitch_of(evidence) - key) < away)
    return evidence, begins


def scores(readout: Readout, scored: Iterable[Piece]) -> str:
    """Mean note F1 of each kind of piece."""
    found: dict[str, list[float]] = {}
    for piece in scored:
        if len(piece.notes):
            curves = heard(piece, readout)
            notes = [(n.onset_s, n.offset_s, hertz(n.midi, n.cents)) for n in notes_of(curves.voices(), curves.begins)]
            true = np.column_stack([piece.notes[:, :2], [hz_of(key) for key in piece.notes[:, 2]]])
            found.setdefault(piece.kind, []).append(note_f1(np.array(notes).reshape(-1, 3), true))
    rows = [f"| {kind} | {np.mean(values):.3f} |" for kind, values in found.items()]
    return "\n".join(["| kind | note F1 |", "| --- | --- |", *rows])


def main() -> None:
    """Hear, fit, score and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/transcription/stroke_readout.npz"))
    parser.add_argument("--taught-by", nargs="+", default=("timgm", "musescore"), choices=FONTS)
    parser.add_argument("--scored-on", default="fluid", choices=FONTS)
    parser.add_argument("--pieces", type=int, default=64, help="of each soundfont that teaches, a seed")
    parser.add_argument("--scored", type=int, default=24, help="pieces of each table")
    parser.add_argument("--seeds", type=int, nargs="+", default=(31, 32), help="of pieces")
    options = parser.parse_args()
    taught = [pieces(font, options.pieces, seed, STROKES) for font in options.taught_by for seed in options.seeds]
    taught += [strings(options.pieces // 2, seed) for seed in options.seeds]
    known = [learning(piece) for piece in chain(*taught)]
    evidence, begins = (np.concatenate(part) for part in zip(*known, strict=True))
    network = fitted(Rows.alike(evidence, begins), UNITS, EPOCHS, options.seeds[0])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    weights = layers(network)
    np.savez(options.out, **dict[str, Any](weights))
    for count, seed, order in ((options.scored, 21, ORDER), (options.scored, 41, STROKES)):
        print(scores(partial(weighed, list(weights.values())), pieces(options.scored_on, count, seed, order)))


if __name__ == "__main__":
    main()
