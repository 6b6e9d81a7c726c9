"""Two harmonic tones whose partials coincide: who is heard, and how the shared partials are divided."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import Floats

SAMPLE_RATE = 44100
DURATION_S = 1.0
PARTIALS = 12
INTERVALS = {
    "third": (5, 4), "fourth": (4, 3), "fifth": (3, 2), "octave": (2, 1), "twelfth": (3, 1), "double octave": (4, 1),
}  # fmt: skip
"""Name -> ratio of the two fundamentals: numerator and denominator are the harmonics that coincide first."""
COINCIDENT_CENTS = 20.0


@dataclass(frozen=True)
class Pair:
    """Audio, its two fundamentals in Hz, and the amplitudes (2, partials) of their harmonics."""

    audio: Audio
    f0_hz: tuple[float, float]
    amplitude: Floats


def draw(interval: str, seed: int) -> Pair:
    """A pair of an interval: levels within ±6 dB, spectra h^-0.5 to h^-1.5 give or take 4 dB, phases at random."""
    rng = np.random.default_rng([seed, list(INTERVALS).index(interval)])
    upper, lower = INTERVALS[interval]
    low = 110 * 2 ** rng.uniform(0, 1.5)
    f0 = (low, low * upper / lower)
    t, h = np.arange(int(DURATION_S * SAMPLE_RATE)) / SAMPLE_RATE, np.arange(1, PARTIALS + 1)
    level_db = rng.uniform(-6, 6, (2, 1)) + rng.uniform(-4, 4, (2, PARTIALS))
    amplitude = 0.1 * h ** -rng.uniform(0.5, 1.5, (2, 1)) * 10 ** (level_db / 20)
    phase = rng.uniform(0, 2 * np.pi, amplitude.shape)
    audio = sum(
        (amplitude[v, :, None] * np.cos(2 * np.pi * f0[v] * h[:, None] * t + phase[v, :, None])).sum(axis=0)
        for v in (0, 1)
    )
    noise = rng.standard_normal(t.size) * np.sqrt(np.mean(np.square(audio))) * 1e-2
    return Pair((audio + noise).astype(np.float32), f0, amplitude)


@dataclass(frozen=True)
class Score:
    """F1 of the pitches, and the mean error of a voice's share of the partials that both tones hold."""

    f1: float
    share_error: float


def scores(pair: Pair, settings: list[dict[str, float]]) -> list[Score]:
    """Both measures over the middle of a pair, for pitch layers with each of `settings`; the last is an even split."""
    sharpear, pitch = importlib.import_module("sharpear"), importlib.import_module("sharpear.pitch")
    config = importlib.import_module("sharpear.config").PitchConfig
    sharpener = sharpear.Sharpener(SAMPLE_RATE)
    sharpened = sharpener.process(pair.audio[:, None])
    found = []
    for setting in settings:
        layer = pitch.PitchLayer.over(sharpener, config(**setting))
        frames = layer.process(sharpened)
        frames = frames[len(frames) // 4 : 3 * len(frames) // 4 : 8]
        found.append(_score(pair, frames, layer.shares(frames)[:, 0]))
    even = np.full((len(frames), 2, frames.amplitude.shape[2]), 0.5)
    perfect = replace(frames, f0=np.broadcast_to(np.array(pair.f0_hz), (len(frames), 1, 2)))
    return [*found, _score(pair, perfect, even)]


def _score(pair: Pair, frames: Any, share: Floats) -> Score:
    hits = heard = 0
    errors: list[float] = []
    for n in range(len(frames)):
        f0 = frames.f0[n, 0]
        own: list[Floats | None] = []
        for hz in pair.f0_hz:
            octaves = np.abs(np.log2(np.maximum(f0, 1) / hz))
            own.append(share[n, octaves.argmin()] if octaves.min() < 0.5 / 12 else None)
        hits, heard = hits + sum(part is not None for part in own), heard + int((f0 > 0).sum())
        errors += _share_errors(pair, frames.amplitude[n, 0], frames.instantaneous_frequency[n, 0], own)
    return Score(2 * hits / (heard + 2 * len(frames)), float(np.mean(errors)))


def _share_errors(pair: Pair, amplitude: Floats, frequency: Floats, own: list[Floats | None]) -> list[float]:
    """Of every coinciding partial, for both voices: the distance of the share from the share of the amplitudes."""
    ratio = pair.f0_hz[1] / pair.f0_hz[0]
    errors = []
    for k in range(1, PARTIALS + 1):
        h = round(k * ratio)
        if h > PARTIALS or abs(k * ratio / h - 1) > 1e-6:
            continue
        cents = 1200 * np.log2(np.maximum(frequency, 1) / (k * pair.f0_hz[1]))
        near = (amplitude > 0) & (np.abs(cents) < COINCIDENT_CENTS)
        if near.any():
            i = int(np.where(near, amplitude, 0).argmax())
            true = pair.amplitude[[0, 1], [h - 1, k - 1]] / (pair.amplitude[0, h - 1] + pair.amplitude[1, k - 1])
            errors += [abs((0.0 if part is None else float(part[i])) - t) for part, t in zip(own, true, strict=True)]
    return errors
