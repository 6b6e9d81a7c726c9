"""Command line of the transcription benchmark: `python -m benchmarks.transcription --audio FOLDER`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.results import WRITTEN, Cell, Results, Table
from benchmarks.sharpness import recordings
from benchmarks.transcription.melody import on_melodies
from benchmarks.transcription.methods import METHODS
from benchmarks.transcription.noise import on_drums, on_noise
from benchmarks.transcription.peers import installed
from benchmarks.transcription.rendered import on_keyboards, on_rendered
from benchmarks.transcription.scores import frame_f1, note_f1
from benchmarks.transcription.shared import INTERVALS, draw, scores

NETWORKS = {"with feedback": {}, "without": {"feedback": 0.0, "onset": 0.4, "believed": 0.0}}
"""The pitch layer, and the same without the flow back to the partials, at the threshold that suits it best."""
RENDERED, KEYBOARDS = 77, range(200, 206)
"""Seeds of the rendered pieces, and of keyboards."""


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
                rows = recordings.written(found[name] / "notes.csv")
                true = np.array([(note.onset_s, note.offset_s, note.hz) for note in rows])
                notes.setdefault(method, {})[name] = note_f1(heard.notes, true)
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
        frames, notes = on_rendered(RENDERED)
        results.tables["rendered_frame_f1"] = Table(frames, ".3f", "frame F1")
        results.tables["rendered_note_f1"] = Table(notes, ".3f", "note F1")
        results.tables["keyboards"] = Table(on_keyboards(KEYBOARDS), ".3f", "mean")
        if options.audio is not None:
            results.tables |= on_recordings(options.audio)
            results.tables["melody"] = Table(on_melodies(options.audio), ".3f", "raw pitch accuracy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
