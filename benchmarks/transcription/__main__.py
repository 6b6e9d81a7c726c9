"""Command line of the transcription benchmark: `python -m benchmarks.transcription --audio FOLDER`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.results import WRITTEN, Cell, Results, Table
from benchmarks.sharpness import recordings
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.heard import Heard
from benchmarks.transcription.melody import on_melodies
from benchmarks.transcription.methods import METHODS
from benchmarks.transcription.noise import on_drums, on_noise
from benchmarks.transcription.peers import installed
from benchmarks.transcription.shared import INTERVALS, draw, scores

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
    true = np.array([(note.onset_s, note.offset_s, note.hz) for note in recordings.written(path)])
    if not len(notes):
        return 0.0
    return float(evaluate(true[:, :2], true[:, 2], np.maximum(notes[:, :2], 0), notes[:, 2], offset_ratio=None)[2])


def on_recordings(folder: Path) -> dict[str, Table]:
    """Frame F1 and note F1 of every method on the recordings of a folder, and what it takes."""
    found = recordings.find(folder)
    loaded = {name: recordings.load(path) for name, path in found.items()}
    frames, notes, spent = dict[str, dict[str, Cell]](), dict[str, dict[str, Cell]](), dict[str, dict[str, Cell]]()
    for method, run in installed(METHODS).items():
        for name, recording in loaded.items():
            start = time.process_time()
            heard = run(recording.audio, recording.sample_rate)
            spent_s = time.process_time() - start
            print(f"{method}, {name}: {spent_s:.1f} s", file=sys.stderr)
            spent.setdefault(method, {})[name] = spent_s * recording.sample_rate / len(recording.audio)
            frames.setdefault(method, {})[name] = frame_f1(heard, recording)
            if len(heard.notes) and (found[name] / "notes.csv").exists():
                notes.setdefault(method, {})[name] = note_f1(heard.notes, found[name] / "notes.csv")
    return {
        "frame_f1": Table(frames, ".3f", "frame F1"),
        "note_f1": Table(notes, ".3f", "note F1"),
        "time": Table(spent, ".2f", "processor time over audio time, compiling included"),
    }


def on_shared_partials(seeds: Sequence[int]) -> Table:
    """F1 and error of the shares on pairs of tones whose partials coincide."""
    names = [*NETWORKS, "even split"]
    rows: dict[str, dict[str, Cell]] = {}
    for interval in INTERVALS:
        drawn = [scores(draw(interval, seed), list(NETWORKS.values())) for seed in seeds]
        for name, column in zip(names, zip(*drawn, strict=True), strict=True):
            for what, attribute in (("F1", "f1"), ("share error", "share_error")):
                mean = float(np.mean([getattr(score, attribute) for score in column]))
                rows.setdefault(f"{what}, {name}", {})[interval] = mean
    rows.pop("F1, even split")
    return Table(dict(sorted(rows.items())), ".3f", "shared partials")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription", description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of the recordings r1, r2, c1, m1")
    parser.add_argument("--seeds", type=int, default=10, help="pairs of tones per interval (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="first seed: another one is another test")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for transcription.json")
    options = parser.parse_args(arguments)
    seeds = range(options.seed, options.seed + options.seeds)
    with Results("transcription", options.out, arguments) as results:
        results.tables["shared"] = on_shared_partials(seeds)
        unpitched = on_noise(seeds[:2]) | (on_drums(options.audio) if options.audio else {})
        results.tables["noise"] = Table(unpitched, ".1f", "notes in ten seconds")
        if options.audio is not None:
            results.tables |= on_recordings(options.audio)
            results.tables["melody"] = Table(on_melodies(options.audio), ".3f", "raw pitch accuracy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
