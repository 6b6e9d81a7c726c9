"""`sharpear view`: what it opens, what it refuses, what it serves, and what it leaves behind."""

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL
from live_session import Running
from view_rig import RATE, recording, sheets_of

import sharpear
from sharpear.config import load_config
from sharpear.errors import InputError
from sharpear.live.recent import Recent
from sharpear.live.ring import Reader, Ring
from sharpear.live.sources import Replay
from sharpear.pitch import HeardFrames
from sharpear.view.data import data
from sharpear.view.late_notes import LateNotes
from sharpear.view.sheet import Sheets
from sharpear.view.tiles import stroke_records
from sharpear.view.view import View

pytest_plugins = "view_fixtures"


def test_a_zarr_made_before_opens_without_sound(drawn, sharpen, folder):
    assert sharpen(recording(folder), "-o", "sung.zarr", "--set", "output.rounding=false").code == 0
    Path("tiles").mkdir()
    with sheets_of([Path("sung.zarr")], Path("tiles")) as (_, told):
        (sheet,) = told[-1]["sheets"]
        assert (sheet["complete"], sheet["sound"], sheet["notes"]) == (True, False, True)
        mine = stroke_records(Path("tiles/0/s0-0").read_bytes())
        assert np.array_equal(mine, stroke_records((drawn[0] / "s0-0").read_bytes()))


def test_all_recordings_are_drawn_before_notes_are_heard(folder):
    Path("tiles").mkdir()
    with sheets_of([recording(folder), recording(folder, "again.wav")], Path("tiles")) as (_, told):
        assert [sheet["notes"] for sheet in told[-1]["sheets"]] == [True, True]
        with_notes = [message for message in told if any(sheet["notes"] for sheet in message["sheets"])]
        assert all(sheet["complete"] for message in with_notes for sheet in message["sheets"])


@pytest.mark.parametrize("most_frames", [100, 1_000_000])
def test_notes_heard_late_are_those_heard_at_once(folder, most_frames):
    spec = sharpear.sharpen(recording(folder), preset=str(SMALL))
    axes = spec.frequencies.size, spec.channel_frequencies.size, spec.attributes
    frames, ending = spec.with_stream(), threading.Event()
    late, at_once = LateNotes(*axes, ending, most_frames), HeardFrames(*axes)
    for first in range(0, len(frames), 37):
        late.add(frames[first : first + 37])
        at_once.add(frames[first : first + 37])
    heard, expected = late.transcription(), at_once.transcription()
    assert [note.midi for note in expected.notes] == [69]
    assert heard == expected
    ending.set()
    assert late.transcription() is None
    unknown = LateNotes(*axes[:2], {}, threading.Event())
    unknown.add(frames)
    assert unknown.transcription() is None, "frames that do not say how they were made"


def test_what_is_no_recording_is_refused(folder):
    Path("text.wav").write_text("no sound")
    with pytest.raises(InputError, match=r"text\.wav"):
        Sheets([Path("text.wav")], folder, load_config(str(SMALL)), lambda _: None, None)


def test_the_command_ends_well_at_ctrl_c_and_leaves_nothing(folder):
    recording(folder)
    Path("tmp").mkdir()
    words = [sys.executable, "-m", "sharpear", "view", "--no-open", "sung.wav", "--preset", str(SMALL)]
    environment = {**os.environ, "TMPDIR": str(folder / "tmp")}
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    address = next(line for line in process.stderr if "http://127.0.0.1:" in line).split("at ")[1].split("/: ")[0]
    with urllib.request.urlopen(f"{address}/") as answer:
        assert b"file.js" in answer.read()
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 0, told
    assert list(Path("tmp").iterdir()) == []


def test_what_cannot_be_viewed_is_said_in_a_line(sharpear):
    missing = sharpear("view", "missing.wav", "--set", "pitch.high_hz=1050")
    many = sharpear("view", *(f"{n}.wav" for n in range(13)))
    assert (missing.code, many.code, sharpear("view", "-").code) == (1, 2, 2)
    assert missing.err.startswith("sharpear: missing.wav: no such file")
    assert "at most 12 files for one page, received 13" in many.err


def test_a_missing_file_is_said_before_others_are_prepared(sharpear, wav, monkeypatch):
    monkeypatch.setattr("sharpear.view.sheet.Sharpener", None)
    done = sharpear("view", wav(), "nope.wav", "--no-open")
    assert (done.code, done.err) == (1, "sharpear: nope.wav: no such file\n")


def test_a_url_is_downloaded(sharpear, folder):
    """What it gives is shown as a file is; what it does not is said in a line."""
    missing = sharpear("view", "--no-open", f"file://{folder}/missing.wav")
    assert missing.code == 1
    assert f"file://{folder}/missing.wav" in missing.err
    Path("text.wav").write_text("no sound")
    foreign = sharpear("view", "--no-open", f"file://{folder}/text.wav")
    assert foreign.code == 1
    assert foreign.err.splitlines()[-1].startswith("sharpear: ")
    assert "text.wav" in foreign.err.splitlines()[-1]


@pytest.mark.real_time
def test_the_last_minutes_of_a_session_are_kept_bit_for_bit(folder):
    path = recording(folder)
    with Running(Replay(path, 256), remembers=True) as running:
        assert running.heard(1.5)
        running.session.keep()
        assert running.said("kept the last")
        (kept,) = running.session.written
    samples, rate = soundfile.read(kept, dtype="float32")
    assert rate == RATE
    assert len(samples) > RATE
    assert np.array_equal(samples, soundfile.read(path, dtype="float32")[0][: len(samples)])


def test_what_is_remembered_is_bounded(monkeypatch, folder):
    monkeypatch.setattr("sharpear.live.recent.KEPT_S", 0.01)
    ring = Ring.create(4096, 1)
    recent = Recent(Reader(ring, 4096), RATE, 1)
    ring.write(np.arange(1000, dtype=np.float32)[:, None] / 1000)
    assert recent.keep(Path("kept.wav")) == 0.01
    assert np.array_equal(soundfile.read("kept.wav", dtype="float32")[0], np.arange(840, 1000, dtype=np.float32) / 1000)
    ring.remove()


def test_sound_is_served_in_stretches_and_nothing_else_is(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "sound.wav").write_bytes(bytes(range(200)))
    (tmp_path / "secret").write_text("secret")
    answer = data(tmp_path / "0" / "sound.wav", "bytes=10-19")
    assert (answer.status_code, answer.body) == (206, bytes(range(10, 20)))
    assert answer.headers["Content-Range"] == "bytes 10-19/200"
    assert data(tmp_path / "0" / "missing", "").status_code == 404
    assert data(tmp_path / "0", "").status_code == 503, "what is there and cannot be read is no stretch of silence"
    for wrong in ("bytes=200-", "bytes=-5", "lines=1-2"):
        assert data(tmp_path / "0" / "sound.wav", wrong).status_code == 416
    with View(folder=tmp_path) as view:
        with urllib.request.urlopen(f"{view.url}data/0/sound.wav") as stretch:
            assert stretch.read() == bytes(range(200))
        for path in ("data/secret", "data/../secret", "data/0/../../secret", "data/0/.sound", "data/0/%2e%2e/secret"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(view.url + path)
