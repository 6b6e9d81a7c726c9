"""``sharpear transcribe``: files in, notes and curves out."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from conftest import SMALL, Finished, leftovers, one_line

RATE = 16000


@pytest.fixture
def transcribe(sharpear) -> Callable[..., Finished]:
    return lambda *words: sharpear("transcribe", "--preset", SMALL, *words)


@pytest.fixture
def two_notes(folder: Path) -> Path:
    """A4 and then E5, 0.4 s each, in stereo."""
    t = np.arange(round(0.4 * RATE)) / RATE
    wave = [sum(0.1 / h * np.cos(2 * np.pi * hz * h * t) for h in range(1, 6)) for hz in (440.0, 659.26)]
    soundfile.write(folder / "song.wav", np.stack([np.concatenate(wave)] * 2, axis=1), RATE)
    return Path("song.wav")


def test_notes_as_csv_are_the_default(folder: Path, transcribe, two_notes: Path) -> None:
    finished = transcribe(two_notes)
    assert finished.code == 0, finished.err
    assert "2 notes → song.notes.csv" in finished.err
    rows = list(csv.DictReader((folder / "song.notes.csv").open()))
    assert [int(row["midi"]) for row in rows] == [69, 76]
    assert [float(row["onset_s"]) for row in rows] == pytest.approx([0.0, 0.4], abs=0.05)
    assert [float(row["offset_s"]) for row in rows] == pytest.approx([0.4, 0.8], abs=0.08)
    assert all(abs(float(row["cents"])) < 10 for row in rows)
    assert not leftovers(folder)


def test_all_formats_at_once(folder: Path, transcribe, two_notes: Path) -> None:
    names = ["out/notes.mid", "out/notes.jsonl", "out/f0.csv"]
    assert transcribe(two_notes, *[word for name in names for word in ("-o", name)], "-q").err == ""
    file = mido.MidiFile(folder / "out" / "notes.mid")
    heard = [message for track in file.tracks for message in track if message.type == "note_on"]
    assert sorted(message.note for message in heard) == [69, 76]
    assert all(message.channel != 9 and 1 <= message.velocity <= 127 for message in heard)
    assert file.length == pytest.approx(0.8, abs=0.1)
    notes = [json.loads(line) for line in (folder / "out" / "notes.jsonl").read_text().splitlines()]
    assert [note["midi"] for note in notes] == [69, 76]
    rows = list(csv.DictReader((folder / "out" / "f0.csv").open()))
    at = np.array([float(row["time_s"]) for row in rows])
    f0 = np.array([[float(row[name]) for name in row if name != "time_s"] for row in rows])
    assert f0[np.abs(at - 0.2).argmin()].max() == pytest.approx(440.0, rel=5e-3)
    assert f0[np.abs(at - 0.6).argmin()].max() == pytest.approx(659.3, rel=5e-3)


def test_one_voice_alone_has_a_strength(folder: Path, transcribe, two_notes: Path) -> None:
    assert transcribe(two_notes, "--voices", "1", "-o", "f0.csv", "-o", "notes.csv").code == 0
    rows = list(csv.DictReader((folder / "f0.csv").open()))
    assert {name for name in rows[0] if name.startswith("voice")} == {"voice0_hz", "voice0_strength"}
    assert max(float(row["voice0_strength"]) for row in rows) == pytest.approx(1.0, abs=0.02)
    assert [int(row["midi"]) for row in csv.DictReader((folder / "notes.csv").open())] == [69, 76]


def test_silence_has_no_notes(folder: Path, transcribe) -> None:
    soundfile.write(folder / "quiet.wav", np.zeros(RATE // 2), RATE)
    assert transcribe("quiet.wav", "-o", "notes.csv", "-o", "notes.mid").code == 0
    assert (folder / "notes.csv").read_text() == "onset_s,offset_s,midi,cents,level_db,voice\n"
    assert mido.MidiFile(folder / "notes.mid").length == 0


def test_a_pitch_out_of_range_is_one_line(folder: Path, sharpear) -> None:
    t = np.arange(RATE) / RATE
    soundfile.write(folder / "high.wav", 0.1 * np.cos(2 * np.pi * 5000 * t), RATE)
    finished = sharpear("transcribe", "high.wav")
    assert finished.code == 0
    assert "1.0 s of pitches above 4200 Hz were left out: --set pitch.high_hz=" in finished.err


@pytest.mark.parametrize("midi", [14, 17, 19])
def test_a_pitch_too_low_to_be_heard_is_one_line(folder: Path, sharpear, midi: int) -> None:
    t, hz = np.arange(RATE) / RATE, 440 * 2 ** ((midi - 69) / 12)
    soundfile.write(folder / "low.wav", sum(0.1 / h * np.cos(2 * np.pi * hz * h * t) for h in range(1, 20)), RATE)
    finished = sharpear("transcribe", "low.wav")
    assert finished.code == 0
    assert "s of pitches below 27.5 Hz, down to" in finished.err
    assert float(finished.err.partition("down to ")[2].partition(" Hz")[0]) == pytest.approx(hz, abs=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "notes.doc"], "expected a name such as notes.csv"),
        (["-o", "song.wav"], "expected a name such as"),
        (["--set", "pitch.voices=0"], "pitch.voices"),
        (["--voices", "0"], "pitch.voices"),
        (["--voices", "1", "--set", "pitch.voices=2"], "pitch.voices=2: an option of its own says 1"),
        (["--set", "pitch.low_hz=5000"], "low_hz below high_hz"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_2(transcribe, two_notes: Path, words: list[str], said: str) -> None:
    finished = transcribe(two_notes, *words)
    assert finished.code == 2
    assert one_line(finished.err)
    assert said in finished.err


def test_what_exists_is_kept_unless_asked(folder: Path, transcribe, two_notes: Path) -> None:
    (folder / "notes.csv").write_text("mine")
    refused = transcribe(two_notes, "-o", "notes.csv")
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert (folder / "notes.csv").read_text() == "mine"
    assert transcribe(two_notes, "-o", "notes.csv", "--overwrite").code == 0
    assert (folder / "notes.csv").read_text().startswith("onset_s")


def test_an_unreadable_input_is_exit_1(folder: Path, transcribe) -> None:
    (folder / "no.wav").write_text("not audio")
    finished = transcribe("no.wav", "-o", "notes.csv")
    assert finished.code == 1
    assert one_line(finished.err)
    assert not (folder / "notes.csv").exists()


def test_an_output_that_cannot_be_written_is_exit_1(folder: Path, transcribe, two_notes: Path) -> None:
    (folder / "file").write_text("in the way")
    finished = transcribe(two_notes, "-o", "file/notes.csv")
    assert finished.code == 1
    assert "cannot be written" in finished.err
    assert not leftovers(folder)
