"""Hypotheses of fundamentals against the loops of the pitch layer, and what they propose."""

import math

import naive_pitch
import numpy as np
import pytest

from sharpear.config import load_config
from sharpear.pitch.pitch_layer import REST as PITCH_REST
from sharpear.voices.voice_hypotheses_kernel import (
    COMPRESSION,
    FAINTEST,
    FALL,
    ITERATIONS,
    LEAST,
    PEAKS,
    REST,
    Hypotheses,
    add_winners,
    compete,
    find_peaks,
    forget,
)
from sharpear.voices.voice_spectrum_kernel import transform
from sharpear.voices.voice_tracker import CARRIER_HOPS, FIELDS, GAINS, VoiceTracker
from sharpear.voices.voices_kernel import MOST_VOICES

RATE, HOP = 44100, 128
HOP_S = HOP / RATE
TRACKER = VoiceTracker(RATE, HOP, 60 * 2 ** (np.arange(33) / 4))
TABLES = TRACKER.parts.tables.hypotheses
PITCH = load_config("music").pitch
SETTINGS = naive_pitch.Settings(
    **{name: getattr(PITCH, name) for name in naive_pitch.Settings.__annotations__ if hasattr(PITCH, name)},
    level_decay=FALL, noise_rise=1.0, held_hz=0.0, highest_hz=math.inf, lowest_hz=FIELDS.pitch_hz[0],
)  # fmt: skip


def power_of(partials) -> np.ndarray:
    """Power of the spectrum of (Hz, amplitude), as the tracker has it."""
    parts, room = TRACKER.parts.tables, TRACKER.room()
    wave = sum(a * np.exp(2j * np.pi * (hz - CARRIER_HOPS / HOP_S) * parts.whole.time_s) for hz, a in partials)
    wave *= parts.whole.window
    real, imag = wave.real.astype(np.float32), wave.imag.astype(np.float32)
    transform(real, imag, parts.whole.window, parts.spectrum, room.spectrum)
    return room.spectrum.power


def peaks_of(power: np.ndarray) -> list[tuple[float, float]]:
    """(Hz, amplitude), the highest first."""
    room = TRACKER.room().hypotheses
    found = find_peaks(power, TABLES, room)
    return sorted(zip(room.hz[:found].tolist(), room.amplitude[:found].tolist(), strict=True), key=lambda p: -p[1])


def at_rest() -> Hypotheses:
    hypotheses = Hypotheses(np.zeros(FIELDS.pitch_hz.size, np.float32), np.ones(1))
    forget(hypotheses)
    return hypotheses


def added(activity: np.ndarray, known: list[float]) -> list[float]:
    """Fundamentals of all voices, once winners have joined those that are known."""
    voices = TRACKER.room().fit.voices
    voices.number[0] = len(known)
    voices.used[:], voices.shared[: len(known), 0] = False, known
    some = add_winners(TABLES, activity, 4200.0, voices)
    assert some == (voices.number[0] > len(known))
    return voices.shared[: voices.number[0], 0].tolist()


def test_constants_are_those_of_the_pitch_layer():
    assert (PITCH.compression, PITCH.iterations) == (COMPRESSION, ITERATIONS)
    assert pytest.approx(PITCH_REST) == REST
    assert (GAINS.feedback, GAINS.epsilon, GAINS.rate) == pytest.approx((PITCH.feedback, PITCH.epsilon, PITCH.rate))
    assert FIELDS.tolerance_cents == PITCH.tolerance_cents
    assert FIELDS.tooth == pytest.approx(np.arange(1, PITCH.harmonics + 1) ** -PITCH.rolloff)
    assert FIELDS.pitch_hz[PITCH.per_octave] == pytest.approx(2 * FIELDS.pitch_hz[0])


def test_peaks_lie_between_bins():
    (hz, amplitude), *others = peaks_of(power_of([(1234.5, 1.0)]))
    assert hz == pytest.approx(1234.5, abs=0.1)
    assert amplitude == pytest.approx(np.square(TRACKER.parts.tables.whole.window).sum(), rel=0.1)
    assert all(a < 0.03 * amplitude for _, a in others)


def test_peaks_are_the_highest_of_all():
    power = np.random.default_rng(0).exponential(1.0, 1024).astype(np.float32)
    inside = np.sqrt(power[TABLES.bins])
    every = [a for b, a, c in zip(inside, inside[1:], inside[2:], strict=False) if b < a >= c]
    expected = sorted((a for a in every if a > FAINTEST * inside.max()), reverse=True)[:PEAKS]
    assert len(every) > 2 * PEAKS
    assert [a for _, a in peaks_of(power)] == pytest.approx(expected)


def test_hypotheses_share_peaks_as_pitches_do():
    """Three rows, the last of a chord that the others led to: activities, and the level, are those of the loops."""
    hypotheses, room = at_rest(), TRACKER.room().hypotheses
    activity, level = [float(REST)] * FIELDS.pitch_hz.size, 0.0
    for chord, loud in (((220.0,), 1.0), ((220.0, 331.0), 0.5), ((147.0, 220.0, 331.0), 0.5)):
        power = power_of([(h * f0, loud * 0.1 / h) for f0 in chord for h in range(1, 9)])
        peaks = peaks_of(power)
        level = max(FALL * level, peaks[0][1])
        heard = [((amplitude / level) ** PITCH.compression, 0.0, hz) for hz, amplitude in peaks]
        activity = naive_pitch.compete(heard, activity, SETTINGS)
        compete(power, TABLES, room, hypotheses)
        assert hypotheses.level[0] == pytest.approx(level)
        assert hypotheses.activity == pytest.approx(activity, rel=1e-2, abs=1e-4)
    found = sorted(added(hypotheses.activity, []))
    for f0 in chord:
        assert min(abs(1200 * np.log2(hz / f0)) for hz in found) < 20


def test_winners_join_the_strongest_first():
    activity = np.full(FIELDS.pitch_hz.size, REST)
    activity[[30, 90, 150]] = 0.5, 1.0, LEAST / 2
    activity[91] = 0.9
    assert added(activity, []) == pytest.approx(FIELDS.pitch_hz[[90, 30]])


def test_winners_that_are_known_do_not_join():
    activity = np.full(FIELDS.pitch_hz.size, REST)
    activity[[30, 90]] = 0.5, 1.0
    known = [float(FIELDS.pitch_hz[90]) * 1.01]
    assert added(activity, known) == pytest.approx([*known, FIELDS.pitch_hz[30]])
    assert added(activity, [*known, float(FIELDS.pitch_hz[30])]) == pytest.approx([*known, FIELDS.pitch_hz[30]])


def test_no_more_winners_join_than_there_is_room_for():
    activity = np.full(FIELDS.pitch_hz.size, REST)
    activity[20:220:20] = np.linspace(0.5, 1.0, 10)
    assert added(activity, [1300.0]) == pytest.approx([1300.0, *FIELDS.pitch_hz[200:100:-20]])
    assert len(added(activity, [])) == MOST_VOICES


def test_hypotheses_at_rest_propose_nothing():
    assert added(at_rest().activity, []) == []
