"""Multi-pitch F1 on recordings with known pitches.

A folder holds one sub-folder per recording, its name beginning with the recording's id, with `mix.wav` and
either `notes.csv` (onset, offset, midi_pitch, voice; rows of the voice `drums` carry no pitch) or one
`f0_*.csv` per voice (time in s, f0 in Hz, 0 where silent).
"""

from __future__ import annotations

import csv
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness.estimate import Estimate
from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.pitch import multi_pitch

IDS = ("r1", "r2", "c1", "m1")
HOP_S = 512 / 44100
LAGS_S: Floats = np.arange(0.0, 9.0) * HOP_S
"""Constant lags tried, in seconds: every method gets its best."""


@dataclass(frozen=True)
class Recording:
    """Audio, its sample rate in Hz, and the pitches in Hz that sound at `times_s`."""

    audio: NDArray[np.float32]
    sample_rate: float
    times_s: Floats
    pitches_hz: list[Floats]


class Written(NamedTuple):
    """A note of notes.csv: from and to, s, MIDI key, and whose it is."""

    onset_s: float
    offset_s: float
    midi: float
    voice: str

    @property
    def hz(self) -> float:
        """Its pitch."""
        return float(440 * 2 ** ((self.midi - 69) / 12))


def written(path: Path) -> list[Written]:
    """All notes of a notes.csv that have a pitch."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["voice"] != "drums"]
    return [Written(float(row["onset"]), float(row["offset"]), float(row["midi_pitch"]), row["voice"]) for row in rows]


def find(folder: Path) -> dict[str, Path]:
    """The recordings of `IDS` that a folder holds."""
    found = {name: sorted(folder.glob(f"{name}_*")) for name in IDS}
    return {name: paths[0] for name, paths in found.items() if paths}


def load(folder: Path) -> Recording:
    """Read a recording, its channels averaged."""
    audio, sample_rate = importlib.import_module("soundfile").read(folder / "mix.wav", dtype="float32", always_2d=True)
    times = np.arange(0, len(audio) / sample_rate, HOP_S)
    notes = folder / "notes.csv"
    pitches = _from_notes(notes, times) if notes.exists() else _from_curves(sorted(folder.glob("f0_*.csv")), times)
    return Recording(audio.mean(axis=1), float(sample_rate), times, pitches)


def _from_notes(path: Path, times_s: Floats) -> list[Floats]:
    onset, offset, pitch = np.array([(note.onset_s, note.offset_s, note.hz) for note in written(path)]).reshape(-1, 3).T
    return [np.unique(pitch[(onset <= t) & (t < offset)]) for t in times_s]


def _from_curves(paths: list[Path], times_s: Floats) -> list[Floats]:
    voices = []
    for path in paths:
        table = np.nan_to_num(np.loadtxt(path, delimiter=",", skiprows=1))
        index = np.clip(np.searchsorted(table[:, 0], times_s - 1e-6), 0, len(table) - 1)
        voices.append(table[index, 1])
    return [frame[frame > 0] for frame in np.stack(voices, axis=1)]


def f1(estimate: Estimate, recording: Recording) -> float:
    """Multi-pitch F1 within half a semitone, frames of 11.6 ms, at the best constant lag."""
    evaluate = importlib.import_module("mir_eval.multipitch").metrics
    hop = float(np.median(np.diff(estimate.times_s)))
    estimate = estimate.within(np.arange(len(estimate.times_s)) % max(1, round(HOP_S / 2 / hop)) == 0)
    pitches = multi_pitch(estimate.frequencies_hz, estimate.energy)
    best = 0.0
    for lag in LAGS_S:
        nearest = np.abs(np.subtract.outer(recording.times_s + lag, estimate.times_s)).argmin(axis=1)
        scores = evaluate(
            recording.times_s, recording.pitches_hz, recording.times_s, [pitches[i] for i in nearest], window=0.5
        )
        precision, recall = scores[0], scores[1]
        best = max(best, 2 * precision * recall / max(precision + recall, 1e-12))
    return best
