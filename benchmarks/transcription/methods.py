"""Ways from audio to the pitches of each frame: ours, ours without feedback, and peers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.gammatone import hop_of
from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.ours import sharpened
from benchmarks.sharpness.peers import reassigned
from benchmarks.sharpness.pitch import multi_pitch
from benchmarks.sharpness.recordings import HOP_S
from benchmarks.transcription.heard import HIGHEST_HZ, LOWEST_HZ, Heard
from benchmarks.transcription.peers import basic_pitch, klapuri
from sharpear.sinks.music import hertz

PER_OCTAVE = 36
HARMONICS = 10
NMF_ROUNDS = 60


Method = Callable[[Audio, float], Heard]


def transcribed(audio: Audio, sample_rate: float, overrides: dict[str, Any]) -> Heard:
    """`sharpear.pitch.transcribe`."""
    result = importlib.import_module("sharpear.pitch").transcribe(audio, sample_rate, overrides=overrides)
    notes = [(n.onset_s, n.offset_s, hertz(n.midi, n.cents)) for n in result.notes]
    f0 = [row[row > 0].astype(float) for row in result.voices.f0]
    return Heard(result.voices.times, f0, np.array(notes).reshape(-1, 3))


def harmonic_sum(audio: Audio, sample_rate: float, frames: Callable[[Audio, float], Any]) -> Heard:
    """The plain picker of the sharpness benchmark, on the frames of any method."""
    estimate = frames(audio, sample_rate)
    hop = float(np.median(np.diff(estimate.times_s)))
    estimate = estimate.within(np.arange(len(estimate.times_s)) % max(1, round(HOP_S / 2 / hop)) == 0)
    return Heard(estimate.times_s, multi_pitch(estimate.frequencies_hz, estimate.energy))


def _constant_q(audio: Audio, sample_rate: float) -> tuple[Floats, Floats, Floats]:
    """Times, frequencies and magnitudes (frames, bins) of librosa's constant-Q transform over all harmonics."""
    librosa = importlib.import_module("librosa")
    top = min(HIGHEST_HZ * HARMONICS, 0.45 * sample_rate)
    bins = int(PER_OCTAVE * np.log2(top / LOWEST_HZ))
    hop = 4 * hop_of(sample_rate)
    magnitude = np.abs(
        librosa.cqt(
            np.asarray(audio, np.float32), sr=sample_rate, hop_length=hop, fmin=LOWEST_HZ, n_bins=bins,
            bins_per_octave=PER_OCTAVE,
        )
    ).T  # fmt: skip
    times = np.arange(len(magnitude)) * hop / sample_rate
    return times, LOWEST_HZ * 2 ** (np.arange(bins) / PER_OCTAVE), magnitude.astype(float)


def _peaks(times: Floats, frequencies: Floats, activity: Floats, share: float) -> Heard:
    """Local maxima over frequency that reach a share of the loud frames' largest."""
    loud = np.quantile(activity.max(axis=1), 0.95)
    padded = np.pad(activity, ((0, 0), (1, 1)))
    peak = (activity > share * loud) & (activity >= padded[:, :-2]) & (activity > padded[:, 2:])
    candidates = frequencies < HIGHEST_HZ
    return Heard(times, [frequencies[row & candidates] for row in peak])


def cqt_peaks(audio: Audio, sample_rate: float) -> Heard:
    """Peaks of the constant-Q magnitude, 14 dB below the loud frames' largest or higher."""
    return _peaks(*_constant_q(audio, sample_rate), share=0.2)


def template_nmf(audio: Audio, sample_rate: float) -> Heard:
    """Non-negative decomposition over fixed harmonic templates 1/h, least Kullback-Leibler divergence; its peaks."""
    times, frequencies, magnitude = _constant_q(audio, sample_rate)
    bins = np.arange(frequencies.size)
    pitches = bins[frequencies < HIGHEST_HZ]
    harmonics = np.arange(1, HARMONICS + 1)
    middle = pitches[:, None] + PER_OCTAVE * np.log2(harmonics)
    W = sum(np.exp(-0.5 * (bins[:, None] - middle[:, h - 1]) ** 2) / h for h in harmonics)
    H = np.full((pitches.size, len(times)), magnitude.mean())
    for _ in range(NMF_ROUNDS):
        H *= W.T @ (magnitude.T / (W @ H + 1e-9)) / W.sum(axis=0)[:, None]
    return _peaks(times, frequencies[: pitches.size], H.T, share=0.12)


METHODS: dict[str, Method] = {
    "transcribe": partial(transcribed, overrides={}),
    "transcribe, no feedback": partial(
        transcribed, overrides={"pitch.feedback": 0.0, "pitch.onset": 0.4, "pitch.believed": 0.0}
    ),
    "harmonic sum, sharpened": partial(harmonic_sum, frames=partial(sharpened, preset="music")),
    "harmonic sum, reassigned-4096": partial(harmonic_sum, frames=partial(reassigned, n_fft=4096)),
    "CQT peaks": cqt_peaks,
    "template NMF": template_nmf,
    "basic-pitch": basic_pitch,
    "essentia, Klapuri": klapuri,
}
"""Every method by name. Thresholds, the one without feedback included, are those that do best over the recordings;
basic-pitch and essentia keep their own."""
