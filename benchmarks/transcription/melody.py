"""One singer: how much of what is sung is found, clean and in noise, beside pitch trackers for one voice."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.recordings import LAGS_S
from benchmarks.transcription.peers import installed, melodia, swift_f0

SNR_DB = (np.inf, 10.0)
WITHIN = 50.0
"""Cents from the truth."""
PRAAT_HZ = (65.0, 800.0)

Tracker = Callable[[Audio, float], tuple[Floats, Floats]]
"""Times, s, and pitches (times, voices), Hz, NaN or 0 where there is none."""


def ours(audio: Audio, sample_rate: float) -> tuple[Floats, Floats]:
    """Every voice that `transcribe` tells, its curve continued as in f0.csv."""
    voices = importlib.import_module("sharpear.pitch").transcribe(audio, sample_rate).voices
    return voices.times, voices.continued()


def praat(audio: Audio, sample_rate: float, range_hz: tuple[float, float] = PRAAT_HZ) -> tuple[Floats, Floats]:
    """Praat's autocorrelation, over the range of singers unless another is given."""
    parselmouth = importlib.import_module("parselmouth")
    pitch = parselmouth.Sound(audio.astype(float), sample_rate).to_pitch_ac(None, *_around(range_hz))
    return pitch.xs(), pitch.selected_array["frequency"][:, None]


def _around(range_hz: tuple[float, float]) -> tuple[float, int, bool, float, float, float, float, float, float]:
    """Praat's arguments after the time step: all but the range are its own defaults."""
    return range_hz[0], 15, False, 0.03, 0.45, 0.01, 0.35, 0.14, range_hz[1]


TRACKERS: dict[str, Tracker] = {"transcribe": ours, "praat": praat, "essentia, Melodia": melodia, "SwiftF0": swift_f0}


def found(times_s: Floats, hz: Floats, truth: Floats) -> float:
    """Share of the truth's voiced rows (time s, Hz) with a pitch within 50 cents, at the best constant lag."""
    voiced, best = truth[truth[:, 1] > 0], 0.0
    for lag in LAGS_S:
        rows = np.clip(np.searchsorted(times_s, voiced[:, 0] + lag), 1, len(times_s) - 1)
        rows -= voiced[:, 0] + lag - times_s[rows - 1] < times_s[rows] - voiced[:, 0] - lag
        with np.errstate(divide="ignore"):
            cents = 1200 * np.abs(np.log2(np.nan_to_num(hz[rows]) / voiced[:, 1:]))
        best = max(best, float((cents.min(axis=1) <= WITHIN).mean()))
    return best


def on_melodies(folder: Path) -> dict[str, dict[str, float]]:
    """Tracker -> raw pitch accuracy on each recording with one curve, clean and in white noise."""
    table: dict[str, dict[str, float]] = {}
    trackers = installed(TRACKERS)
    for path in sorted(folder.glob("*/f0.csv")):
        audio, rate = importlib.import_module("soundfile").read(
            path.parent / "mix.wav", dtype="float32", always_2d=True
        )
        audio, truth = audio.mean(axis=1), np.nan_to_num(np.loadtxt(path, delimiter=",", skiprows=1))
        white = np.random.default_rng(0).standard_normal(audio.size) * np.sqrt(np.mean(np.square(audio)))
        for snr_db in SNR_DB:
            heard = (audio + white * 10 ** (-snr_db / 20)).astype(np.float32)
            for name, track in trackers.items():
                column = (
                    f"{path.parent.name.partition('_')[0]}, {f'SNR {snr_db:g} dB' if np.isfinite(snr_db) else 'clean'}"
                )
                table.setdefault(name, {})[column] = found(*track(heard, rate), truth)
    return table
