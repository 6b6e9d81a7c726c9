"""Finite windows, evidence of pairs and noise floor, against direct convolution and signals whose lines are known."""

from dataclasses import replace

import numpy as np
import pytest
from presets import FLOOR, LINES

from sharpear.dsp import (
    Filterbank,
    FiniteWindow,
    GammatoneDesign,
    LineFinder,
    NoiseFloor,
    SubbandFrames,
    WindowDesign,
)
from sharpear.sharpening.belief_code import line_rule

RATE, HOP = 8000.0, 20
CENTER_HZ = np.linspace(300.0, 900.0, 25)
LENGTH_HOPS = np.linspace(24, 12, CENTER_HZ.size).astype(np.int64)


@pytest.fixture(scope="module")
def design() -> WindowDesign:
    bandwidth_hz = 2.5 * RATE / (LENGTH_HOPS * HOP) / (2 * np.pi)
    return WindowDesign.over(GammatoneDesign(RATE, CENTER_HZ, bandwidth_hz, order=5), LENGTH_HOPS, HOP)


def windowed(design: WindowDesign, audio: np.ndarray) -> SubbandFrames:
    bank = Filterbank(design.bank, HOP)
    return FiniteWindow(design).process(bank.process(np.asarray(audio, np.float32)[:, None]))


def cosine(frequency_hz: float, samples: int = 8000) -> np.ndarray:
    return np.cos(2 * np.pi * frequency_hz / RATE * np.arange(samples))


def test_a_window_is_the_direct_convolution_with_its_finite_impulse_response(design: WindowDesign) -> None:
    audio = np.random.default_rng(0).standard_normal(3000)
    frames = windowed(design, audio)
    for k in (0, 12, 24):
        N = int(LENGTH_HOPS[k]) * HOP
        n = np.arange(N)
        envelope = (n / N) ** 2 * (1 - n / N) ** 2 * design.bank.damping[k] ** n
        response = 2 * envelope / envelope.sum() * np.exp(2j * np.pi * CENTER_HZ[k] * n / RATE)
        direct = np.convolve(audio, response)[HOP - 1 : len(audio) : HOP]
        np.testing.assert_allclose(frames.subband[:, 0, k], direct, atol=2e-4 * np.abs(direct).max())


