"""Fundamentals of several voices: how many are within 20 cents of the truth, and what became of the others.

What is true stands in `f0_*.csv` where there are no stems; where there are, it is what praat says of each stem by
itself, in moments in which it agrees with the notes that are written, or, where none are, with SwiftF0.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from benchmarks.results import WRITTEN, Cell, Results, Table
from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.gammatone import hop_of
from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.recordings import HOP_S, written
from benchmarks.transcription.heard import Heard
from benchmarks.transcription.melody import praat
from benchmarks.transcription.methods import transcribed
from benchmarks.transcription.peers import swift_f0
from sharpear.voices.tracker_arrays import ROW_HOPS
from sharpear.voices.voice_tracker import FILTER_HOPS, HALF_HOPS, VoiceTracker

IDS = ("r1", "c1", "m1", "s1")
WITHIN_CENTS = 20.0
HALF_SEMITONE = 50.0
NEAR_CENTS = 70.0
"""A pitch as near as this is a voice's, but off."""
CHANGE_S, CHANGE_CENTS, VIBRATO_S = 0.05, 70.0, 0.2
"""A note changes where the curve, without what sways within so long, moves so far in that time on either side."""
LAGS_S = np.arange(-8, 33) * HOP_S / 4
"""Constant lags tried, s: every method gets its best."""
FEWEST_VOICES = 2
"""Moments of fewer are left out."""
RATIOS = (2.0, 3.0, 4.0, 0.5, 1 / 3, 0.25)
CLASSES = ("found", "near a note's change", "off, up to 70 cents", "octave or twelfth", "a neighbour's", "not found")
"""What becomes of a voice at a moment; each is of the first class that it is in."""
COLUMNS = ("moments and voices", *CLASSES, "pitches that are nobody's")


@dataclass(frozen=True)
class Truth:
    """Fundamentals (moments, voices), Hz, NaN where there is none or it is not sure; which are near a note's change."""

    times_s: Floats
    hz: Floats
    changes: NDArray[np.bool_]


def cents(high: Floats, low: Floats) -> Floats:
    """From one to the other."""
    return np.asarray(1200 * np.log2(high / low))


def truth_of(folder: Path) -> Truth:
    """From the stems of a recording, or from its curves."""
    soundfile = importlib.import_module("soundfile")
    times = np.arange(0, soundfile.info(folder / "mix.wav").duration, HOP_S)
    curves = []
    for path in sorted(folder.glob("stem_*")):
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        stem = audio.mean(axis=1)
        noted = notes_of(folder / "notes.csv", path.stem.removeprefix("stem_"), times)
        sure = (noted, HALF_SEMITONE) if noted.size else (curve(*swift_f0(stem, rate), times), WITHIN_CENTS)
        found = curve(*praat(stem, rate), times)
        curves.append(np.where(np.abs(cents(found, sure[0])) < sure[1], found, np.nan))
    if not curves:
        tables = (np.loadtxt(path, delimiter=",", skiprows=1) for path in sorted(folder.glob("f0_*.csv")))
        curves = [curve(table[:, 0], np.nan_to_num(table[:, 1:]), times) for table in tables]
    hz = np.stack(curves, axis=1)
    return Truth(times, hz, near_changes(hz))


def curve(times_s: Floats, hz: Floats, at_s: Floats) -> Floats:
    """(times, 1) Hz at other times, NaN where there is none on either side."""
    return np.interp(at_s, times_s, np.where(hz[:, 0] > 0, hz[:, 0], np.nan), left=np.nan, right=np.nan)


def notes_of(path: Path, voice: str, at_s: Floats) -> Floats:
    """The pitch that is written for a voice, Hz, NaN between notes; nothing where there are no notes."""
    if not path.exists():
        return np.zeros(0)
    hz = np.full(at_s.size, np.nan)
    for note in written(path):
        if note.voice == voice:
            hz[(at_s >= note.onset_s) & (at_s < note.offset_s)] = note.hz
    return hz


def near_changes(hz: Floats) -> NDArray[np.bool_]:
    """Which moments of each curve are so near to where a note begins, ends, or becomes another."""
    reach, near = round(CHANGE_S / HOP_S), np.zeros(hz.shape, bool)
    for v, one in enumerate(hz.T):
        known = np.flatnonzero(np.isfinite(one))
        if known.size:
            smooth = median_filter(np.interp(np.arange(one.size), known, one[known]), round(VIBRATO_S / HOP_S) | 1)
            padded = np.pad(np.where(np.isfinite(one), smooth, np.nan), reach, constant_values=np.nan)
            before, after = padded[: one.size], padded[2 * reach :]
            near[:, v] = ~(np.abs(cents(after, before)) < CHANGE_CENTS)
    return near


