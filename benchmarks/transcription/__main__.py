"""Command line of the transcription benchmark: `python -m benchmarks.transcription --audio FOLDER`."""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.sharpness import recordings
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.heard import Heard
from benchmarks.transcription.melody import SNR_DB, on_melodies
from benchmarks.transcription.methods import METHODS
from benchmarks.transcription.noise import BELIEVED, on_drums, on_noise
from benchmarks.transcription.peers import installed
from benchmarks.transcription.shared import INTERVALS, Score, draw, scores

NETWORKS = {"with feedback": {}, "without": {"feedback": 0.0, "onset": 0.4, "believed": 0.0}}
"""The pitch layer, and the same without the flow back to the partials, at the threshold that suits it best."""


def frame_f1(heard: Heard, recording: recordings.Recording, lags_s: Floats = recordings.LAGS_S) -> float:
    """mir_eval's multi-pitch F1 within half a semitone, frames of 11.6 ms, at the method's best constant lag."""
    evaluate = importlib.import_module("mir_eval.multipitch").metrics
    best = 0.0
    for lag in lags_s:
        nearest = np.abs(np.subtract.outer(recording.times_s + lag, heard.times_s)).argmin(axis=1)
        found = [heard.pitches_hz[i] for i in nearest]
        precision, recall = evaluate(recording.times_s, recording.pitches_hz, recording.times_s, found, window=0.5)[:2]
        best = max(best, 2 * precision * recall / max(precision + recall, 1e-12))
    return best


def note_f1(notes: Floats, path: Path) -> float:
    """mir_eval's note F1: onsets within 50 ms, pitches within half a semitone, no lag allowed."""
    evaluate = importlib.import_module("mir_eval.transcription").precision_recall_f1_overlap
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["voice"] != "drums"]
    true = np.array([[float(row["onset"]), float(row["offset"]), float(row["midi_pitch"])] for row in rows])
    hz = 440 * 2 ** ((true[:, 2] - 69) / 12)
    if not len(notes):
        return 0.0
    return float(evaluate(true[:, :2], hz, np.maximum(notes[:, :2], 0), notes[:, 2], offset_ratio=None)[2])


def table(corner: str, columns: Sequence[str], rows: dict[str, Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [[corner, *columns], ["---"] * (len(columns) + 1), *([name, *cells] for name, cells in rows.items())]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def on_recordings(folder: Path) -> str:
    """Frame F1, note F1 and run time of every method on the recordings of a folder."""
    found = recordings.find(folder)
    loaded = {name: recordings.load(path) for name, path in found.items()}
    frames: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for method, run in installed(METHODS).items():
        for name, recording in loaded.items():
            start = time.perf_counter()
            heard = run(recording.audio, recording.sample_rate)
            print(f"{method}, {name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
            frames.setdefault(method, []).append(f"{frame_f1(heard, recording):.3f}")
            if len(heard.notes) and (found[name] / "notes.csv").exists():
                notes.setdefault(method, []).append(f"{note_f1(heard.notes, found[name] / 'notes.csv'):.3f}")
    with_notes = [name for name, path in found.items() if (path / "notes.csv").exists()]
    return f"{table('frame F1', list(found), frames)}\n\n{table('note F1', with_notes, notes)}"


def on_shared_partials(seeds: Sequence[int]) -> str:
    """F1 and error of the shares on pairs of tones whose partials coincide."""
    names = [*NETWORKS, "even split"]
    rows: dict[str, list[str]] = {}
    for interval in INTERVALS:
        drawn = [scores(draw(interval, seed), list(NETWORKS.values())) for seed in seeds]
        for name, column in zip(names, zip(*drawn, strict=True), strict=True):
            rows.setdefault(f"F1, {name}", []).append(_mean(column, "f1"))
            rows.setdefault(f"share error, {name}", []).append(_mean(column, "share_error"))
    rows.pop("F1, even split")
    return table("shared partials", list(INTERVALS), dict(sorted(rows.items())))


def _mean(column: Sequence[Score], name: str) -> str:
    return f"{np.mean([getattr(score, name) for score in column]):.3f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its tables; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription", description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of the recordings r1, r2, c1, m1")
    parser.add_argument("--seeds", type=int, default=10, help="pairs of tones per interval (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="first seed: another one is another test")
    options = parser.parse_args(arguments)
    seeds = range(options.seed, options.seed + options.seeds)
    print(on_shared_partials(seeds))
    unpitched = on_noise(seeds[:2]) | (on_drums(options.audio) if options.audio else {})
    print(f"\n{table('notes in ten seconds', [f'believed {least:g}' for least in BELIEVED], unpitched)}")
    if options.audio is not None:
        print(f"\n{on_recordings(options.audio)}")
        print(
            f"\n{table('raw pitch accuracy', [f'SNR {snr_db:g} dB' for snr_db in SNR_DB], on_melodies(options.audio))}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
