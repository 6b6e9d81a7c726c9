import numpy as np
import pytest
from mixtures import RATE

from sharpear.dsp import GammatoneDesign, Split, Splitter, StemMixer, SynthesisDesign
from sharpear.dsp.separation_bank import separation_bank


@pytest.mark.parametrize(
    ("spacing", "latency_s", "published_db"), [(1.0, 0.004, 21.0), (0.5, 0.008, 41.0), (0.5, 0.016, 47.0)]
)
def test_resynthesis_beats_the_published_banks(spacing: float, latency_s: float, published_db: float) -> None:
    channels = round(37 / spacing) + 1
    bank = GammatoneDesign.from_scale(44100.0, low_hz=60, high_hz=16000, channels=channels, scale="erb")
    assert SynthesisDesign.over(bank, latency_s).snr_db(200.0, 10000.0) > published_db


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000, 192000])
def test_resynthesis_at_every_rate(rate: int) -> None:
    bank = GammatoneDesign.from_scale(
        float(rate), low_hz=60, high_hz=min(16000, 0.46 * rate), channels=75 if rate > 40000 else 60, scale="erb"
    )
    assert SynthesisDesign.over(bank, 0.016).snr_db(200.0, min(10000.0, 0.35 * rate)) > 45
    assert separation_bank(float(rate)).snr_db(200.0, min(10000.0, 0.4 * rate)) > 60


def test_hohmanns_published_values() -> None:
    """Acta Acustica 88: 30 bands at 16276 Hz, 4 ms: the resynthesised impulse has its peak at sample 65."""
    from sharpear.dsp.scales import erb_hz, step_from_base  # noqa: PLC0415

    center_hz = step_from_base(70.0, 6700.0, base_hz=1000.0, per_erb=1.0)
    assert center_hz.size == 30
    assert center_hz[0] == pytest.approx(73.223641, abs=1e-5)
    splitter = Splitter(SynthesisDesign.over(GammatoneDesign(16276.0, center_hz, erb_hz(center_hz)), 0.004), hop=64)
    impulse = np.zeros((400, 1), np.float32)
    impulse[0] = 1
    assert int(np.abs(splitter.process(impulse).parts.sum(axis=2)).argmax()) == splitter.latency_samples == 65


def test_parts_add_up_to_the_late_sound() -> None:
    bank = GammatoneDesign.from_scale(float(RATE), low_hz=60, high_hz=7000, channels=60, scale="erb")
    splitter = Splitter(SynthesisDesign.over(bank, 0.016), hop=64)
    tone = np.cos(2 * np.pi * 440 / RATE * np.arange(RATE))[:, None].astype(np.float32)
    split = splitter.process(tone)
    late = splitter.latency_samples
    np.testing.assert_array_equal(split.sound[late:], tone[:-late])
    assert np.abs(split.parts.sum(axis=2) - split.sound)[RATE // 4 :].max() < 0.01


def test_shares_arrive_at_their_own_time() -> None:
    """A share that is 1 in one frame only lets through what was there in the middle of that frame."""
    mixer, hop, wait = StemMixer(1, 1, hop=10, wait_frames=3), 10, 3
    ones = np.ones((200, 1), np.float32)
    split = Split(ones, ones[..., None], np.zeros((20, 1, 1), np.complex64), np.zeros((20, 1, 1), np.float32))
    shares = np.zeros((20, 1, 1, 1), np.float32)
    shares[7 + wait] = 1
    stem = mixer.process(split, shares)[:, 0, 0]
    assert stem.argmax() == 7 * hop + hop // 2 + mixer.latency_samples
