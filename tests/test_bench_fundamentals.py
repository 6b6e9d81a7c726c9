"""What becomes of every voice in the benchmark of fundamentals."""

import numpy as np
import pytest

from benchmarks.sharpness.recordings import HOP_S
from benchmarks.transcription.fundamentals import CLASSES, Truth, classified, near_changes
from benchmarks.transcription.heard import Heard

VOICES_HZ = np.array([200.0, 300.0])


def off(hz: float, by_cents: float) -> float:
    return hz * 2 ** (by_cents / 1200)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([200.0, 300.0], "found"),
        ([200.0, off(300, 19)], "found"),
        ([200.0, off(300, 40)], "off, up to 70 cents"),
        ([200.0, 600.0], "octave or twelfth"),
        ([200.0, 100.0], "octave or twelfth"),
        ([200.0, 415.0], "not found"),
        ([200.0], "not found"),
    ],
)
def test_a_voice_is_of_one_class(told: list[float], expected: str):
    truth = Truth(np.zeros(1), VOICES_HZ[None], np.zeros((1, 2), bool))
    counts, _ = classified(truth, Heard(np.zeros(1), [np.array(told)]), 0.0)
    assert counts.sum() == 2
    # 100 Hz is of both: a third of 300 Hz, and half of 200 Hz, a voice that is found.
    assert counts[CLASSES.index(expected)] == (2 if expected == "found" else 1)


def test_a_neighbours_pitch_is_no_error_of_its_own():
    truth = Truth(np.zeros(1), np.array([[200.0, off(200, 50)]]), np.zeros((1, 2), bool))
    counts, _ = classified(truth, Heard(np.zeros(1), [np.array([200.0])]), 0.0)
    assert counts[CLASSES.index("a neighbour's")] == 1


def test_what_is_missed_near_a_change_is_told_so_and_pitches_that_are_nobodys_are_counted():
    truth = Truth(np.zeros(1), VOICES_HZ[None], np.array([[True, False]]))
    counts, nobodys = classified(truth, Heard(np.zeros(1), [np.array([300.0, 415.0])]), 0.0)
    assert counts[CLASSES.index("near a note's change")] == 1
    assert nobodys == pytest.approx(0.5)


def test_notes_change_and_vibrato_does_not():
    t = np.arange(200) * HOP_S
    vibrato = 220 * 2 ** (60 / 1200 * np.sin(2 * np.pi * 5.5 * t))
    step = np.where(t < 1.2, 220.0, 247.0)
    near = near_changes(np.stack([vibrato, step], axis=1))[10:-10]
    assert not near[:, 0].any()
    found = t[10:-10][near[:, 1]]
    assert found.min() == pytest.approx(1.2 - 0.05, abs=2 * HOP_S)
    assert found.max() == pytest.approx(1.2 + 0.05, abs=2 * HOP_S)