def test_a_window_has_forgotten_a_tone_after_its_length(design: WindowDesign) -> None:
    audio = np.concatenate([cosine(600.0, 4000), np.zeros(4000)])
    power = windowed(design, audio).power[:, 0]
    for k, hops in enumerate(LENGTH_HOPS):
        assert power[4000 // HOP + hops :, k].max() < 1e-7


def test_response_frequency_and_delay_are_those_of_a_tone(design: WindowDesign) -> None:
    frames = windowed(design, cosine(611.0))
    expected = np.abs(design.response(np.array([611.0]))[0])
    np.testing.assert_allclose(np.abs(frames.subband[-1, 0]), expected, atol=2e-3)
    strong = expected > 0.1
    np.testing.assert_allclose(frames.instantaneous_hz[-1, 0, strong], 611.0, atol=0.05)
    # b T = 2.5 moves the centre of u²(1−u)² from one half to 0.40 of the length.
    np.testing.assert_allclose(design.centroid_samples, 0.3995 * LENGTH_HOPS * HOP, rtol=0.02)


def test_the_frequency_of_a_chirp_is_that_at_the_windows_centre(design: WindowDesign) -> None:
    seconds = np.arange(8000) / RATE
    frames = windowed(design, np.cos(2 * np.pi * (400 * seconds + 200 * seconds**2)))
    k = 12
    n = np.arange(100, 380)
    true_hz = 400 + 400 * ((n + 1) * HOP - design.centroid_samples[k]) / RATE
    near = np.abs(true_hz - CENTER_HZ[k]) < 10
    assert near.any()
    np.testing.assert_allclose(frames.instantaneous_hz[n, 0, k][near], true_hz[near], atol=1.0)


def test_an_order_other_than_five_and_lengths_below_a_hop_are_refused(design: WindowDesign) -> None:
    four = GammatoneDesign(RATE, CENTER_HZ, np.full(25, 20.0), order=4)
    with pytest.raises(ValueError, match="order 5, received 4"):
        WindowDesign.over(four, LENGTH_HOPS, HOP)
    with pytest.raises(ValueError, match="at least 1 hop"):
        WindowDesign.over(design.bank, LENGTH_HOPS * 0, HOP)


def two_exponentials(first_hz: np.ndarray, second_hz: np.ndarray, amplitudes: tuple[float, float]) -> SubbandFrames:
    """One channel at 600 Hz that hears two lines whose frequencies are given frame by frame."""
    step_s = HOP / RATE
    phase = [2 * np.pi * np.cumsum(hz) * step_s for hz in (first_hz, second_hz)]
    z = sum(A * np.exp(1j * p) for A, p in zip(amplitudes, phase, strict=True)).astype(np.complex64)
    return SubbandFrames(
        z[:, None, None, None], np.abs(z[:, None, None]) ** 2, np.full((z.size, 1, 1), 600.0, np.float32)
    )


def finder() -> LineFinder:
    rule = replace(line_rule(LINES, HOP / RATE), neighbors=0)
    return LineFinder(np.array([600.0]), np.array([100.0]), HOP / RATE, rule)


@pytest.mark.parametrize("amplitudes", [(0.5, 0.5), (0.5, 0.15)])
def test_two_steady_lines_are_told_apart_exactly(amplitudes: tuple[float, float]) -> None:
    steady = np.ones(400)
    lines = finder().process(two_exponentials(595 * steady, 607 * steady, amplitudes))
    order = np.argsort(lines.frequency_hz[-1, 0, 1:, 0])
    np.testing.assert_allclose(
        lines.frequency_hz[-1, 0, 1:, 0][order], [595, 607], atol=0.1
    )  # the -50 dB ridge draws them together
    np.testing.assert_allclose(lines.energy[-1, 0, 1:, 0][order], np.square(amplitudes), rtol=0.05)
    assert lines.trust[100:].min() > 0.85


def test_a_moving_line_a_decay_and_noise_are_not_trusted_as_pairs() -> None:
    steady, t = np.ones(400), np.arange(400) * HOP / RATE
    chirp = two_exponentials(550 + 100 * t, 600 * steady, (1.0, 0.0))
    assert finder().process(chirp).trust[100:].mean() < 0.1
    decay = two_exponentials(600 * steady, 600 * steady, (1.0, 0.0))
    decay.stages[...] *= np.exp(-t * 20)[:, None, None, None]
    assert finder().process(decay).trust[100:].mean() < 0.2
    rng = np.random.default_rng(0)
    noise = two_exponentials(600 * steady, 600 * steady, (1.0, 0.0))
    noise.stages[...] = (rng.standard_normal((400, 1, 1, 1, 2)) @ [1, 1j]).astype(np.complex64)
    assert finder().process(noise).trust[100:].mean() < 0.2


def test_the_noise_floor_is_that_between_the_lines() -> None:
    rng = np.random.default_rng(3)
    power = rng.exponential(0.02, (2000, 1, 120)).astype(np.float32)
    power[:, :, 30:120:30] += 50.0
    assert NoiseFloor(120, 0.003, **FLOOR).process(power)[-200:].mean() == pytest.approx(0.02, rel=0.2)


def test_the_noise_floor_scales_with_its_input_and_is_bounded_by_the_lines() -> None:
    rng = np.random.default_rng(4)
    power = rng.exponential(1.0, (100, 1, 60)).astype(np.float32)
    np.testing.assert_allclose(
        NoiseFloor(60, 0.003, **FLOOR).process(power / 1024),
        NoiseFloor(60, 0.003, **FLOOR).process(power) / 1024,
        rtol=1e-6,
    )
    dense = np.ones((100, 1, 60), np.float32)
    np.testing.assert_allclose(NoiseFloor(60, 0.003, **FLOOR).process(dense)[-1], FLOOR["largest"], rtol=1e-5)
