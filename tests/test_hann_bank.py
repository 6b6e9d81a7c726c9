"""The bank of Hann windows against sums over a window's samples, closed forms, and other sample rates."""

from functools import cache

import naive
import numpy as np
import pytest

from sharpear.dsp import HannBank, HannDesign, HannFrames, HannWindow
from sharpear.dsp.hann_bank import DAMPING, HIGHEST_CENTER
from sharpear.dsp.hann_bank_kernel import SILENT_POWER

HOP_S = 128 / 44100
RATES = [8000.0, 16000.0, 44100.0, 48000.0, 96000.0]


@cache
def design(rate: float) -> HannDesign:
    return HannDesign(rate, round(HOP_S * rate))


def heard(rate: float, sound: np.ndarray) -> HannFrames:
    return HannBank(design(rate)).process(np.asarray(sound, np.float32)[:, None])


def cosine(rate: float, hz: float, seconds: float = 0.4) -> np.ndarray:
    return np.cos(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))


@pytest.mark.parametrize("rate", RATES)
def test_a_channel_is_the_sum_over_its_window(rate: float) -> None:
    """To -90 dB, or to -90 dB of the strongest power; frame 2's windows reach back before the sound's beginning."""
    sound = np.random.default_rng(0).standard_normal(round(0.2 * rate)).astype(np.float32)
    frames, bank = heard(rate, sound), design(rate)
    for frame in (2, len(frames) - 1):
        until = sound[: (frame + 1) * bank.hop].tolist()
        for w, window in enumerate(bank.windows):
            channels, points = bank.channels_of(w), window.points
            power, moment = frames.power[frame, 0, channels], frames.moment[frame, 0, channels]
            for k in (0, 1, 7, len(power) // 2, len(power) - 1):
                hz = k * rate / (bank.length_samples[w] * points)
                expected, expected_hz = naive.hann_channel(until, rate, int(bank.length_samples[w]), hz, DAMPING)
                assert power[k] == pytest.approx(expected / points, abs=1e-9 * float(power.max()), rel=6e-5)
                if expected / points > 1e-3 * float(power.max()):
                    assert moment[k] / power[k] == pytest.approx(expected_hz, abs=1e-4 * rate / bank.length_samples[w])


def test_a_window_alone_is_as_beside_others() -> None:
    both, sound = design(16000.0), np.random.default_rng(4).standard_normal((3000, 1)).astype(np.float32)
    alone = HannDesign(16000.0, both.hop, both.windows[3:])
    longest = HannBank(both).process(sound).power[:, :, both.channels_of(3)]
    np.testing.assert_allclose(HannBank(alone).process(sound).power, longest, atol=1e-6 * longest.max())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("amplitude", [1.0, 1e-5])
def test_a_lone_cosine_has_its_amplitude_and_frequency_in_every_window(rate: float, amplitude: float) -> None:
    for hz in (437.3, 1234.5, 2950.0):
        frames = heard(rate, amplitude * cosine(rate, hz))
        for w in range(len(design(rate).windows)):
            channels = design(rate).channels_of(w)
            energy = frames.power[-1, 0, channels].sum(dtype=np.float64)
            assert np.sqrt(energy) == pytest.approx(amplitude, rel=2e-3)
            assert frames.moment[-1, 0, channels].sum(dtype=np.float64) / energy == pytest.approx(hz, abs=0.3)


def test_the_peaks_of_a_cosine_are_as_a_hann_windows_spectrum_has_them() -> None:
    """On a channel's centre: 2/3 of the energy at two points a bin is in the channel and the two half a bin away."""
    rate = 44100.0
    N = int(design(rate).length_samples[3])
    peak = 200
    frames = heard(rate, cosine(rate, peak * rate / N / 2))
    power = frames.power[-1, 0, design(rate).channels_of(3)]
    beside = (8 / (3 * np.pi)) ** 2
    np.testing.assert_allclose(power[peak - 1 : peak + 3] / power[peak], [beside, 1, beside, 0.25], rtol=2e-3)
    assert power[peak] == pytest.approx(1 / 3, rel=2e-3)


def test_the_subband_turns_as_the_tone_does() -> None:
    rate, hz = 44100.0, 700.0
    frames = heard(rate, cosine(rate, hz))
    longest = frames.subband[-40:, 0]
    np.testing.assert_allclose(
        np.square(np.abs(longest)), frames.power[-40:, 0, design(rate).channels_of(3)], rtol=1e-5, atol=1e-12
    )
    k = int(np.abs(longest[-1]).argmax())
    turns = np.angle(longest[1:, k] / longest[:-1, k] * np.exp(-2j * np.pi * hz * design(rate).hop / rate))
    assert np.abs(turns).max() < 1e-3


def test_the_frequency_of_a_chirp_is_that_at_the_windows_centre() -> None:
    rate = 44100.0
    seconds = np.arange(round(0.5 * rate)) / rate
    frames, bank = heard(rate, np.cos(2 * np.pi * (800 * seconds + 150 * seconds**2))), design(rate)
    ends_s = (np.arange(len(frames)) + 1) * bank.hop / rate
    for w, delay in enumerate(bank.delay_hops):
        channels = bank.channels_of(w)
        moment, power = (part[64:, 0, channels].sum(axis=1) for part in (frames.moment, frames.power))
        true_hz = 800 + 300 * (ends_s[64:] - delay * bank.hop / rate)
        np.testing.assert_allclose(moment / power, true_hz, atol=0.4)


def test_what_was_loud_is_forgotten_after_a_window() -> None:
    rate = 44100.0
    loud = cosine(rate, 997.0, 1.0) + 0.3 * np.random.default_rng(1).standard_normal(44100)
    frames, bank = heard(rate, np.concatenate([loud, np.zeros(44100)])), design(rate)
    first_silent = -(-44100 // bank.hop)
    for w, window in enumerate(bank.windows):
        after = frames.power[first_silent + window.length_hops :, 0, bank.channels_of(w)]
        assert after.max() < 1e-22
    assert not frames.power[-1].any()
    assert SILENT_POWER < 1e-22


def test_a_restart_changes_no_window_and_leaves_nothing_of_what_was_before() -> None:
    """From a window after the bank's beginning on, and after each restart, all is as in a bank that began there."""
    rate, bank = 8000.0, HannBank(design(8000.0))
    hop, period, longest = bank.design.hop, bank.period_hops, bank.design.windows[-1].length_hops
    sound = np.random.default_rng(7).standard_normal((2 * period + 100) * hop).astype(np.float32)
    sound += 30_000 * cosine(rate, 731.0, 10.0)[: sound.size].astype(np.float32)  # so loud that rounding is seen
    whole, late = heard(rate, sound), heard(rate, sound[period * hop :])
    unlike = heard(rate, sound[(period + 1) * hop :])
    for name in ("power", "moment", "subband"):
        complete = getattr(whole, name)[period + longest :]
        np.testing.assert_array_equal(complete, getattr(late, name)[longest:])
        other = getattr(unlike, name)[longest - 1 :]
        np.testing.assert_allclose(complete, other, rtol=0, atol=1e-6 * np.abs(complete).max())
        assert not np.array_equal(complete, other), "the restart is nowhere to be seen"


def test_channels_stay_below_half_of_the_sample_rate() -> None:
    for rate in RATES:
        bank = design(rate)
        assert bank.center_hz.max() <= HIGHEST_CENTER * rate
        assert bank.channels == bank.center_hz.size == heard(rate, np.zeros(bank.hop)).power.shape[2]
        for w, window in enumerate(bank.windows):
            top_hz = min(window.top_hz, HIGHEST_CENTER * rate)
            assert 0 <= top_hz - bank.center_hz[bank.channels_of(w)][-1] < bank.spacing_hz[w]


def test_unusable_samples_are_silence_and_counted() -> None:
    sound = cosine(8000.0, 500.0)
    silent, spoilt = sound.copy(), sound.copy()
    silent[[30, 900]], spoilt[[30, 900]] = 0.0, [np.nan, 1e7]
    bank = HannBank(design(8000.0))
    np.testing.assert_array_equal(bank.process(spoilt[:, None]).power, heard(8000.0, silent).power)
    assert bank.replaced.tolist() == [2]


@pytest.mark.parametrize(
    ("hop", "windows"),
    [
        (0, (HannWindow(4, 1, 1e3),)),
        (10, ()),
        (10, (HannWindow(0, 1, 1e3),)),
        (10, (HannWindow(4, 3, 1e3),)),
        (10, (HannWindow(4, 1, 1e3), HannWindow(4, 2, 1e3))),
        (10, (HannWindow(8, 1, 1e3), HannWindow(4, 2, 1e3))),
    ],
)
def test_what_is_no_layout_is_refused(hop: int, windows: tuple[HannWindow, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        HannDesign(8000.0, hop, windows)


def test_audio_of_another_shape_is_refused() -> None:
    bank = HannBank(design(8000.0), streams=2)
    with pytest.raises(ValueError, match=r"\(samples, 2\)"):
        bank.process(np.zeros((100, 1), np.float32))
    with pytest.raises(ValueError, match="at least 1 stream"):
        HannBank(design(8000.0), streams=0)
