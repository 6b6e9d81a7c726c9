"""The output scales with its input, from full scale down to -120 dBFS."""

from functools import lru_cache

import numpy as np
import pytest

import sharpear
from sharpear import Spectrogram
from sharpear.config import load_config, preset_names

RATE = 16000
LEVELS = [2.0**-10, 2.0**-17, 2.0**-20]
"""-60, -102 and -120 dB. Powers of two are scaled without rounding, so that no near-tie is decided otherwise."""


def piece() -> np.ndarray:
    """Two singing voices one after the other and together, of eleven partials each, and noise at -30 dB; peak 1."""
    t = np.arange(round(0.7 * RATE)) / RATE
    sound = 10 ** (-30 / 20) * np.random.default_rng(0).standard_normal(t.size)
    for f0, begin_s, end_s in ((220.0, 0.0, 0.5), (331.0, 0.2, 0.7)):
        course = 2 * np.pi * np.cumsum(f0 * (1 + 0.004 * np.sin(2 * np.pi * 5.5 * t))) / RATE
        swell = np.clip((t - begin_s) / 0.01, 0, 1) * np.clip((end_s - t) / 0.03, 0, 1)
        sound += swell * sum(np.cos(h * course + h) / h**1.2 for h in range(1, 12))
    return (sound / np.abs(sound).max()).astype(np.float32)


@lru_cache
def sharpened(preset: str, level: float) -> Spectrogram:
    return sharpear.sharpen(np.float32(level) * piece(), RATE, preset)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("preset", preset_names())
def test_frames_scale(preset, level):
    loud, quiet = sharpened(preset, 1.0), sharpened(preset, level)
    if load_config(preset).network.mode == "beliefs":  # which knows levels, a little: near-ties are decided otherwise
        lost = np.square(quiet.amplitude / level - loud.amplitude, dtype=np.float64).sum(axis=-1)
        energy = np.square(loud.amplitude, dtype=np.float64).sum(axis=-1)
        assert (lost > 1e-3 * energy.max()).mean() < 0.02
        assert lost.sum() < 0.01 * energy.sum()
        assert np.abs(quiet.plain_amplitude / level - loud.plain_amplitude).max() < 1e-3 * loud.plain_amplitude.max()
        return
    assert np.abs(quiet.amplitude / level - loud.amplitude).max() < 1e-3 * loud.amplitude.max()
    assert np.abs(quiet.plain_amplitude / level - loud.plain_amplitude).max() < 1e-3 * loud.plain_amplitude.max()
    heard = loud.amplitude > 1e-3 * loud.amplitude.max()
    assert np.allclose(quiet.instantaneous_frequency[heard], loud.instantaneous_frequency[heard], rtol=1e-4)


@pytest.mark.parametrize("preset", preset_names())
def test_energy_scales_at_any_level(preset):
    """Where rounding decides a near-tie otherwise, one line is another atom's for a frame; its energy stays."""
    loud = sharpened(preset, 1.0)
    for level in (0.1, 1e-3, 1e-6):
        quiet = sharpened(preset, level)
        energy, expected = (np.square(frames.amplitude, dtype=np.float64).sum() for frames in (quiet, loud))
        assert energy / level**2 == pytest.approx(expected, rel=1e-3)
