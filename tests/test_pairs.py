"""Two tones in a peak of the longest window, against loops and against what sounds."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presets import LINES
from spy import Spy

from sharpear.dsp import HannBank, HannDesign, HannWindow, LineFrames, PairLines, Pairs, longest_window, pair_finder
from sharpear.sharpening.line_code import line_rule

RATE, HOP = 44100.0, 128
DESIGN = HannDesign(RATE, HOP)
RULE = line_rule(LINES, HOP / RATE)
SMALL = HannDesign(8000.0, 20, (HannWindow(16, 2, 500.0),))
"""41 channels, 12.5 Hz apart."""
LEAST_TRUST = 0.5


def heard(sound: np.ndarray, design: HannDesign = DESIGN) -> LineFrames:
    rule = line_rule(LINES, design.hop / design.sample_rate)
    frames = HannBank(design).process(np.asarray(sound, np.float32)[:, None])
    return pair_finder(design, rule).process(longest_window(design, frames))


def lines_of(sound: np.ndarray, design: HannDesign = DESIGN) -> PairLines:
    return Pairs(design, LEAST_TRUST).process(heard(sound, design))


def cosine(hz: float, amplitude: float = 1.0, seconds: float = 0.5, rate: float = RATE) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))


def loud(lines: PairLines, frame: int = -1) -> tuple[np.ndarray, np.ndarray]:
    """Hz and amplitude of a frame's lines within 40 dB of the strongest."""
    strong = lines.energy[frame, 0] > 1e-4 * lines.energy[frame, 0].max()
    return lines.hz[frame, 0, strong], np.sqrt(lines.energy[frame, 0, strong])


def assert_as_loops(design: HannDesign, found: LineFrames, least_trust: float) -> None:
    lines = Pairs(design, least_trust).process(found)
    lobe, apart_hz = 2 * design.windows[-1].points, 0.25 * design.sample_rate / design.length_samples[-1]
    for place in np.ndindex(*found.trust.shape[:2]):
        hz, energy, trust = (part[place].tolist() for part in (found.frequency_hz, found.energy, found.trust))
        means = naive.lobe_trust(energy[0], trust, lobe)
        np.testing.assert_allclose(lines.lobe_trust[place], means, rtol=1e-5, atol=1e-7)
        expected = naive.pairs(hz, energy, trust, least_trust, lobe, apart_hz)
        count = lines.count[place]
        assert count == len(expected)
        for part, right in zip((lines.hz, lines.energy, lines.trust), np.reshape(expected, (-1, 3)).T, strict=True):
            np.testing.assert_allclose(part[place][:count], right, rtol=1e-5)
            assert not part[place][count:].any()


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.1]))
@settings(max_examples=60, deadline=None)
def test_any_claims_give_what_loops_give(seed: int, least_trust: float) -> None:
    rng = np.random.default_rng(seed)
    shape = (1, 2, 3, int(SMALL.counts[0]))
    energy = 10 ** rng.uniform(-9, 0, shape) * (rng.random(shape) < 0.8)
    hz = SMALL.center_hz + rng.uniform(-20, 20, shape)
    found = LineFrames(hz.astype(np.float32), energy.astype(np.float32), rng.random(energy[:, :, 0].shape, np.float32))
    assert_as_loops(SMALL, found, least_trust)


def test_sound_gives_what_loops_give() -> None:
    rng = np.random.default_rng(5)
    sound = cosine(440) + cosine(453, 0.3) + cosine(1200, 0.1) + cosine(1215, 0.1)
    found = heard(sound + 1e-3 * rng.standard_normal(sound.size))
    parts = (found.frequency_hz, found.energy, found.trust)
    assert_as_loops(DESIGN, LineFrames(*(part[-3:] for part in parts)), LEAST_TRUST)


@pytest.mark.parametrize("rate", [16000.0, 44100.0, 96000.0])
@pytest.mark.parametrize("apart_hz", [7.0, 10.0, 20.0])
def test_each_tone_of_a_pair_is_a_line(apart_hz: float, rate: float) -> None:
    """Amplitudes dip at the beats' minima only, as no channel claims more than twice the power that is there."""
    design = HannDesign(rate, round(HOP / RATE * rate))
    lines = lines_of(cosine(440, 0.5, rate=rate) + cosine(440 + apart_hz, 0.4, rate=rate), design)
    amplitudes = []
    for frame in range(len(lines) - 60, len(lines)):
        hz, amplitude = loud(lines, frame)
        np.testing.assert_allclose(hz, [440, 440 + apart_hz], atol=0.05)
        assert lines.trust[frame, 0, : lines.count[frame, 0]].max() > 0.85
        amplitudes.append(amplitude)
    np.testing.assert_allclose(np.median(amplitudes, axis=0), [0.5, 0.4], rtol=0.01)
    assert (np.max(amplitudes, axis=0) < [0.505, 0.404]).all()


def test_pairs_apart_from_one_another_are_lines_too() -> None:
    hz, amplitude = loud(lines_of(sum(cosine(f, 0.2) for f in (300, 311, 1000, 1012, 2500, 2515))))
    np.testing.assert_allclose(hz, [300, 311, 1000, 1012, 2500, 2515], atol=0.05)
    np.testing.assert_allclose(amplitude, 0.2, rtol=0.1)


def test_no_pair_is_seen_in_a_moving_tone_in_an_onset_or_in_noise() -> None:
    seconds = np.arange(round(0.5 * RATE)) / RATE
    vibrato = np.cos(2 * np.pi * 600 * seconds + 4 * np.sin(2 * np.pi * 6 * seconds))
    noise = np.random.default_rng(2).standard_normal(seconds.size)
    for sound in (vibrato, noise):
        lines = lines_of(sound)
        total = heard(sound).energy[60:, 0, 0].sum()
        assert lines.energy[60:].sum() < 0.05 * total
    begun = lines_of(np.concatenate([np.zeros(round(0.3 * RATE)), cosine(600, seconds=0.05)]))
    assert begun.energy[-15:].max() < 0.05 * heard(cosine(600)).energy[-1, 0, 0].sum()


def test_the_kernel_is_given_the_lobe_and_a_quarter_of_a_bin() -> None:
    spy = Spy()
    Pairs(DESIGN, LEAST_TRUST, spy).process(heard(np.zeros(400)))
    rule = spy.given["pairs_process"]["rule"]
    assert (rule.least_trust, rule.lobe, rule.apart_hz) == (LEAST_TRUST, 4, pytest.approx(RATE / 4096 / 4))


def test_silence_has_no_lines() -> None:
    lines = lines_of(np.zeros(5000))
    assert not lines.count.any()
    assert not lines.lobe_trust.any()


def test_frames_of_another_window_are_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        Pairs(DESIGN, LEAST_TRUST).process(heard(np.zeros(400), SMALL))
