"""Which voices are told: each step by itself, with the steps beside it, or by maps that remember their choice.

The maps are `sharpear.dynamics.persistent_maps` of two choices for every place of a voice, heard and not heard, that
the readout's belief is evidence for; they forget where the voice ends. Their settings are the best of a grid on the
recordings that they are judged by, which flatters them.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Results, Table
from benchmarks.sharpness import recordings
from benchmarks.transcription.heard import Heard
from benchmarks.transcription.scores import frame_f1, note_f1
from sharpear.config import PitchConfig
from sharpear.dynamics import persistent_maps
from sharpear.pitch import Transcriber, Voices, notes_of
from sharpear.pitch.music_parts import in_parts
from sharpear.pitch.voice_curves import in_hindsight
from sharpear.sinks.music import hertz

GAINS = (0.7, 1.5)
"""Evidence of a belief of 1."""
AGAINST = (0.33, 0.7)
"""What not being believed counts, of that: 0.33 balances at a belief of 0.25, near that from which voices are told."""
SPEEDS = (4, 12)
"""Iterations of the maps a step of the pitch layer."""
LAGS_S = recordings.LAGS_S[1:5]
"""The best lag of each way is among these."""

Decision = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.bool_]]
"""Fundamentals and beliefs (steps, places) to which are told."""


@dataclass(frozen=True)
class Followed:
    """What the pitch layer follows in a recording, told or not: (steps, places)."""

    times_s: NDArray[np.float64]
    f0: NDArray[np.float32]
    belief: NDArray[np.float32]
    step_s: float


def follow(recording: recordings.Recording) -> Followed:
    """At the layer's own steps."""
    transcriber = Transcriber(recording.sample_rate)
    parts = [transcriber.process(recording.audio[:, None]), transcriber.flush()]
    stride = transcriber.layer.stride
    times, f0, faint, belief = (
        np.concatenate([getattr(part, name) for part in parts])[::stride]
        for name in ("times", "f0", "faint_f0", "belief")
    )
    return Followed(times, (f0 + faint)[:, 0], belief[:, 0], stride * transcriber.layer.hop_s)


def by_itself(f0: NDArray[np.float32], belief: NDArray[np.float32]) -> NDArray[np.bool_]:
    """As it is told live."""
    return np.asarray((f0 > 0) & (belief > PitchConfig().believed))


def with_neighbours(f0: NDArray[np.float32], belief: NDArray[np.float32]) -> NDArray[np.bool_]:
    """As `transcribe` tells it."""
    return by_itself(f0, in_hindsight(f0, belief).astype(np.float32))


def remembered(gain: float, against: float, speed: int, before: Decision | None = None) -> Decision:
    """By maps that hold a choice until there is more evidence for the other; `before`: on hindsight's beliefs."""

    def decide(f0: NDArray[np.float32], belief: NDArray[np.float32]) -> NDArray[np.bool_]:
        held = in_hindsight(f0, belief) if before else belief
        maps = persistent_maps(2, streams=f0.shape[1], iterations=speed)
        evidence = gain * np.stack([held, against * (1 - held)], axis=2) * (f0 > 0)[..., None]
        told = np.zeros(f0.shape, bool)
        for n, row in enumerate(evidence.astype(np.float32)):
            state = maps.state
            for name in maps.cells:
                for field in state[name].dtype.names or ():
                    state[name][field][f0[n] == 0] = 0
            maps.state = state
            x = maps(row)
            told[n] = (x[:, 0] > x[:, 1]) & (f0[n] > 0)
        return told

    return decide


def scores(followed: Followed, decide: Decision, recording: recordings.Recording, folder: Path) -> tuple[float, float]:
    """Frame F1 and, where there are notes, note F1."""
    f0 = np.where(decide(followed.f0, followed.belief), followed.f0, np.float32(0))
    part, kept = in_parts(f0, followed.step_s)
    voices = np.zeros((len(f0), max(1, int(part.max(initial=-1)) + 1)), np.float32)
    steps, places = np.nonzero(kept)
    voices[steps, part[kept]] = f0[steps, places]
    heard = Heard(followed.times_s, [row[row > 0].astype(float) for row in voices])
    frames = frame_f1(heard, recording, LAGS_S)
    if not (folder / "notes.csv").exists():
        return frames, np.nan
    notes = notes_of(Voices(followed.times_s, voices, (voices > 0).astype(np.float32)))
    rows = [(n.onset_s, n.offset_s, hertz(n.midi, n.cents)) for n in notes]
    true = [(note.onset_s, note.offset_s, note.hz) for note in recordings.written(folder / "notes.csv")]
    return frames, note_f1(np.array(rows).reshape(-1, 3), np.array(true))


def main() -> None:
    """Print frame F1 and note F1 of all ways."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription.choices", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="folder of the recordings r1, r2, c1, m1")
    found = recordings.find(parser.parse_args().audio)
    results = Results("transcription.choices")
    importlib.import_module("mir_eval")
    loaded = {name: recordings.load(path) for name, path in found.items()}
    followed = {name: follow(recording) for name, recording in loaded.items()}

    def over_all(decide: Decision) -> list[tuple[float, float]]:
        return [scores(followed[name], decide, loaded[name], found[name]) for name in found]

    ways: dict[str, list[tuple[float, float]]] = {
        "each step by itself": over_all(by_itself), "with the four steps on either side": over_all(with_neighbours)
    }  # fmt: skip
    for before, name in ((None, "maps"), (with_neighbours, "maps, of what the steps beside say")):
        grid = [remembered(*setting, before) for setting in itertools.product(GAINS, AGAINST, SPEEDS)]
        ways[name] = max(map(over_all, grid), key=lambda row: sum(frame for frame, _ in row))
    cells = {
        name: dict(zip(found, ([f1 for f1 in each if not np.isnan(f1)] for each in row), strict=True))
        for name, row in ways.items()
    }
    with results:
        results.tables["choices"] = Table(cells, ".3f", "frame F1, note F1", joint=", ")


if __name__ == "__main__":
    main()
