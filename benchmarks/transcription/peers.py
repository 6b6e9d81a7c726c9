"""Other programs, compared where they are installed: basic-pitch, essentia, SwiftF0.

The extra bench brings SwiftF0 and, where it has wheels, essentia. basic-pitch asks for a TensorFlow that recent Pythons
lack, but its network runs by the onnxruntime that SwiftF0 brings:
``pip install --no-deps basic-pitch==0.4.0 pretty_midi resampy==0.4.3 mido importlib_resources``.
"""

from __future__ import annotations

import importlib
import logging
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.heard import HIGHEST_HZ, LOWEST_HZ, Heard

ESSENTIA_RATE = 44100
KLAPURI_HOP, MELODIA_HOP = 512, 128
SWIFT_RATE = 16000
NOTE_FRAME_S = 256 / 22050
"""Time between the frames of basic-pitch."""
THIRDS = 3.0
"""Bends of basic-pitch are told in thirds of a semitone."""

PACKAGES = {
    "basic-pitch": ("basic_pitch", "onnxruntime", "pretty_midi", "resampy"),
    "essentia, Klapuri": ("essentia",),
    "essentia, Melodia": ("essentia",),
    "SwiftF0": ("swift_f0",),
}
"""The packages that each peer needs; methods that are not named here need none beyond the extra bench."""

Method = TypeVar("Method")


def installed(methods: Mapping[str, Method]) -> dict[str, Method]:
    """Those methods whose package is there; each of the others is told of in one line."""
    found = {}
    for name, method in methods.items():
        missing = [package for package in PACKAGES.get(name, ()) if find_spec(package) is None]
        if missing:
            print(f"{name} is left out: {', '.join(missing)} not installed", file=sys.stderr)
        else:
            found[name] = method
    return found


def basic_pitch(audio: Audio, sample_rate: float) -> Heard:
    """basic-pitch's notes with their bends, by its own thresholds, through ONNX (Bittner et al. 2022)."""
    soundfile = importlib.import_module("soundfile")
    logging.disable(logging.WARNING)  # it warns of every other runtime that is missing
    try:
        inference = importlib.import_module("basic_pitch.inference")
    finally:
        logging.disable(logging.NOTSET)
    network = importlib.import_module("basic_pitch").ICASSP_2022_MODEL_PATH
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sound.wav")
        soundfile.write(path, audio, round(sample_rate))
        events = inference.predict(path, inference.Model(network))[2]
    return of_notes(events, len(audio) / sample_rate)


def of_notes(events: list[Any], seconds: float) -> Heard:
    """Frames and notes of events (onset s, offset s, MIDI key, level, bends in thirds of a semitone)."""
    times = np.arange(0.0, seconds, NOTE_FRAME_S)
    pitches: list[list[float]] = [[] for _ in times]
    notes = np.array([(e[0], e[1], hz_of(float(e[2]))) for e in events]).reshape(-1, 3)
    for onset_s, offset_s, key, _, bends in events:
        bent = np.asarray(bends or [0.0], float)
        for n in np.flatnonzero((times >= onset_s) & (times < offset_s)):
            at = min(int((times[n] - onset_s) / (offset_s - onset_s) * len(bent)), len(bent) - 1)
            pitches[n].append(hz_of(key + bent[at] / THIRDS))
    return Heard(times, [np.array(row) for row in pitches], notes[np.argsort(notes[:, 0])])


def hz_of(key: float) -> float:
    """Of a MIDI key."""
    return float(440 * 2 ** ((key - 69) / 12))


def klapuri(audio: Audio, sample_rate: float) -> Heard:
    """MultiPitchKlapuri of essentia, over the range of the other methods and its own settings beyond that."""
    standard = importlib.import_module("essentia.standard")
    pitches = standard.MultiPitchKlapuri(
        sampleRate=ESSENTIA_RATE, hopSize=KLAPURI_HOP, minFrequency=LOWEST_HZ, maxFrequency=HIGHEST_HZ
    )(resampled(audio, sample_rate))
    found = [np.asarray(row, float) for row in pitches]
    return Heard(np.arange(len(found)) * KLAPURI_HOP / ESSENTIA_RATE, [row[row > 0] for row in found])


def melodia(audio: Audio, sample_rate: float) -> tuple[Floats, Floats]:
    """PredominantPitchMelodia of essentia (Salamon and Gomez 2012), behind EqualLoudness: times, s, and Hz."""
    standard = importlib.import_module("essentia.standard")
    loud = standard.EqualLoudness(sampleRate=ESSENTIA_RATE)(resampled(audio, sample_rate))
    settings = {"sampleRate": ESSENTIA_RATE, "hopSize": MELODIA_HOP, "minFrequency": LOWEST_HZ}
    pitch = np.asarray(standard.PredominantPitchMelodia(**settings, maxFrequency=HIGHEST_HZ)(loud)[0], float)
    return np.arange(len(pitch)) * MELODIA_HOP / ESSENTIA_RATE, pitch[:, None]


def swift_f0(audio: Audio, sample_rate: float) -> tuple[Floats, Floats]:
    """SwiftF0's pitch of every frame, voiced or not: times, s, and Hz."""
    found = importlib.import_module("swift_f0").SwiftF0().detect(resampled(audio, sample_rate, SWIFT_RATE), SWIFT_RATE)
    return np.asarray(found.timestamps, float), np.asarray(found.pitch_hz, float)[:, None]


def resampled(audio: Audio, sample_rate: float, rate: int = ESSENTIA_RATE) -> Audio:
    """At the one rate that a peer knows."""
    if sample_rate == rate:
        return np.asarray(audio, np.float32)
    librosa = importlib.import_module("librosa")
    sound: Audio = librosa.resample(np.asarray(audio, np.float32), orig_sr=sample_rate, target_sr=rate)
    return sound
