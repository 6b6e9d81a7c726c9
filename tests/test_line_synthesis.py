"""Lines back into sound."""

import numpy as np
import pytest

import sharpear
from sharpear.dsp import LineSynthesizer

RATE = 16000.0
HOP = 64


def frames_of(*hz: float, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    frequency = np.tile(np.array(hz, np.float32), (count, 1, 1))
    return np.full_like(frequency, 0.3), frequency


def test_known_phases_are_kept() -> None:
    amplitude, hz = frames_of(440.0, 1234.5)
    time = np.arange(len(hz)) * HOP / RATE
    phase = (2 * np.pi * hz * time[:, None, None] + [0.4, -1.0]).astype(np.float32)
    sound = LineSynthesizer(2, HOP, RATE).process(amplitude, hz, phase)[HOP:, 0]
    t = np.arange(sound.size) / RATE
    expected = 0.3 * (np.cos(2 * np.pi * 440 * t + 0.4) + np.cos(2 * np.pi * 1234.5 * t - 1.0))
    np.testing.assert_allclose(sound, expected, atol=1e-3)


def test_unknown_phases_go_on_while_a_line_glides_from_atom_to_atom() -> None:
    """A chirp that changes its atom: its level neither dips nor clicks."""
    count, atoms = 100, 12
    hz = 500.0 * 2 ** (np.linspace(0, 1, count))
    place = np.linspace(0, atoms - 1, count).round().astype(int)
    amplitude, frequency = np.zeros((2, count, 1, atoms), np.float32)
    amplitude[np.arange(count), 0, place] = 0.5
    frequency[np.arange(count), 0, place] = hz
    sound = LineSynthesizer(atoms, HOP, RATE).process(amplitude, frequency, np.full_like(frequency, np.nan))
    settled = sound[2 * HOP :, 0]
    power = np.convolve(settled**2, np.ones(2 * HOP) / (2 * HOP), "valid")
    assert power == pytest.approx(0.125, rel=0.15)
    assert np.abs(np.diff(settled)).max() < 0.5 * 2 * np.pi * 1000 / RATE * 1.05


def test_sharpened_tones_come_back() -> None:
    t = np.arange(round(RATE)) / RATE
    tones = 0.3 * np.cos(2 * np.pi * 440 * t + 1) + 0.2 * np.cos(2 * np.pi * 1100 * t)
    sharpener = sharpear.Sharpener(RATE, "music", phases=True)
    frames = sharpener.process(tones)
    synthesizer = LineSynthesizer(frames.amplitude.shape[-1], sharpener.hop, RATE)
    parts = (frames.amplitude, frames.instantaneous_frequency, frames.phase)
    sound = synthesizer.process(*(part[:, None] if part.ndim == 2 else part for part in parts))
    sound = sound[synthesizer.latency_samples :, 0]
    middle = slice(round(RATE / 4), round(0.8 * RATE))
    error = sound[middle] - tones[middle]
    assert 10 * np.log10(np.square(tones[middle]).mean() / np.square(error).mean()) > 20


def test_other_shapes_are_refused() -> None:
    amplitude, hz = frames_of(440.0)
    with pytest.raises(ValueError, match="received"):
        LineSynthesizer(2, HOP, RATE).process(amplitude, hz, hz)
    with pytest.raises(ValueError, match="above 0"):
        LineSynthesizer(0, HOP, RATE)
