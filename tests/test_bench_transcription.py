"""What the transcription benchmark makes of its peers' answers."""

import pytest

from benchmarks.sharpness.bundled import Bundled
from benchmarks.transcription import peers, spoken


def test_bent_notes_are_frames_and_notes():
    """Two notes that overlap, the later one told first; the other rises by a semitone in its second half."""
    heard = peers.of_notes([(0.5, 1.5, 69, 0.8, None), (0.0, 1.0, 57, 0.9, [0, 3])], 2.0)

    def pitches(time_s: float) -> list[float]:
        return sorted(heard.pitches_hz[abs(heard.times_s - time_s).argmin()].tolist())

    assert pitches(0.2) == pytest.approx([220])
    assert pitches(0.7) == pytest.approx([220 * 2 ** (1 / 12), 440])
    assert pitches(1.2) == pytest.approx([440])
    assert pitches(1.8) == []
    assert heard.notes.tolist() == [pytest.approx([0.0, 1.0, 220.0]), pytest.approx([0.5, 1.5, 440.0])]


def test_no_note_is_no_pitch():
    heard = peers.of_notes([], 0.1)
    assert heard.notes.shape == (0, 3)
    assert not any(len(row) for row in heard.pitches_hz)


def test_peers_that_are_missing_are_left_out_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(peers, "find_spec", lambda package: None if package == "swift_f0" else object())
    methods = {"ours": 1, "SwiftF0": 2, "basic-pitch": 3}
    assert peers.installed(methods) == {"ours": 1, "basic-pitch": 3}
    assert capsys.readouterr().err == "SwiftF0 is left out: swift_f0 not installed\n"


def test_a_spoken_scene_is_found_by_its_own_truth_and_not_an_octave_off():
    drawn = next(spoken.scenes(Bundled(), sings=False))
    _, times_s, hz, level = drawn
    assert spoken.scored(times_s, hz[:, None], times_s, hz, level).tolist() == pytest.approx([1, 1, 0, 0], abs=0.02)
    assert spoken.scored(times_s, 2 * hz[:, None], times_s, hz, level)[:3].tolist() == pytest.approx(
        [0, 1, 1], abs=0.02
    )
    assert spoken.scored(times_s, 0 * hz[:, None], times_s, hz, level).tolist() == [0, 0, 0, 0]
