"""Voices: whose each pitch is, and the stems that follow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.separation.metrics import si_sdr_db
from sharpear.errors import UsageError
from sharpear.separation.separator import Separator
from sharpear.separation.voices import HarmonicVoices, VoiceTracks


def harmonic(rate: int, semitones: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A voice with twelve partials on a melody of half seconds."""
    hz = np.repeat(440 * 2 ** ((semitones - 69) / 12), rate // 2)
    phase = 2 * np.pi * np.cumsum(hz) / rate
    harmonics = np.arange(1, 13)
    return (0.1 / harmonics * np.cos(phase[:, None] * harmonics + 6.28 * rng.random(12))).sum(axis=1)


def test_voices_are_told_apart_by_their_partials_and_add_up():
    rate, rng = 16000, np.random.default_rng(5)
    truth = [harmonic(rate, np.array(line), rng) for line in ([48, 50, 52, 53, 55, 53], [67, 64, 69, 71, 67, 72])]
    mixture = np.sum(truth, axis=0).astype(np.float32)
    separator = Separator(rate, HarmonicVoices.of(2))
    assert separator.stems == ("voice1", "voice2", "residual")
    stems = np.concatenate([separator.process(mixture), separator.flush()])[separator.latency_samples :]
    assert np.abs(stems.sum(axis=1) - mixture).max() < 1e-4
    for number, source in enumerate(truth):
        assert si_sdr_db(stems[rate:, number], source[rate:]) > 8


@given(st.lists(st.lists(st.floats(40, 2000), min_size=4, max_size=4), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None)
def test_no_voice_has_two_pitches_and_silence_has_none(pitches):
    tracks = VoiceTracks(3, 4, 0.01)
    for row in np.array(pitches, np.float32):
        row[row < 100] = 0
        owners = tracks.process(row[None], np.ones((1, 4), np.float32))[0]
        assert (owners[row == 0] == -1).all()
        given_ = owners[owners >= 0]
        assert len(set(given_)) == len(given_) <= (row > 0).sum()


def test_a_number_of_voices_out_of_range_is_refused():
    for voices in (0, 17):
        with pytest.raises(UsageError, match="1 to 16 voices"):
            Separator(16000, HarmonicVoices.of(voices))
