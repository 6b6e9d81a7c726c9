"""Notes that sounds without any are given, by how sure the readout must be: `pitch.believed`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.lines import Floats
from sharpear.pitch import Transcriber, notes_of
from sharpear.pitch.voice_curves import VoiceCurves

SECONDS = 10.0
RATES_HZ = (16000, 44100)
SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""Colour -> amplitude falls with the frequency to this power."""
BELIEVED = (0.0, 0.1, 0.22, 0.5)
"""The first is no test at all."""


def colored(slope: float, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Noise that begins at once."""
    spectrum = np.fft.rfft(rng.standard_normal(round(SECONDS * rate_hz)))
    spectrum[1:] /= np.arange(1, spectrum.size) ** slope
    spectrum[0] = 0
    return np.fft.irfft(spectrum)


def _struck(per_s: float, low_hz: float, decay_s: float, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Strokes at random times: bursts of noise above a frequency, which die away."""
    strokes = (rng.random(round(SECONDS * rate_hz)) < per_s / rate_hz) * rng.exponential(size=round(SECONDS * rate_hz))
    burst = rng.standard_normal(round(8 * decay_s * rate_hz))
    burst = np.diff(burst, prepend=0) if low_hz > 0 else burst
    return fftconvolve(strokes, burst * np.exp(-np.arange(burst.size) / decay_s / rate_hz))[: strokes.size]


def applause(rate_hz: int, rng: np.random.Generator) -> Floats:
    """Two hundred claps a second of a few milliseconds."""
    return _struck(200, 0, 0.006, rate_hz, rng)


def rain(rate_hz: int, rng: np.random.Generator) -> Floats:
    """Three thousand drops a second of a millisecond."""
    return _struck(3000, 1, 0.001, rate_hz, rng)


def breath(rate_hz: int, rng: np.random.Generator) -> Floats:
    """Pink noise that comes and goes every four seconds."""
    swell = np.sin(np.pi * np.arange(round(SECONDS * rate_hz)) / rate_hz / 2) ** 2
    return colored(0.5, rate_hz, rng) * swell


SOUNDS: dict[str, Callable[[int, np.random.Generator], Floats]] = {
    **{name: partial(colored, slope) for name, slope in SLOPES.items()},
    "applause": applause,
    "rain": rain,
    "breath": breath,
}  # fmt: skip


def noise(name: str, rate_hz: int, seed: int) -> Audio:
    """A sound of -20 dBFS."""
    sound = SOUNDS[name](rate_hz, np.random.default_rng([seed, rate_hz, list(SOUNDS).index(name)]))
    return (0.1 * sound / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def notes_at(audio: Audio, rate_hz: float) -> list[int]:
    """Notes for each of `BELIEVED`."""
    transcriber = Transcriber(rate_hz)
    curves = VoiceCurves(transcriber.layer)
    curves.add(transcriber.process(audio[:, None]))
    curves.add(transcriber.flush())
    found = []
    for believed in BELIEVED:
        transcriber.layer.config = transcriber.layer.config.model_copy(update={"believed": believed})
        found.append(len(notes_of(curves.voices(), curves.begins)))
    return found


def on_noise(seeds: Sequence[int]) -> dict[str, dict[str, float]]:
    """Sound and rate -> notes in ten seconds at every threshold, the mean over the seeds."""
    table = {}
    for rate_hz in RATES_HZ:
        for name in SOUNDS:
            counts = np.mean([notes_at(noise(name, rate_hz, seed), rate_hz) for seed in seeds], axis=0)
            table[f"{name}, {rate_hz / 1000:g} kHz"] = _by_threshold(counts)
    return table


def _by_threshold(counts: Iterable[float]) -> dict[str, float]:
    return {f"believed {least:g}": float(count) for least, count in zip(BELIEVED, counts, strict=True)}


def on_drums(folder: Path) -> dict[str, dict[str, float]]:
    """The same of every stem of drums in a folder of recordings."""
    found = {}
    for path in sorted(folder.glob("*/stem_drums.*")):
        audio, rate_hz = importlib.import_module("soundfile").read(path, dtype="float32", always_2d=True)
        found[f"drums of {path.parent.name}"] = _by_threshold(notes_at(audio.mean(axis=1), rate_hz))
    return found
