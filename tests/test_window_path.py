"""The path by windows of several lengths: what it forgets, what it cannot know yet, and what lone tones come to."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.front import SubbandFront
from sharpear.sharpening.sharpener import Sharpener

BELIEFS = {"network.mode": "beliefs"}


def sharpener(rate: float, streams: int = 1, **options: Any) -> Sharpener:
    return Sharpener(rate, "music", streams, BELIEFS, **options)


def sound(rate: float, samples: int, seed: int = 0) -> np.ndarray:
    """(samples, 1): a tone, a chirp, and clicks over noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    wave = 0.3 * np.cos(2 * np.pi * 440 * t) + 0.3 * np.cos(2 * np.pi * (300 * t + 90 * t * t))
    wave += 0.03 * rng.standard_normal(samples)
    wave[:: round(0.3 * rate)] += 0.7
    return wave[:, None].astype(np.float32)


def test_what_was_before_is_forgotten_to_the_last_bit() -> None:
    """A run that begins at a multiple of the period says, 1.2 s later, what the unbroken one does."""
    rate, whole, late = 8000.0, sharpener(8000.0), sharpener(8000.0)
    period, hop = whole.period_hops, whole.hop
    forgotten = round(1.2 * rate / hop)
    heard = sound(rate, (period + forgotten + 300) * hop)
    expected, found = whole.listen(heard)[period:], late.listen(heard[period * hop :])
    assert len(found) == forgotten + 300
    for name in ("drive", "frequency_hz", "plain"):
        np.testing.assert_array_equal(getattr(found, name)[forgotten:], getattr(expected, name)[forgotten:], name)
    assert not np.array_equal(found.drive[:forgotten], expected.drive[:forgotten])
    assert np.count_nonzero(found.drive[forgotten:]) > 3000


@cache
def lone_tones(level_db: float) -> tuple[Sharpener, np.ndarray, Frames]:
    """Steady tones, a stream each, in the frames of the last tenth of a second."""
    hz = np.array([80.0, 220.0, 1000.0, 3000.0, 6000.0])
    t = np.arange(round(0.35 * 44100)) / 44100
    path = sharpener(44100.0, hz.size)
    return path, hz, path.process(10 ** (level_db / 20) * np.cos(2 * np.pi * hz * t[:, None] + 0.3))[-34:]


@pytest.mark.parametrize("level_db", [0.0, -60.0])
def test_a_lone_tone_has_its_amplitude_and_frequency(level_db: float) -> None:
    """To 0.3 dB and 0.2 cents, whatever its level; what else there is lies 60 dB below it."""
    path, tone_hz, frames = lone_tones(level_db)
    for s, hz in enumerate(tone_hz):
        amplitude = frames.amplitude[:, s]
        strongest = amplitude.argmax(axis=1)[:, None]
        near = np.abs(np.log2(path.frequencies / hz)) < 1 / 24
        heard_db = 10 * np.log10(np.square(amplitude[:, near].astype(float)).sum(axis=1)) - level_db
        assert np.abs(heard_db).max() < 0.3
        cents = 1200 * np.log2(np.take_along_axis(frames.instantaneous_frequency[:, s], strongest, 1) / hz)
        assert np.abs(cents).max() < 0.2
        elsewhere = np.abs(np.log2(path.frequencies / hz)) > 1 / 12
        assert amplitude[:, elsewhere].max() < 1e-3 * 10 ** (level_db / 20)


@pytest.mark.parametrize("rate", [8000.0, 16000.0, 48000.0, 96000.0])
def test_tones_are_heard_at_other_sample_rates(rate: float) -> None:
    t = np.arange(round(0.3 * rate)) / rate
    path = sharpener(rate)
    wave = 0.3 * np.cos(2 * np.pi * 440 * t) + 0.1 * np.cos(2 * np.pi * 1700 * t)
    frames = path.process(wave)
    for hz, amplitude in ((440.0, 0.3), (1700.0, 0.1)):
        near = np.abs(np.log2(path.frequencies / hz)) < 1 / 12
        heard = np.where(near, frames.amplitude[-1], 0)
        assert heard.max() == pytest.approx(amplitude, rel=0.05)
        assert frames.instantaneous_frequency[-1, heard.argmax()] == pytest.approx(hz, abs=1)
    assert path.frequencies.max() < rate / 2


