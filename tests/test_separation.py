import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixtures import RATE, chord, noise

from benchmarks.separation.metrics import bss_sdr_db, si_sdr_db
from sharpear.errors import UsageError
from sharpear.gpu.arguments import numbers
from sharpear.separation.noise import NO_POWER, QuantileRule, SteadyNoise, follow_quantile
from sharpear.separation.separator import Separator, separate
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.without import Without


@settings(deadline=None, max_examples=10)
@given(rate=st.sampled_from([8000, 16000]), streams=st.integers(1, 3), linked=st.sampled_from([None, 1]))
def test_stems_add_up_to_the_sound(rate: int, streams: int, linked: int | None) -> None:
    separator = Separator(rate, streams=streams, linked=linked)
    audio = np.stack([noise(0.4, rate, seed) for seed in range(streams)], axis=1)
    stems = np.concatenate([separator.process(audio), separator.flush()])[separator.latency_samples :]
    error = np.square(stems.sum(axis=2) - audio).mean() / np.square(audio).mean()
    assert 10 * np.log10(error) < -80


def test_tones_and_clicks_part() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = sum(0.1 * np.cos(2 * np.pi * f * time) for f in (330.0, 660.0, 990.0))
    clicks = np.zeros_like(time)
    clicks[np.arange(RATE // 4, 2 * RATE, RATE // 3)] = 2.0
    separator = Separator(RATE)
    mixture = (tone + clicks).astype(np.float32)
    stems = np.concatenate([separator.process(mixture), separator.flush()])[separator.latency_samples :]
    middle = slice(RATE // 2, -RATE // 4)
    assert (
        si_sdr_db(stems[middle, 0].astype(float), tone[middle])
        > si_sdr_db(mixture[middle].astype(float), tone[middle]) + 6
    )
    assert si_sdr_db(stems[middle, 1].astype(float), clicks[middle]) > 6


def test_the_image_is_kept() -> None:
    """Right is half of left in, so it is in every stem but for the residual's rounding."""
    left = noise(0.5)
    separator = Separator(RATE, streams=2)
    stems = separator.process(np.stack([left, 0.5 * left], axis=1))
    np.testing.assert_allclose(stems[:, 1], 0.5 * stems[:, 0], atol=1e-6)


def test_without_a_stem_all_the_rest_is_the_residual() -> None:
    audio = noise(0.5)
    every = separate(audio, RATE)
    removed = separate(audio, RATE, Without.of(TonalTransient, "transient"))
    assert list(removed) == ["transient", "residual"]
    np.testing.assert_array_equal(removed["transient"], every["transient"])
    np.testing.assert_allclose(removed["residual"], every["tonal"] + every["residual"], atol=1e-6)
    with pytest.raises(UsageError, match="'drums': expected tonal, transient"):
        Separator(RATE, Without.of(TonalTransient, "drums"))


@pytest.mark.parametrize("snr_db", [0.0, 15.0])
def test_steady_noise_is_taken_from_tones_that_last(snr_db: float) -> None:
    """A chord that sounds all the time is no noise, however long; of the noise a quarter is left at the most."""
    chord_alone = chord(4.0, 220.0, 330.0).sum(axis=0)
    hiss = noise(4.0).astype(float)
    hiss *= chord_alone.std() / hiss.std() * 10 ** (-snr_db / 20)
    stems = separate(chord_alone + hiss, RATE, SteadyNoise)
    assert list(stems) == ["noise", "residual"]
    late = slice(2 * RATE, -RATE // 4)
    assert si_sdr_db(stems["residual"][late].astype(float), chord_alone[late]) > snr_db + 6
    assert si_sdr_db(stems["noise"][late].astype(float), hiss[late]) > 4


def test_the_quantile_of_noise_is_found_at_every_level() -> None:
    """Of exponentially distributed power it is -ln(1 - q) of the mean; silence leaves it where it was."""
    rule = numbers(QuantileRule, quantile=0.25, pace=0.01, early=3.0, begin=5)
    power = np.random.default_rng(0).exponential(1.0, (4000, 1, 50)).astype(np.float32)
    for scale in (np.float32(1), np.float32(2.0**-30)):
        level, heard, out = np.zeros((1, 50), np.float32), np.zeros(1, np.int64), np.empty_like(power)
        follow_quantile(scale * power, rule, level, heard, out)
        assert np.exp(level.mean()) == pytest.approx(-np.log(0.75) * scale, rel=0.1)
        kept = level.copy()
        follow_quantile(np.zeros_like(power), rule, level, heard, out)
        np.testing.assert_array_equal(level, kept)
    assert np.exp(level).min() > NO_POWER


def test_gain_goes_through() -> None:
    audio = noise(3.0)
    loud, soft = Separator(RATE).process(audio), Separator(RATE).process(audio * np.float32(2.0**-8))
    # An onset out of digital silence is as large as the sound is loud, and the readout remembers it for a while.
    settled = slice(2 * RATE, None)
    difference = soft[settled] * 2.0**8 - loud[settled]
    assert np.square(difference).sum() < 1e-5 * np.square(loud[settled]).sum()


def test_metrics_on_a_known_case() -> None:
    rng = np.random.default_rng(0)
    truth, other = rng.standard_normal((2, 20000))
    truth, other = truth - truth.mean(), other - other.mean()
    other -= truth * (other @ truth) / (truth @ truth)
    estimate = 3 * (truth + 0.1 * other * np.linalg.norm(truth) / np.linalg.norm(other))
    assert si_sdr_db(estimate, truth) == pytest.approx(20.0, abs=0.01)
    filtered = np.convolve(truth, [1.0, 0.5, 0.25])[:20000]
    assert bss_sdr_db(filtered, truth) > 35
    assert si_sdr_db(filtered, truth) < 6
    assert bss_sdr_db(estimate, truth) == pytest.approx(20.0, abs=0.3)
