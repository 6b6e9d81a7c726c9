"""One voice sought alone: its fundamental, whether it sounds, and how strongly."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear import sharpen, transcribe
from sharpear.config import load_config
from sharpear.pitch import HeardFrames
from sharpear.pitch.one_voice import CANDIDATES, OneVoice
from sharpear.pitch.one_voice_kernel import PeriodRule, Periods, best_path, find_periods
from sharpear.sharpening.frames import Frames

RATE = 16000
RULE = PeriodRule(60.0, 600.0, 16000.0, 0.01)


def tone(hz: np.ndarray | float, seconds: float = 1.0, weight: float = 1.0) -> np.ndarray:
    """A harmonic tone of partials h^-weight; `hz` may move, one value a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, round(seconds * RATE))) / RATE
    return 0.1 * sum(np.cos(h * phase) / h**weight for h in range(1, 11))


def periods(amplitude: np.ndarray, frequency: np.ndarray) -> Periods:
    found = Periods(*(np.empty((len(amplitude), CANDIDATES)) for _ in range(3)), np.empty(len(amplitude)))
    find_periods(amplitude.astype(np.float32), frequency.astype(np.float32), RULE, found)
    return found


@settings(max_examples=20, deadline=None)
@given(st.floats(70, 280), st.integers(0, 1000))
def test_candidates_are_the_peaks_of_the_lines_autocorrelation(f0: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    hz = np.append(f0 * np.arange(1, 9), rng.uniform(60, 4000, 4))[None]
    level = np.append(rng.uniform(0.3, 1, 8), rng.uniform(0, 0.2, 4))[None]
    found = periods(level, hz)
    tau = np.arange(1 / 600, 1 / 60, 1e-6)
    r = (level[0] * np.cos(2 * np.pi * tau[:, None] * hz[0])).sum(axis=1) / level.sum()
    best = int(found.worth.argmax())
    expected = tau[(r - 0.01 * np.log2(60 * tau)).argmax()]
    assert 1200 * abs(found.pitch[0, best] + np.log2(expected)) < 40
    exact = (level[0] ** 2 * np.cos(2 * np.pi * hz[0] * 2 ** -found.pitch[0, best])).sum() / (level**2).sum()
    assert found.strength[0, best] == pytest.approx(exact, abs=1e-4)
    assert found.level[0] == pytest.approx(np.sqrt((level**2).sum()), rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_path_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pitch = rng.uniform(6, 9, (4, 2)) * (rng.random((4, 2)) < 0.8)
    drawn = Periods(pitch, rng.uniform(0, 1, (4, 2)), np.zeros((4, 2)), np.ones(4))
    unvoiced = rng.uniform(0, 1, 4)

    def total(path: tuple[int, ...]) -> float:
        worth = 0.0
        for t, k in enumerate(path):
            if k < 2 and pitch[t, k] == 0:
                return -np.inf
            worth += drawn.worth[t, k] if k < 2 else unvoiced[t]
            if t and (k == 2) != (path[t - 1] == 2):
                worth -= 0.14
            elif t and k < 2:
                worth -= 0.35 * abs(pitch[t, k] - pitch[t - 1, path[t - 1]])
        return worth

    path = np.zeros(4, np.int64)
    best_path(drawn, unvoiced, 0.35, 0.14, path)
    assert total(tuple(path)) == pytest.approx(max(map(total, np.ndindex(3, 3, 3, 3))))


def test_speech_that_falls_fast_is_followed_without_octaves() -> None:
    """60 semitones a second, as in speech: eight voices lose it."""
    t = np.arange(RATE) / RATE
    hz = 220 * 2 ** (-np.abs((t * 2) % 2 - 1))
    heard = transcribe(tone(hz), RATE, "speech").voices
    at = (heard.times > 0.1) & (heard.times < 0.9)
    cents = 1200 * np.log2(heard.f0[at, 0] / np.interp(heard.times[at], t, hz))
    assert np.mean(np.abs(cents) < 50) > 0.9
    assert heard.f0.shape[1] == 1


@pytest.mark.parametrize("weight", [0.0, 1.5], ids=["bright", "dull"])
def test_a_low_voice_without_a_fundamental_keeps_its_octave(weight: float) -> None:
    sound = tone(85.0, weight=weight)
    t = np.arange(RATE) / RATE
    heard = transcribe(sound - 0.1 * np.cos(2 * np.pi * 85.0 * (t + 1 / RATE)), RATE, "speech").voices
    middle = heard.f0[20:-20, 0]
    assert middle == pytest.approx(np.full(len(middle), 85.0), rel=0.01)


def test_strength_tells_breath_from_voice() -> None:
    breath = np.random.default_rng(0).standard_normal(RATE)
    clear, hoarse = (transcribe(tone(200.0) + level * breath, RATE, "speech").voices for level in (1e-3, 0.03))
    both = [np.median(v.strength[v.f0 > 0]) for v in (clear, hoarse)]
    assert both[0] > 0.99
    assert 0.6 < both[1] < both[0]
    assert np.all(clear.strength[clear.f0 == 0] == 0)


@pytest.mark.parametrize("slope", [0.0, -0.5, -1.0], ids=["white", "pink", "brown"])
def test_noise_has_no_notes(slope: float) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(2 * RATE))
    noise = np.fft.irfft(spectrum * np.maximum(np.fft.rfftfreq(2 * RATE, 1 / RATE), 20.0) ** slope)
    assert transcribe(0.1 * noise / noise.std(), RATE, "speech").notes == []


def test_where_nothing_sounds_there_is_no_voice() -> None:
    heard = transcribe(np.zeros(RATE // 2), RATE, "speech")
    assert not heard.voices.f0.any()
    assert heard.notes == []


def test_notes_begin_where_they_do() -> None:
    hz = np.repeat([0.0, 220.0, 0.0, 330.0], RATE // 4)
    notes = transcribe(np.where(hz > 0, tone(hz), 0.0), RATE, "speech").notes
    assert [note.midi for note in notes] == [57, 64]
    assert [note.onset_s for note in notes] == pytest.approx([0.25, 0.75], abs=0.03)
    assert [note.offset_s for note in notes] == pytest.approx([0.5, 1.0], abs=0.04)


def test_frames_that_are_there_tell_the_same_in_blocks_of_any_length() -> None:
    sound = tone(150.0, 0.6).astype(np.float32)
    spec = sharpen(sound, RATE, "speech")
    whole = HeardFrames(spec.frequencies.size, spec.channel_frequencies.size, spec.attributes)
    whole.add(spec.with_stream())
    parts = OneVoice(load_config("speech").pitch, float(spec.attributes["hop"]) / RATE)
    frames: Frames = spec.with_stream()
    for first in range(0, len(frames), 7):
        parts.hear(frames[first : first + 7])
    one, other = whole.transcription().voices, parts.voices()
    assert np.array_equal(one.f0, other.f0)
    assert np.array_equal(one.strength, other.strength)


def test_the_table_has_a_strength_and_nothing_is_continued(tmp_path: Path) -> None:
    sound = np.concatenate([tone(150.0, 0.3), np.zeros(RATE // 5), tone(160.0, 0.3)])
    found = transcribe(sound, RATE, "speech")
    rows = list(csv.DictReader(found.save(tmp_path / "f0.csv").open()))
    assert list(rows[0]) == ["time_s", "voice0_hz", "voice0_strength"]
    f0, strength = (np.array([float(row[name]) for row in rows]) for name in list(rows[0])[1:])
    assert f0 == pytest.approx(found.voices.f0[:, 0], abs=0.01)
    assert np.array_equal(f0 > 0, strength > 0)
    curve = pd.read_parquet(found.save(tmp_path / "f0.parquet"))
    assert np.array_equal(curve["strength"], found.voices.strength[f0 > 0, 0])


def test_a_range_of_high_pitches_is_sampled_finely_enough() -> None:
    one = transcribe(tone(1000.0, weight=3.0), 44100, overrides={"pitch.voices": 1, "pitch.high_hz": 9000.0}).voices
    middle = one.f0[10:-10, 0]
    assert np.median(middle) == pytest.approx(1000.0 * 44100 / RATE, rel=0.005)
