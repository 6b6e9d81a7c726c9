"""Pitches below the range: told of where they sound, and nowhere else."""

import numpy as np
import pytest

from sharpear.pitch.below import LowPitches

RATE = 16000
T = np.arange(2 * RATE) / RATE


def harmonic(hz: float, slope: float = 1.0, stiffness: float = 0.0) -> np.ndarray:
    h = np.arange(1.0, 24.0)[:, None]
    phase = np.random.default_rng(1).uniform(0, 2 * np.pi, h.shape)
    partials = 0.1 * h**-slope * np.cos(2 * np.pi * hz * h * np.sqrt(1 + stiffness * h * h) * T + phase)
    return partials.sum(axis=0)


def found(audio: np.ndarray, block: int = 5000, low_hz: float = 27.5) -> LowPitches:
    low = LowPitches(RATE, low_hz)
    for n in range(0, len(audio), block):
        low.process(audio[n : n + block])
    return low


@pytest.mark.parametrize("hz", [16.4, 19.4, 23.1, 26.0])
@pytest.mark.parametrize(("slope", "stiffness"), [(1.0, 0.0), (0.3, 0.0), (1.0, 1e-4), (1.0, 3e-4)])
def test_a_low_string_is_told_of(hz, slope, stiffness):
    low = found(harmonic(hz, slope, stiffness))
    assert low.seconds == pytest.approx(1.5, abs=0.2)
    assert low.lowest_hz == pytest.approx(hz, rel=0.02)


def test_it_is_told_of_without_its_fundamental_and_beside_a_melody():
    missing = harmonic(20.6) - 0.1 * np.cos(2 * np.pi * 20.6 * T)
    assert found(missing + 0.5 * harmonic(330.0)).seconds > 1.0


@pytest.mark.parametrize(
    "chord",
    [
        (27.5,),
        (55.0,),
        (65.4, 98.1),
        (110.0, 137.5, 165.0),
        (110.0, 137.5, 165.0, 192.5),
        (82.4, 123.6, 164.8, 206.0, 247.2),
    ],
)
def test_chords_whose_partials_are_those_of_a_lower_pitch_are_none(chord):
    assert not found(sum(harmonic(hz, 0.5) for hz in chord)).seconds


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_noise_hum_and_beats_of_a_drum_are_none(slope):
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(T.size))
    spectrum[1:] /= np.arange(1, spectrum.size) ** slope
    assert not found(np.fft.irfft(spectrum)).seconds
    clicks = np.zeros(T.size)
    clicks[:: RATE // 8] = 1
    hum = 0.1 * np.cos(2 * np.pi * 50 * T)
    assert not found(clicks).seconds
    assert not found(hum + harmonic(220.0)).seconds


def test_blocks_change_nothing_and_a_range_that_reaches_down_leaves_nothing_out():
    sound = harmonic(18.4)
    pieces, whole = found(sound, 333), found(sound, T.size)
    assert (pieces.seconds, pieces.lowest_hz) == (whole.seconds, whole.lowest_hz)
    assert not found(sound, low_hz=16.0).seconds
    assert not found(np.full(T.size, np.nan)).seconds
