"""What knows a part of the truth, against what follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.beliefs.oracles import at_its_moment, averaged, direct, elastic, told
from benchmarks.sharpness.estimate import Estimate
from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Lines, Mixer
from benchmarks.sharpness.metrics import transport
from benchmarks.sharpness.signals import Signal


def swelling(swell_hz: float, snr_db: float = 60.0) -> Signal:
    """A tone that swells and, 30 Hz above, one that does so when the other does not; both glide."""
    mixer = Mixer(0.6, np.random.default_rng(5))
    swell = 0.8 * np.sin(2 * np.pi * swell_hz * mixer.times_s)
    for hz, amplitude in ((500.0, 1 + swell), (530.0, 1 - swell)):
        mixer.add(hz + 40 * mixer.times_s, 0.4 * amplitude)
    return mixer.finish(snr_db)


def missed(estimate: Estimate, lines: Lines) -> float:
    return transport(estimate, lines, np.zeros(1)).cents


def test_the_lines_alone_are_the_sound_without_its_noise() -> None:
    audio, lines = swelling(4.0, 200.0)
    known = (len(lines.times_s) - 1) * LINE_HOP
    np.testing.assert_allclose(direct(lines, len(audio))[:known], audio[:known], atol=2e-4)


def test_averaging_costs_what_swells_and_nothing_else() -> None:
    _, held = swelling(0.0)
    _, fast = swelling(16.0)
    assert missed(averaged(held, 0.058), held) < 1e-6
    assert 2 < missed(averaged(fast, 0.030), fast) < missed(averaged(fast, 0.058), fast)


@pytest.mark.parametrize("knows_levels", [True, False])
def test_levels_follow_from_phases_that_are_known(knows_levels: bool) -> None:
    audio, lines = swelling(4.0)
    alike = Lines(lines.times_s, lines.frequencies_hz, np.full_like(lines.amplitudes, 0.4), lines.phases)
    found = missed(elastic(audio, lines, knows_levels), lines)
    assert found < 0.15 * missed(told(alike), lines)
    elsewhere = Lines(lines.times_s, lines.frequencies_hz, lines.amplitudes, lines.phases * 1.1)
    assert missed(elastic(audio, elsewhere, knows_levels), lines) > 3 * found


def test_a_late_picture_is_right_at_its_moment() -> None:
    _, lines = swelling(6.0)
    shift = round(0.012 * SAMPLE_RATE / LINE_HOP)
    hz, amplitudes = (np.roll(part, shift, axis=0) for part in (lines.frequencies_hz, lines.amplitudes))
    late = told(Lines(lines.times_s, hz, amplitudes, lines.phases))
    assert at_its_moment(late, lines, 0.0) < 0.1 * missed(late, lines)
