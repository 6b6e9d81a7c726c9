"""Hypotheses of fundamentals against the loops of the pitch layer, what they propose, and what they name."""

import math

import naive_pitch
import numpy as np
import pytest

from sharpear.config import load_config
from sharpear.gpu.stateful import at_rest as at_zero
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
from sharpear.voices.voice_names_kernel import Names, find_alike, find_names
from sharpear.voices.voice_spectrum_kernel import transform
from sharpear.voices.voice_tracker import CARRIER_HOPS, FIELDS, GAINS, POINTS, VoiceTracker
from sharpear.voices.voices_kernel import MOST_PARTIALS, MOST_VOICES, add_voice

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


def test_the_spectrum_is_a_fourier_transform():
    parts, room = TRACKER.parts.tables, TRACKER.room()
    window = parts.whole.window
    real, imag = np.random.default_rng(0).standard_normal((2, window.size)).astype(np.float32)
    transform(real, imag, window, parts.spectrum, room.spectrum)
    power = np.abs(np.fft.fft((real + 1j * imag) * window, POINTS)) ** 2
    np.testing.assert_allclose(room.spectrum.power, power, rtol=0, atol=1e-5 * power.max())


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


def named(partials, known: tuple[float, ...] = ()) -> Names:
    """What hypotheses that have heard (Hz, amplitude) for a while name, beside fitted voices."""
    room, hypotheses = TRACKER.room(), at_rest()
    for _ in range(6):
        compete(power_of(partials), TABLES, room.hypotheses, hypotheses)
    voices = room.fit.voices
    voices.number[0] = 0
    for hz in known:
        add_voice(voices, hz, 4200.0)
    names = at_zero(Names, {"all partials": MOST_PARTIALS})
    find_names(TABLES, room.hypotheses, hypotheses, voices, TRACKER.parts.tables.whole.window_power, names)
    return names


def test_names_are_the_partials_of_hypotheses():
    """Between the fundamentals of the grid, a tempered fifth apart: the first partial that they share is 0.7 Hz off."""
    first, second = 220.0, 329.63
    names = named([(h * f0, 0.2 / h) for f0 in (first, second) for h in range(1, 6)])
    pitches = np.unique(names.pitch_hz[names.pitch_hz > 0])
    assert 1200 * np.log2(pitches / [first, second]) == pytest.approx(0, abs=3)
    for k in np.flatnonzero(names.hz):
        multiple = names.hz[k] / names.pitch_hz[k]
        assert multiple == pytest.approx(round(multiple), rel=0.018)
    own = np.argmin(abs(names.hz - first))
    assert names.energy[own] == pytest.approx(0.2**2, rel=0.1)


def test_weak_hypotheses_name_what_was_fitted():
    partials = [(h * 200.0, 0.2 / h) for h in range(1, 9)] + [(h * 277.0, 0.03 / h) for h in range(1, 6)]
    for known in ((), (277.0,)):
        pitches = np.unique(named(partials, known).pitch_hz)[1:]
        assert pitches == pytest.approx([200.0, *known], rel=5e-3)


def test_a_fundamental_goes_on_as_the_nearest():
    names = named([(h * f0, 0.2 / h) for f0 in (220.0, 331.0) for h in range(1, 6)])
    assert find_alike(325.0, names) == pytest.approx(331.0, rel=2e-3)
    assert find_alike(270.0, names) == 0
    assert find_alike(0.0, names) == 0


def test_what_no_fit_explains_is_named_by_hypotheses():
    """Three that sing each of two notes, every partial by itself: no voice is rigid, and both notes are told."""
    rng, t = np.random.default_rng(3), np.arange(int(1.2 * RATE)) / RATE
    wave = np.zeros(t.size)
    for f0 in (196.0, 294.0):
        for _ in range(3):
            cents = 8 * rng.standard_normal() + 6 * np.sin(2 * np.pi * rng.uniform(3, 7) * t + rng.uniform(0, 6))
            for h in range(1, 9):
                swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(5, 15) * t + rng.uniform(0, 6))
                turns = np.cumsum(h * f0 * 2 ** ((cents + 5 * rng.standard_normal()) / 1200)) / RATE
                wave += 0.05 / h * swell * np.cos(2 * np.pi * turns + rng.uniform(0, 6))
    tracker = VoiceTracker(RATE, HOP, 60 * 2 ** (np.arange(33) / 4))
    hops = wave[: t.size // HOP * HOP].astype(np.float32).reshape(-1, 1, HOP)
    frames = tracker.process(hops)
    unexplained = [n for n in range(100, len(hops)) if frames.partials[n, 0] == 0]
    found = []
    for n in unexplained:
        pitches = frames.hz[n, 0, : frames.named[n, 0]] / frames.multiple[n, 0, : frames.named[n, 0]]
        found += [bool((abs(1200 * np.log2(pitches / f0)) < 25).any()) for f0 in (196.0, 294.0)]
    assert len(unexplained) > 0.5 * len(hops)
    assert np.mean(found) > 0.8
