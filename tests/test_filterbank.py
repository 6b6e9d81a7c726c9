"""The filterbank's design against published and closed forms, the running filterbank against its design."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear.dsp import Aligner, Filterbank, GammatoneDesign, erb_hz
from sharpear.dsp.scales import step_from_base

SAMPLE_RATE = 16000.0
ORDERS = [1, 2, 3, 4, 5]


def small_bank(order: int = 4, bandwidth: float = 1.0) -> GammatoneDesign:
    return GammatoneDesign.from_scale(
        SAMPLE_RATE, low_hz=500, high_hz=4000, channels=7, bandwidth=bandwidth, order=order
    )


def cosine(frequency_hz: float, samples: int, amplitude: float = 1.0) -> np.ndarray:
    time_s = np.arange(samples) / SAMPLE_RATE
    return (amplitude * np.cos(2 * np.pi * frequency_hz * time_s))[:, None].astype(np.float32)


def every_sample(design: GammatoneDesign, audio: np.ndarray) -> np.ndarray:
    """(samples, channels) subbands."""
    return Filterbank(design, hop=1).process(audio).subband[:, 0]


class TestHohmann:
    """Check values printed by the demonstration of Hohmann 2002."""

    design = GammatoneDesign(
        16276.0, centers := step_from_base(70.0, 6700.0, base_hz=1000.0, per_erb=1.0), erb_hz(centers)
    )

    def test_centers(self) -> None:
        assert self.design.channels == 30
        assert self.design.center_hz[0] == pytest.approx(73.223641, abs=5e-7)
        assert 1000.0 in self.design.center_hz.round(9)

    def test_coefficients(self) -> None:
        k = int(np.abs(self.design.center_hz - 1000.0).argmin())
        assert self.design.pole[k].real == pytest.approx(0.879330, abs=5e-7)
        assert self.design.pole[k].imag == pytest.approx(0.357389, abs=5e-7)
        assert self.design.normalization[k] == pytest.approx(1.333716e-05, abs=5e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_running_tones_measure_the_response(order: int) -> None:
    """Turning back by the tone and averaging whole periods leaves out the negative frequency, whatever the order."""
    design = small_bank(order)
    for frequency_hz in (400.0, 1000.0, 1250.0, 3200.0):
        subband = every_sample(design, cosine(frequency_hz, 16000))
        turned = subband * np.exp(-2j * np.pi * frequency_hz / SAMPLE_RATE * np.arange(16000))[:, None]
        measured = turned[8000:].mean(axis=0)
        assert np.abs(measured - design.response(frequency_hz)[0]).max() < 1e-4


@pytest.mark.parametrize("order", ORDERS)
def test_every_value_is_the_response_but_for_the_negative_frequency(order: int) -> None:
    """A real cosine also excites H(−f): the ripple of a single value is as large as that and no larger."""
    design = small_bank(order, bandwidth=0.5)
    frequency_hz = 1000.0
    subband = every_sample(design, cosine(frequency_hz, 16000))[-400:]
    turn = np.exp(2j * np.pi * frequency_hz / SAMPLE_RATE * np.arange(15600, 16000))[:, None]
    ripple = np.abs(design.response(-frequency_hz)[0])
    error = np.abs(subband - turn * design.response(frequency_hz)[0]).max(axis=0)
    assert (error < ripple + 1e-4).all()
    if order >= 4:
        assert error.max() < 1e-4


@pytest.mark.parametrize("order", ORDERS)
def test_running_bank_equals_the_loops(order: int) -> None:
    design, hop = small_bank(order), 23
    audio = np.random.default_rng(0).standard_normal((600, 1)).astype(np.float32)
    frames = Filterbank(design, hop).process(audio)
    for k in range(design.channels):
        stages, power, hz = zip(
            *naive.filterbank(
                audio[:, 0].tolist(), SAMPLE_RATE, design.center_hz[k], design.bandwidth_hz[k], order, hop
            ),
            strict=True,
        )
        np.testing.assert_allclose(frames.stages[:, 0, :, k], stages, rtol=0, atol=2e-6)
        np.testing.assert_allclose(frames.power[:, 0, k], power, rtol=2e-5)
        loud = np.abs(frames.subband[:, 0, k]) > 0.2 * np.abs(frames.subband[:, 0, k]).max()
        np.testing.assert_allclose(frames.instantaneous_hz[loud, 0, k], np.array(hz)[loud], rtol=0, atol=0.1)


@pytest.mark.parametrize("order", ORDERS)
def test_group_delay_is_the_slope_of_the_phase(order: int) -> None:
    design = small_bank(order)
    frequency_hz = np.linspace(300, 5000, 200)
    step_hz = 0.01
    turn = design.response(frequency_hz + step_hz) * design.response(frequency_hz - step_hz).conj()
    slope = -np.angle(turn) / (4 * np.pi * step_hz)
    np.testing.assert_allclose(design.group_delay_s(frequency_hz), slope, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_an_impulse_peaks_at_the_stated_latency(order: int) -> None:
    """A cascade of γ sampled poles peaks γ/2 samples before the continuous envelope that the statement is about."""
    design = small_bank(order)
    audio = np.zeros((2000, 1), np.float32)
    audio[0] = 1
    peak = np.abs(every_sample(design, audio)).argmax(axis=0)
    latency = Filterbank(design, hop=1).latency_samples
    np.testing.assert_allclose(peak, np.maximum(latency - order / 2, 0), rtol=0, atol=1.0)


def test_aligned_impulses_peak_together() -> None:
    design, hop = small_bank(bandwidth=0.3), 16
    bank = Filterbank(design, hop)
    aligner = Aligner(bank.latency_samples, hop, 1)
    audio = np.zeros((200 * hop, 1), np.float32)
    audio[50 * hop] = 1
    peak = np.abs(aligner.process(bank.process(audio).subband)[:, 0]).argmax(axis=0)
    assert np.ptp(bank.latency_samples) > 4 * hop
    assert np.abs(peak - (50 + aligner.latency_hops)).max() <= 1


def test_alignment_never_exceeds_its_limit() -> None:
    aligner = Aligner([10.0, 250.0, 900.0], hop=100, streams=1, limit_samples=300)
    assert aligner.latency_hops == 3
    assert aligner.wait_hops.tolist() == [3, 0, 0]


def test_alignment_to_a_latency_delays_all_by_as_much_more() -> None:
    aligner = Aligner([10.0, 250.0], hop=100, streams=1, latency_hops=5)
    subband = np.arange(1, 17, dtype=np.complex64).reshape(8, 1, 2)
    aligned = np.concatenate([aligner.process(part) for part in np.split(subband, [1, 6])])
    assert aligner.wait_hops.tolist() == [5, 2]
    np.testing.assert_array_equal(aligned[:, 0, 0], [0, 0, 0, 0, 0, 1, 3, 5])
    np.testing.assert_array_equal(aligned[:, 0, 1], [0, 0, 2, 4, 6, 8, 10, 12])
    with pytest.raises(ValueError, match="at most 2 hops, received 3"):
        Aligner([10.0, 250.0], hop=100, streams=1, latency_hops=2)


@given(amplitude=st.floats(1e-4, 1.0), k=st.integers(0, 6))
@settings(max_examples=20, deadline=None)
def test_a_cosine_at_a_center_gives_its_amplitude(amplitude: float, k: int) -> None:
    design = small_bank(bandwidth=0.5)
    frames = Filterbank(design, hop=4000).process(cosine(design.center_hz[k], 8000, amplitude))
    assert abs(frames.subband[-1, 0, k]) == pytest.approx(amplitude, rel=2e-4)
    assert frames.power[-1, 0, k] == pytest.approx(amplitude**2, rel=4e-4)


def test_instantaneous_frequency_of_tones() -> None:
    design = small_bank(bandwidth=0.5)
    for frequency_hz in (700.0, 1003.0, 1970.0):
        frames = Filterbank(design, hop=400).process(cosine(frequency_hz, 16000))
        heard = np.abs(design.response(frequency_hz)[0]) > 0.05
        assert heard.any()
        np.testing.assert_allclose(frames.instantaneous_hz[-1, 0, heard], frequency_hz, rtol=0, atol=1.0)
        nearest = np.abs(design.response(frequency_hz)[0]).argmax()
        assert frames.instantaneous_hz[-1, 0, nearest] == pytest.approx(frequency_hz, abs=0.1)


def test_the_mean_power_of_hops_is_that_of_their_samples() -> None:
    design = small_bank()
    audio = np.random.default_rng(1).standard_normal((1200, 1)).astype(np.float32)
    power = np.abs(every_sample(design, audio)) ** 2
    frames = Filterbank(design, hop=100).process(audio)
    np.testing.assert_allclose(frames.power[:, 0], power.reshape(12, 100, -1).mean(axis=1), rtol=1e-5)


def test_silence_ends_in_exact_zeros() -> None:
    bank = Filterbank(small_bank(), hop=100, streams=1)
    bank.process(cosine(1000.0, 4000))
    frames = bank.process(np.zeros((8000, 1), np.float32))
    assert np.abs(frames.subband[0]).max() > 0.1
    assert not frames.stages[-1].any()
    assert not frames.power[-1].any()


def test_unusable_samples_are_counted() -> None:
    audio = np.zeros((50, 2), np.float32)
    audio[[3, 4, 5], 1] = np.nan, np.inf, 2e6
    bank = Filterbank(small_bank(), hop=10, streams=2)
    assert not bank.process(audio).stages.any()
    assert bank.replaced.tolist() == [0, 3]
    bank.reset()
    assert bank.replaced.tolist() == [0, 0]


def test_out_receives_the_frames() -> None:
    audio = cosine(1000.0, 950)
    expected = Filterbank(small_bank(), hop=100).process(audio)
    bank = Filterbank(small_bank(), hop=100)
    out = expected.allocate(20, 1, 4, 7)
    frames = bank.process(audio, out)
    assert len(frames) == 9
    assert np.shares_memory(frames.stages, out.stages)
    np.testing.assert_array_equal(frames.stages, expected.stages)
    np.testing.assert_array_equal(frames.instantaneous_hz, expected.instantaneous_hz)
