"""Notes that noise alone is given, by how far a voice must rise above it: where `pitch.noise_margin_db` comes from."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import numpy as np

from benchmarks.sharpness.estimate import Audio

SECONDS = 10.0
RATES_HZ = (16000, 44100)
SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}
"""Colour -> amplitude falls with the frequency to this power."""
MARGINS_DB = (-100.0, 0.0, 1.5, 3.0, 4.5)
"""The first is no test at all."""
SETTLED_S = 0.4
"""What noise that sets in is given until its level is known is counted apart."""


def noise(colour: str, rate_hz: int, seed: int) -> Audio:
    """Noise of -20 dBFS that begins at once."""
    rng = np.random.default_rng([seed, rate_hz, list(SLOPES).index(colour)])
    spectrum = np.fft.rfft(rng.standard_normal(round(SECONDS * rate_hz)))
    spectrum[1:] /= np.arange(1, spectrum.size) ** SLOPES[colour]
    spectrum[0] = 0
    sound = np.fft.irfft(spectrum)
    return (0.1 * sound / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def notes_at(audio: Audio, rate_hz: int) -> list[tuple[int, int]]:
    """For each of `MARGINS_DB`: notes in the first moments, and later ones."""
    module = importlib.import_module("sharpear.pitch.transcriber")
    frames, found = None, []
    for margin_db in MARGINS_DB:
        transcriber = module.Transcriber(rate_hz, overrides={"pitch.noise_margin_db": margin_db})
        frames = frames or transcriber.sharpener.process(audio[:, None])
        curves = module.VoiceCurves(transcriber.layer)
        curves.add(transcriber.layer.process(frames))
        notes = module.notes_of(curves.voices())
        early = sum(note.onset_s < SETTLED_S for note in notes)
        found.append((early, len(notes) - early))
    return found


def on_noise(seeds: Sequence[int]) -> dict[str, list[str]]:
    """Colour and rate -> notes a minute at every margin, and in brackets those of each of its beginnings."""
    table = {}
    for rate_hz in RATES_HZ:
        for colour in SLOPES:
            counts = np.mean([notes_at(noise(colour, rate_hz, seed), rate_hz) for seed in seeds], axis=0)
            cells = [f"{later * 60 / (SECONDS - SETTLED_S):.1f} ({early:.1f})" for early, later in counts]
            table[f"{colour}, {rate_hz / 1000:g} kHz"] = cells
    return table
