"""When things stand where: an impulse over the channels, and how late a tone comes up in each preset."""

import numpy as np
import pytest

import sharpear
from sharpear.config import preset_names
from sharpear.sharpening.frames import Frames


def impulse_centres_s(preset: str, rate: float, power: int) -> tuple[np.ndarray, float]:
    """(channels,) centre of gravity of what an impulse leaves in every channel, |z|^power, after it, s; and the hop."""
    sharpener = sharpear.Sharpener(rate, preset, phases=True)
    audio, at_s = np.zeros(round(0.5 * rate)), 0.2
    audio[round(at_s * rate)] = 1.0
    frames = Frames.join([sharpener.process(audio), sharpener.flush()])
    assert frames.subband is not None
    weight = np.abs(frames.subband).astype(np.float64) ** power
    return (weight * frames.times[:, None]).sum(axis=0) / weight.sum(axis=0) - at_s, sharpener.hop / rate


@pytest.mark.parametrize("rate", [16000.0, 44100.0, 48000.0])
@pytest.mark.parametrize("preset", [name for name in preset_names() if name != "coherent"])
def test_an_impulse_stands_at_one_time_over_all_channels(preset, rate):
    """Each channel within half a hop of its time, by its window's centre of gravity; energy up to 2.3 ms before it."""
    centre_s, hop_s = impulse_centres_s(preset, rate, 1)
    assert np.abs(centre_s).max() < 0.5 * hop_s + 2 / rate
    energy_s, _ = impulse_centres_s(preset, rate, 2)
    assert energy_s.min() > -2.4e-3
    assert energy_s.max() < 1.2e-3
    assert np.ptp(energy_s) < 3.4e-3


@pytest.mark.parametrize(("hz", "latest_s"), [(110.0, 0.17), (220.0, 0.11), (440.0, 0.065), (880.0, 0.04)])
def test_a_tone_comes_up_as_late_as_coherent_says(hz, latest_s):
    rate, at_s = 44100, 0.2
    audio = 0.3 * np.cos(2 * np.pi * hz / rate * np.arange(round(0.7 * rate)))
    audio[: round(at_s * rate)] = 0
    frames = sharpear.sharpen(audio, rate, "coherent")
    near = np.abs(np.log2(np.maximum(frames.instantaneous_frequency, 1.0) / hz)) < 0.1
    strongest = (frames.amplitude * near).max(axis=1)
    late_s = frames.times[np.argmax(strongest > 0.15)] - at_s
    assert 0 < late_s < latest_s
