"""One voice, spoken or sung again from measured partials, so that its pitch is known exactly.

Run as `python -m benchmarks.transcription.spoken`: the bundled voices, or with `--sources` the test split of a folder
that `benchmarks.sharpness.sung_sources` filled. Pauses hold hiss now and then, as consonants do, and pink noise lies
40 dB below the voice.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from benchmarks.results import WRITTEN, Cell, Results, Table
from benchmarks.sharpness import singing
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Floats
from benchmarks.sharpness.partials import Partials
from benchmarks.sharpness.recordings import LAGS_S
from benchmarks.sharpness.sources import Sources, Voices
from benchmarks.transcription.melody import WITHIN, Tracker, ours, praat
from benchmarks.transcription.noise import colored
from benchmarks.transcription.peers import installed, swift_f0

SECONDS = 8.0
FAINTEST = 1e-2
"""Of the loudest: what is quieter counts neither as voiced nor as unvoiced."""
HISS_HZ, HISS_DB, HISS_SHARE, SHORTEST_PAUSE_S = 2000, (-25.0, -5.0), 0.6, 0.05
PINK_DB = -40.0
SPEAKERS_HZ = (60.0, 600.0)
COLUMNS = ("found", "voiced", "of these over 320 cents off", "unvoiced that is told")


def one_voice(audio: Audio, sample_rate: float) -> tuple[Floats, Floats]:
    """Preset `speech` of `transcribe`."""
    voices = importlib.import_module("sharpear").transcribe(audio, sample_rate, "speech").voices
    return voices.times, voices.f0


TRACKERS: dict[str, Tracker] = {
    "transcribe, speech": one_voice, "transcribe, music": ours, "praat": partial(praat, range_hz=SPEAKERS_HZ),
    "SwiftF0": swift_f0,
}  # fmt: skip


def scene(partials: Partials, rng: np.random.Generator, sings: bool) -> tuple[Audio, Floats, Floats, Floats] | None:
    """Sound, times, s, Hz (0 where not voiced), and the level of the loudest's; None of a recording that is silent."""
    samples = int(SECONDS * SAMPLE_RATE)
    voice = singing.piece(partials, rng, samples // LINE_HOP + 2, 1.0)
    if voice is None:
        return None
    voice = singing.sung(voice, rng) if sings else voice
    audio, lines = singing.together([voice], rng, samples, -70.0, 100)
    level = np.sqrt((lines.amplitudes**2).sum(axis=1))
    peak = float(np.quantile(level, 0.98))
    hiss, high_pass = np.zeros(samples), butter(2, HISS_HZ, "high", fs=SAMPLE_RATE, output="sos")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], level == 0, [0]]).astype(int))).reshape(-1, 2) * LINE_HOP
    for first, past in edges.tolist():
        if past - first > SHORTEST_PAUSE_S * SAMPLE_RATE and rng.random() < HISS_SHARE:
            burst = sosfilt(high_pass, rng.standard_normal(past - first)) * np.hanning(past - first)
            hiss[first:past] = (peak * 10 ** (rng.uniform(*HISS_DB) / 20) * burst)[: samples - first]
    pink = colored(0.5, SAMPLE_RATE, rng)
    pink = np.tile(pink, -(-samples // pink.size))[:samples] / pink.std()
    loud = float(np.sqrt(np.mean(level[level > FAINTEST * peak] ** 2) / 2))
    sound = audio + hiss + loud * 10 ** (PINK_DB / 20) * pink
    hz = np.where(level > FAINTEST * peak, voice.frequencies_hz[: len(level), 0], 0.0)
    return (0.1 * sound / sound.std()).astype(np.float32), lines.times_s, hz, level / peak


def between(times_s: Floats, hz: Floats, at_s: Floats) -> Floats:
    """(at, voices) Hz along straight lines in pitch, of the nearest step where either is silent or a leap away."""
    after = np.clip(np.searchsorted(times_s, at_s), 1, len(times_s) - 1)
    share = np.clip((at_s - times_s[after - 1]) / (times_s[after] - times_s[after - 1]), 0, 1)[:, None]
    left, right = np.nan_to_num(hz[after - 1]), np.nan_to_num(hz[after])
    with np.errstate(divide="ignore", invalid="ignore"):
        line = left * (right / left) ** share
        near = (left > 0) & (right > 0) & (np.abs(np.log2(right / left)) < 0.3)
    return np.where(near, line, np.where(share < 0.5, left, right))


def scored(times_s: Floats, hz: Floats, at_s: Floats, true_hz: Floats, level: Floats) -> Floats:
    """`COLUMNS`, as shares, at the constant lag at which the most is found."""
    rows, voiced = [], true_hz > 0
    for lag in LAGS_S:
        heard = between(times_s, hz, at_s + lag)
        with np.errstate(divide="ignore"):
            cents = 1200 * np.abs(np.log2(heard[voiced] / true_hz[voiced, None])).min(axis=1)
        told = np.isfinite(cents)
        gross = float((cents[told] > 320).mean()) if told.any() else 0.0
        row = np.array([(cents <= WITHIN).mean(), told.mean(), gross, (heard[level == 0] > 0).any(axis=1).mean()])
        rows.append(row)
    return max(rows, key=lambda row: float(row[0]))


def scenes(voices: Voices, sings: bool) -> Iterator[tuple[Audio, Floats, Floats, Floats]]:
    """Of every recording of every speaker."""
    for number, speaker in enumerate(voices.speakers("speech")):
        for index in range(voices.count("speech", speaker)):
            rng = np.random.default_rng([number, index, sings])
            drawn = scene(voices.partials("speech", speaker, index), rng, sings)
            if drawn is not None and (drawn[2] > 0).mean() > 0.2:
                yield drawn


def rows_of(drawn: Sequence[tuple[Audio, Floats, Floats, Floats]]) -> dict[str, dict[str, Cell]]:
    """Tracker -> `COLUMNS`, in the mean of the scenes."""
    rows: dict[str, dict[str, Cell]] = {}
    for name, track in installed(TRACKERS).items():
        means = np.mean([scored(*track(audio, SAMPLE_RATE), *truth) for audio, *truth in drawn], axis=0)
        rows[name] = dict(zip(COLUMNS, means.tolist(), strict=True))
    return rows


def main() -> None:
    """A table for speech, and one for the same voices singing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription.spoken", description=__doc__)
    parser.add_argument("--sources", type=Path, help="folder that benchmarks.sharpness.sung_sources filled")
    parser.add_argument("--cache", type=Path, default=Path("build/voices"), help="of what is measured of them")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for transcription.spoken.json")
    options = parser.parse_args()
    voices: Voices = Sources(options.sources, options.cache, "test") if options.sources else Bundled()
    with Results("transcription.spoken", options.out) as results:
        for name, sings in (("spoken", False), ("sung", True)):
            results.tables[name] = Table(rows_of(list(scenes(voices, sings))), ".3f", name)


if __name__ == "__main__":
    main()