def test_no_frame_knows_what_comes_later_than_its_latency() -> None:
    rate, early, late = 8000.0, sharpener(8000.0), sharpener(8000.0)
    heard = sound(rate, 300 * early.hop)
    other = heard.copy()
    changed = 200 * early.hop
    other[changed:] = sound(rate, heard.size - changed, 1)
    one, two = early.process(heard), late.process(other)
    known = one.times + early.latency_s < (changed + 0.5) / rate
    assert 150 < np.count_nonzero(known) < 250
    assert one[: np.count_nonzero(known)] == two[: np.count_nonzero(known)]
    after = np.count_nonzero(known) + 1
    assert not np.array_equal(one.amplitude[after:], two.amplitude[after:])


def test_a_click_stands_at_its_time() -> None:
    """To two hops of 2.9 ms, over all frequencies; the windows that it shows in are longer."""
    rate, path = 16000.0, sharpener(16000.0)
    wave = np.zeros(8000)
    wave[4000] = 0.9
    frames = path.process(wave)
    for rows in (frames.amplitude, frames.plain_amplitude):
        energy = np.square(rows.astype(float)).sum(axis=1)
        mean_s = (energy * frames.times).sum() / energy.sum()
        assert mean_s == pytest.approx(4000 / rate, abs=2 * path.hop / rate)


def test_plain_amplitudes_are_right_at_the_channels_centres() -> None:
    """Between two points a bin, linearly in power, at most 0.36 dB is missing."""
    rate, streams = 44100.0, 8
    path = sharpener(rate, streams)
    k = np.linspace(0, path.channel_frequencies.size - 1, streams).astype(int)
    t = np.arange(9000) / rate
    plain = path.listen(np.cos(2 * np.pi * path.channel_frequencies[k] * t[:, None]).astype(np.float32)).plain
    level_db = 20 * np.log10(plain[-1, np.arange(streams), k])
    assert (level_db > -0.36).all()
    assert (level_db < 0.01).all()


def test_the_power_response_is_what_tones_give() -> None:
    """But for the interpolation between two points a bin."""
    rate, streams = 44100.0, 8
    path = sharpener(rate, streams)
    j = np.linspace(5, path.frequencies.size - 5, streams).astype(int)
    t = np.arange(9000) / rate
    plain = path.listen(np.cos(2 * np.pi * path.frequencies[j] * t[:, None]).astype(np.float32)).plain[-1]
    response = path.power_response()
    assert response.shape == (path.frequencies.size, path.channel_frequencies.size)
    np.testing.assert_allclose(np.square(plain), response[j], rtol=0, atol=0.085)


def test_with_phases_the_subbands_are_the_filterbanks_as_late_as_the_beliefs() -> None:
    """Those of the filterbank and its windows alone, turned to the frames' times; the phases of tones are right."""
    rate, hz = 16000.0, np.array([150.0, 440.0, 1000.0, 2500.0])
    t = np.arange(round(0.35 * rate)) / rate
    wave = (0.3 * np.cos(2 * np.pi * hz * t[:, None] + np.arange(hz.size))).astype(np.float32)
    path = sharpener(rate, hz.size, phases=True)
    frames = path.process(wave)
    front = SubbandFront(rate, path.hop, path.config, hz.size)
    expected = front.process(wave)
    late = round(path.latency_s * rate / path.hop) - front.aligner.latency_hops
    assert frames.subband is not None
    modulus = np.abs(expected[-late - len(frames) : -late])
    np.testing.assert_allclose(np.abs(frames.subband), modulus, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(frames.plain_amplitude, modulus)
    np.testing.assert_array_equal(path.power_response(), front.power_response(path.frequencies))
    assert frames.phase is not None
    for s in range(hz.size):
        j = frames.amplitude[-1, s].argmax()
        away = frames.phase[-20:, s, j] - 2 * np.pi * hz[s] * frames.times[-20:] - s
        assert np.abs(np.angle(np.exp(1j * away))).max() < 0.01


def test_a_bank_that_is_slower_than_the_beliefs_is_refused() -> None:
    with pytest.raises(UsageError, match=r"window.long_ms"):
        Sharpener(16000, "music", 1, {**BELIEFS, "window.long_ms": 200.0}, phases=True)
