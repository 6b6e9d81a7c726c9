"""Scales, bandwidths and what a design refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear.dsp import (
    Aligner,
    Filterbank,
    GammatoneDesign,
    SubbandFrames,
    erb_hz,
    erb_to_hz,
    hz_to_erb,
    space_frequencies,
)
from sharpear.dsp.scales import SCALE_CODE, scale_position, step_from_base

SAMPLE_RATE = 16000.0
SCALES = ["log", "erb", "linear"]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_bandwidth_is_the_integral_of_the_power_response(order: int) -> None:
    design = GammatoneDesign(192000.0, np.array([48000.0]), np.array([300.0]), order)
    frequency_hz = np.arange(0, 96000, 2.0)  # the whole circle is half of it twice, so wide is the tail of one pole
    integral_hz = (np.abs(design.response(frequency_hz)) ** 2).sum() * 2.0
    assert integral_hz == pytest.approx(300.0, rel=5e-3)


def test_bandwidth_units() -> None:
    def bandwidth_hz(**options: float | str) -> np.ndarray:
        return GammatoneDesign.from_scale(SAMPLE_RATE, low_hz=100, high_hz=4000, channels=9, **options).bandwidth_hz

    center_hz = space_frequencies(100, 4000, 9, "log")
    np.testing.assert_allclose(bandwidth_hz(bandwidth=0.5), 0.5 * erb_hz(center_hz))
    np.testing.assert_allclose(bandwidth_hz(bandwidth=8.0, bandwidth_unit="q"), center_hz / 8)
    np.testing.assert_allclose(bandwidth_hz(bandwidth=40.0, bandwidth_unit="hz"), 40.0)
    floored = bandwidth_hz(bandwidth=8.0, bandwidth_unit="q", min_bandwidth_hz=60.0)
    np.testing.assert_allclose(floored, np.maximum(center_hz / 8, 60.0))


frequencies = st.floats(1.0, 90000.0)


@given(frequencies)
def test_erb_scale_round_trip(frequency_hz: float) -> None:
    assert erb_to_hz(hz_to_erb(frequency_hz)) == pytest.approx(frequency_hz, rel=1e-9)


@given(frequencies, frequencies)
def test_wider_and_later_on_the_erb_scale_above(a: float, b: float) -> None:
    low, high = sorted((a, b))
    if high > low * (1 + 1e-9):
        assert hz_to_erb(low) < hz_to_erb(high)
        assert erb_hz(low) < erb_hz(high)


@given(low=st.floats(1.0, 1000.0), ratio=st.floats(1.01, 50.0), count=st.integers(2, 60), scale=st.sampled_from(SCALES))
@settings(deadline=None)
def test_spaced_frequencies(low: float, ratio: float, count: int, scale: str) -> None:
    frequency_hz = space_frequencies(low, low * ratio, count, scale)
    assert frequency_hz.shape == (count,)
    np.testing.assert_allclose(frequency_hz[[0, -1]], [low, low * ratio], rtol=1e-9)
    assert (np.diff(frequency_hz) > 0).all()
    position = np.array([scale_position(f, SCALE_CODE[scale]) for f in frequency_hz])
    np.testing.assert_allclose(np.diff(position), np.ptp(position) / (count - 1), rtol=1e-6)


@given(
    low=st.floats(20.0, 500.0), base=st.floats(500.0, 1500.0), high=st.floats(1500.0, 9000.0), per_erb=st.floats(0.5, 4)
)
def test_steps_from_a_base(low: float, base: float, high: float, per_erb: float) -> None:
    center_hz = step_from_base(low, high, base_hz=base, per_erb=per_erb)
    assert low * (1 - 1e-9) <= center_hz[0]
    assert center_hz[-1] <= high * (1 + 1e-9)
    assert np.abs(center_hz - base).min() < 1e-6
    np.testing.assert_allclose(np.diff(hz_to_erb(center_hz)), 1 / per_erb, rtol=1e-6)
    more = erb_to_hz(hz_to_erb(center_hz[[0, -1]]) + np.array([-1, 1]) / per_erb)
    assert more[0] < low * (1 + 1e-9)
    assert more[1] > high * (1 - 1e-9)


@given(
    sample_rate=st.floats(8000.0, 192000.0),
    share=st.floats(0.001, 0.499),
    width=st.floats(1e-4, 0.5),
    order=st.integers(1, 5),
)
def test_every_design_is_stable_and_calibrated(sample_rate: float, share: float, width: float, order: int) -> None:
    center_hz = sample_rate * share
    design = GammatoneDesign(sample_rate, np.array([center_hz]), np.array([width * center_hz]), order)
    assert 0 < design.damping[0] < 1
    assert abs(design.pole[0]) < 1
    assert abs(design.response(center_hz)[0, 0] - 1) < 1e-6
    assert (np.abs(design.response(np.linspace(0, sample_rate / 2, 99))) <= 1 + 1e-9).all()
    assert design.envelope_delay_s[0] >= 0
    assert design.group_delay_s(center_hz)[0, 0] > 0


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"low_hz": 0.0}, "low_hz=0"),
        ({"low_hz": 5000.0}, "low_hz=5000"),
        ({"low_hz": float("nan")}, "low_hz=nan"),
        ({"high_hz": float("inf")}, "high_hz=inf"),
        ({"high_hz": 8000.0}, "8000"),
        ({"channels": 1}, "received 1"),
        ({"bandwidth": 0.0}, "received 0"),
        ({"bandwidth": -2.0, "bandwidth_unit": "hz"}, "-2"),
        ({"order": 0}, "received 0"),
        ({"order": 6}, "received 6"),
    ],
    ids=str,
)
def test_errors_name_what_was_received(options: dict[str, float], received: str) -> None:
    given_options = {"low_hz": 100.0, "high_hz": 4000.0, "channels": 5} | options
    with pytest.raises(ValueError, match="expected") as raised:
        GammatoneDesign.from_scale(SAMPLE_RATE, **given_options)
    assert received in str(raised.value)


def test_designs_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"received \(2,\) and \(3,\)"):
        GammatoneDesign(SAMPLE_RATE, np.array([1.0, 2.0]), np.ones(3))
    with pytest.raises(ValueError, match="received 0"):
        GammatoneDesign(SAMPLE_RATE, np.array([100.0]), np.zeros(1))
    with pytest.raises(ValueError, match="sample rate in Hz, received -1"):
        GammatoneDesign(-1.0, np.array([100.0]), np.ones(1))
    with pytest.raises(ValueError, match="received 70"):
        step_from_base(70.0, 60.0, base_hz=65.0, per_erb=1.0)


def test_the_filterbank_refuses_what_does_not_fit() -> None:
    design = GammatoneDesign.from_scale(SAMPLE_RATE, low_hz=500, high_hz=4000, channels=7)
    with pytest.raises(ValueError, match="hop of at least 1 sample, received 0"):
        Filterbank(design, hop=0)
    with pytest.raises(ValueError, match="at least 1 stream, received 0"):
        Filterbank(design, hop=10, streams=0)
    bank = Filterbank(design, hop=10, streams=2)
    with pytest.raises(ValueError, match=r"\(samples, 2\), received \(30, 1\)"):
        bank.process(np.zeros((30, 1), np.float32))
    with pytest.raises(ValueError, match=r"\(samples, 2\), received \(30,\)"):
        bank.process(np.zeros(30, np.float32))
    with pytest.raises(ValueError, match="room for 3 frames, received 2"):
        bank.process(np.zeros((30, 2), np.float32), SubbandFrames.allocate(2, 2, 4, 7))
    with pytest.raises(ValueError, match="expected a state"):
        bank.state = Aligner([1.0], hop=1, streams=1).state