def classified(truth: Truth, heard: Heard, lag_s: float) -> tuple[Floats, float]:
    """How many sure voices of all moments are of each class, and the share of pitches that are nobody's."""
    nearest = np.abs(np.subtract.outer(truth.times_s + lag_s, heard.times_s)).argmin(axis=1)
    counts, told, nobodys = np.zeros(len(CLASSES)), 0, 0
    for moment, n in enumerate(nearest):
        voices, pitches = truth.hz[moment], heard.pitches_hz[n]
        sure = np.flatnonzero(np.isfinite(voices))
        if sure.size < FEWEST_VOICES:
            continue
        away = np.abs(cents(pitches[:, None], voices[None, sure]))
        told += pitches.size
        # Where a voice is not sure nobody knows whose a pitch is.
        if sure.size == voices.size:
            nobodys += int((away.min(axis=1) > NEAR_CENTS).sum())
        for i, v in enumerate(sure):
            counts[_class(voices[sure], i, bool(truth.changes[moment, v]), pitches, away[:, i])] += 1
    return counts, nobodys / max(told, 1)


def _class(voices: Floats, i: int, changes: bool, pitches: Floats, away: Floats) -> int:
    """Of voice i of those at a moment; away: cents of every pitch from it."""
    if pitches.size and away.min() < WITHIN_CENTS:
        return 0
    if changes:
        return 1
    others = np.delete(voices, i)
    beside = others[np.abs(cents(others, voices[i])) < NEAR_CENTS]
    if pitches.size and away.min() < NEAR_CENTS:
        of_neighbour = beside.size and np.abs(cents(pitches[away.argmin()], beside)).min() < WITHIN_CENTS
        return 4 if of_neighbour else 2
    # Pitches that are another voice's are not this one's octave.
    free = [hz for hz in pitches if np.abs(cents(hz, others)).min(initial=np.inf) > NEAR_CENTS]
    if any(abs(cents(hz, ratio * voices[i])) < NEAR_CENTS for hz in free for ratio in RATIOS):
        return 3
    return 4 if beside.size else 5


def followed(audio: Audio, sample_rate: float) -> Heard:
    """What `VoiceTracker` follows at each row, told or not."""
    hop, times, pitches = hop_of(sample_rate), [], []
    hops = audio[: audio.size // hop * hop].reshape(-1, 1, hop)
    tracker = VoiceTracker(sample_rate, hop, 60 * 2 ** (np.arange(33) / 4))
    state = tracker.parts.state
    for frame in range(0, len(hops) - ROW_HOPS, ROW_HOPS):
        tracker.process(hops[frame : frame + 1])
        times.append((frame + 1 - HALF_HOPS - FILTER_HOPS) * hop / sample_rate)
        pitches.append(state.shared[0, 0, : state.number[0, 0, 0], 0].copy())
        tracker.process(hops[frame + 1 : frame + ROW_HOPS])
    return Heard(np.array(times), pitches)


def lines(audio: Audio, sample_rate: float) -> Heard:
    """Fundamentals that frames of `music` tell of their lines: those within 20 cents are one."""
    spectrum = importlib.import_module("sharpear").sharpen(audio, sample_rate, preset="music")
    pitches = []
    for row in spectrum.fundamental[::4]:
        told = np.unique(row[row > 0]).astype(float)
        ends = np.flatnonzero(cents(told[1:], told[:-1]) > WITHIN_CENTS) + 1
        pitches.append(np.array([np.median(part) for part in np.split(told, ends) if part.size]))
    return Heard(np.asarray(spectrum.times)[::4], pitches)


WAYS: dict[str, Callable[[Audio, float], Heard]] = {
    "voices that are followed": followed,
    "voices that lines are told of": lines,
    "transcribe": lambda audio, sample_rate: transcribed(audio, sample_rate, {}),
}


def best(truth: Truth, heard: Heard) -> tuple[Floats, float]:
    """At the lag at which most are found."""
    return max((classified(truth, heard, lag) for lag in LAGS_S.tolist()), key=lambda found: float(found[0][0]))


def rows_of(folder: Path, ways: Mapping[str, Callable[[Audio, float], Heard]]) -> dict[str, dict[str, Cell]]:
    """Way and piece -> voices of all moments, per cent of each class, and of pitches that are nobody's."""
    soundfile = importlib.import_module("soundfile")
    rows: dict[str, dict[str, Cell]] = {}
    for piece in (path for name in IDS for path in sorted(folder.glob(f"{name}_*"))[:1]):
        audio, rate = soundfile.read(piece / "mix.wav", dtype="float32", always_2d=True)
        truth = truth_of(piece)
        for way, run in ways.items():
            counts, nobodys = best(truth, run(audio.mean(axis=1), rate))
            shares = [100 * float(share) for share in (*counts / counts.sum(), nobodys)]
            rows[f"{piece.name[:2]}, {way}"] = dict(zip(COLUMNS, (int(counts.sum()), *shares), strict=True))
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """What becomes of every voice."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription.fundamentals", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="folder of the recordings r1, c1, m1, s1")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for transcription.fundamentals.json")
    options = parser.parse_args(arguments)
    with Results("transcription.fundamentals", options.out, arguments) as results:
        results.tables["classes"] = Table(rows_of(options.audio, WAYS), ".1f", "per cent")


if __name__ == "__main__":
    main()
