"""Where notes begin: what is read of each voice, and what notes make of it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sharpear.pitch import Voices, beginnings, notes_of, transcribe
from sharpear.pitch.beginnings import EARLY, EVIDENCE, HARMONICS, LAGS, Strokes, expected, pitch_of, weighed
from sharpear.sharpening.frames import Frames

RATE = 16000
STEP_S = 0.0116


def moments(first: int, past: int, apart_s: float = 0.0029) -> NDArray[np.float64]:
    """(count,) s."""
    return np.asarray(apart_s * np.arange(first, past), np.float64)


def listened(size: int, seed: int = 1, frames: int = 1200) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Chances and evidence of random lines and voices, given in blocks of a size."""
    rng, kept = np.random.default_rng(seed), []

    def readout(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        kept.append(evidence)
        return np.asarray(0.1 + (evidence.sum(axis=1) % 7) / 8, np.float32)

    amplitude, place = rng.random((2, frames, 1, 20)).astype(np.float32)
    held = np.repeat(rng.random((2, frames // 80, 3)), 20, axis=1)
    f0 = np.where(held[0] > 0.4, 220 * 2 ** held[1], 0)
    given_, listener = np.zeros((frames, 1, 1), np.float32), Strokes(4, STEP_S, readout)
    for n in range(0, frames, size):
        past = min(n + size, frames)
        lines = amplitude[n:past] * (amplitude[n:past] > 0.5), (200 * 2 ** (4 * place[n:past])).astype(np.float32)
        listener.hear(Frames(moments(n, past), *lines, given_[n:past]))
        voices = f0[-(-n // 4) : -(-past // 4)]
        listener.follow(voices, voices / 1000, voices / 1000)
    return listener.end(), kept


@pytest.mark.parametrize("size", [77, 1000])
def test_blocks_of_any_length_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = listened(1200)[0]
    monkeypatch.setattr(beginnings, "CHUNK", 40)
    np.testing.assert_array_equal(listened(size)[0], whole)
    assert whole.shape == (300, 3)
    assert 0 < (whole > 0).mean() < 1


def test_evidence_is_told_of_each_voice_and_of_the_steps_before_it() -> None:
    chances, (evidence,) = listened(1200)
    assert evidence.shape == ((chances > 0).sum(), EVIDENCE)
    assert np.isfinite(evidence).all()
    silent = listened(1200, frames=80)[0]
    assert silent.shape == (20, 3)
    f0 = np.zeros((40, 1))
    f0[20:] = 440.0
    listener = Strokes(4, STEP_S, lambda evidence: 1.0 * (np.abs(pitch_of(evidence) - 69) < 0.2))
    listener.follow(f0, f0, f0 / 880)
    assert np.flatnonzero(listener.end()[:, 0]).tolist() == list(range(20 - EARLY, 40))


def test_levels_are_those_of_harmonics_around() -> None:
    """One line, at the second harmonic, that is 20 dB fainter from one step on."""
    rows: list[NDArray[np.float32]] = []

    def keep(evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        rows.append(evidence)
        return np.zeros(len(evidence), np.float32)

    amplitude = np.where(np.arange(160) < 80, 1.0, 0.1).reshape(-1, 1, 1).astype(np.float32)
    listener, f0 = Strokes(4, STEP_S, keep), np.full((40, 1), 220.0)
    listener.hear(Frames(moments(0, 160), amplitude, np.full_like(amplitude, 440), amplitude))
    listener.follow(f0, f0, f0 / 440)
    listener.end()
    levels = rows[0][20, : len(HARMONICS) * len(LAGS)].reshape(len(HARMONICS), len(LAGS))
    second = HARMONICS.index(36)
    decibels = 30 * levels[second] - 60
    np.testing.assert_allclose(decibels[[LAGS.index(-1), LAGS.index(0)]], [0, -20], atol=0.1)
    assert not levels[[n for n in range(len(HARMONICS)) if n != second]].any()


def test_the_readout_is_two_rectified_layers_and_a_logistic() -> None:
    rng = np.random.default_rng(3)
    layers = [rng.standard_normal(shape).astype(np.float32) for shape in ((5, 8), (4, 6), (1, 5))]
    evidence = rng.standard_normal((6, 7)).astype(np.float32)
    for row, received in zip(evidence, weighed(layers, evidence), strict=True):
        for weights in layers[:2]:
            row = [max(0.0, sum(w * x for w, x in zip(unit, [*row, 1.0], strict=True))) for unit in weights]
        odds = sum(w * x for w, x in zip(layers[2][0], [*row, 1.0], strict=True))
        assert received == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-5)


def curve(*stretches: tuple[int, float], begins: tuple[int, ...]) -> Voices:
    """One voice of (steps, Hz), with a likely beginning around some steps."""
    f0 = np.concatenate([np.full(steps, hz) for steps, hz in stretches])[:, None]
    chances = np.zeros(f0.shape)
    for step in begins:
        chances[step - 1 : step + 2] = 0.9
    return Voices(moments(0, len(f0), STEP_S), f0, (f0 > 0) * 0.1, strokes=expected(chances, STEP_S))


def test_a_note_begins_where_it_is_likely_to_and_a_voice_is_struck_again() -> None:
    notes = notes_of(curve((20, 0.0), (60, 220.0), (9, 0.0), begins=(17, 45)))
    assert [note.onset_s / STEP_S for note in notes] == pytest.approx([17, 45], abs=1.01)
    assert [note.midi for note in notes] == [57, 57]
    (whole,) = notes_of(curve((20, 0.0), (60, 220.0), (9, 0.0), begins=(17,)))
    assert whole.offset_s == pytest.approx(80 * STEP_S)


@settings(deadline=None, max_examples=50)
@given(
    chances=st.lists(st.floats(0, 1, width=32), min_size=90, max_size=90),
    lengths=st.lists(st.integers(1, 25), min_size=2),
)
def test_notes_of_a_voice_never_overlap_wherever_they_are_likely_to_begin(
    chances: list[float], lengths: list[int]
) -> None:
    keys = [60 + 2 * (n % 5) if n % 3 else 0 for n in range(len(lengths))]
    f0 = np.repeat([440 * 2 ** ((key - 69) / 12) if key else 0.0 for key in keys], lengths)[:90, None]
    voices = Voices(moments(0, len(f0), STEP_S), f0, (f0 > 0) * 0.1, strokes=np.array(chances)[: len(f0), None])
    notes = notes_of(voices)
    assert all(note.offset_s > note.onset_s >= 0 for note in notes)
    assert all(after.onset_s >= note.offset_s for note, after in pairwise(notes))


@pytest.mark.parametrize("keys", [(57, 64), (69, 74), (57, 69)], ids=["fifth", "fourth", "octave"])
def test_one_of_two_voices_is_struck_again_while_the_other_goes_on(keys: tuple[int, int]) -> None:
    t = np.arange(round(1.6 * RATE)) / RATE

    def string(key: int, *at: float) -> NDArray[np.float64]:
        since = t - np.array(at)[np.searchsorted(at, t, "right") - 1]
        decay = np.where(since >= 0, np.exp(-3 * since) * np.minimum(1, np.abs(since) / 0.003), 0)
        hz = 440 * 2 ** ((key - 69) / 12)
        return 0.1 * decay * sum(np.cos(2 * np.pi * hz * h * t) / h for h in range(1, 9))

    low, high = keys
    notes = transcribe(string(low, 0.2) + string(high, 0.2, 0.9), RATE).notes
    begun = {key: [note.onset_s for note in notes if note.midi == key] for key in keys}
    assert begun == {low: [pytest.approx(0.2, abs=0.05)], high: [pytest.approx(at, abs=0.05) for at in (0.2, 0.9)]}
