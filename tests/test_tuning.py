"""Reference pitch and temperament: notes are named by them wherever notes have names, and sound as they did."""

import io
import json
import re
from importlib import resources

import mido
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

import sharpear
from sharpear.cli import app
from sharpear.config import HIGHEST_A4_HZ, LOWEST_A4_HZ, TEMPERAMENTS, TuningConfig, load_config
from sharpear.errors import InputError, UsageError
from sharpear.live.meter import describe
from sharpear.live.status import Status
from sharpear.pitch import HeardFrames, Note, Transcription, Voices, note_name, notes_of
from sharpear.pitch.note_files import FORMATS
from sharpear.pitch.note_tracker import NoteTracker
from sharpear.sharpening.frames import Frames
from sharpear.sinks.figure import _name_notes
from sharpear.sinks.music import TEMPERED_CENTS, hertz, midi_pitch, named, pitch_class, tuning_of
from sharpear.sinks.strokes import Linker

BAROQUE = TuningConfig(a4_hz=415)
TUNINGS = st.builds(TuningConfig, a4_hz=st.floats(380, 480), temperament=st.sampled_from(TEMPERAMENTS))


@pytest.mark.parametrize(
    ("hz", "a4_hz", "temperament", "told"),
    [
        (440 * 3 / 4, 440, "just", "E4 +0"),  # a fourth below
        (440 * 3 / 5, 440, "just", "C4 +0"),
        (442 * 3 / 2, 442, "pythagorean", "E5 +0"),
        (440 * 5 ** (1 / 4), 440, "meantone", "E5 +0"),
        (440 * 5 / 4, 440, "equal", "C♯5 -14"),
        (415, 440, "equal", "G♯4 -1"),
        (415, 415, "equal", "A4 +0"),
    ],
)
def test_notes_stand_where_ratios_say(hz, a4_hz, temperament, told):
    assert note_name(hz, TuningConfig(a4_hz=a4_hz, temperament=temperament)) == told


@given(st.floats(20, 12000), TUNINGS)
def test_a_name_and_its_cents_are_the_frequency(hz, tuning):
    key, cents = named(midi_pitch(hz), tuning)
    assert hertz(key, cents, tuning) == pytest.approx(hz, rel=1e-9)
    neighbours = [abs(1200 * np.log2(hz / hertz(key + step, tuning=tuning))) for step in (-1, 1)]
    assert abs(cents) <= min(neighbours) + 1e-6


@given(st.floats(20, 12000), TUNINGS)
def test_a_line_has_the_class_of_the_note_that_it_is_named_by(hz, tuning):
    key, _ = named(midi_pitch(hz), tuning)
    assert pitch_class(hz, tuning.a4_hz, TEMPERED_CENTS[tuning.temperament]) == 1 + key % 12


def sung(hz: float, tuning: TuningConfig) -> Transcription:
    f0 = np.repeat([0.0, hz, 0.0], 50)[:, None]
    voices = Voices(np.arange(150) * 0.01, f0, np.where(f0 > 0, 0.1, 0.0))
    return Transcription(voices, notes_of(voices, tuning=tuning), tuning=tuning)


def test_tables_and_labels_have_the_written_note_and_all_else_the_sound():
    found = sung(415.0, BAROQUE)
    assert [(note.midi, round(note.cents, 6)) for note in found.notes] == [(69, 0.0)]
    for name in ("txt", "TextGrid", "svl", "sv.csv"):
        assert b"A4 +0" in FORMATS[name](found), name
    assert "A4 +0" in found._repr_html_()
    assert b"415.0000" in FORMATS["sv.csv"](found)
    (value,) = json.loads(FORMATS["jams"](found))["annotations"][0]["data"]
    assert value["value"] == pytest.approx(69 + 12 * np.log2(415 / 440), abs=1e-4)


def test_a_midi_file_strikes_the_written_key_and_bends_it_to_the_sound():
    (track,) = mido.MidiFile(file=io.BytesIO(FORMATS["mid"](sung(415.0, BAROQUE)))).tracks
    (struck,) = [message for message in track if message.type == "note_on"]
    (bent,) = [message for message in track if message.type == "pitchwheel"]
    assert struck.note == 69
    assert 440 * 2 ** (2 * bent.pitch / 8192 / 12) == pytest.approx(415, rel=3e-4)


def test_voices_that_share_a_channel_sound_as_near_as_keys_come():
    notes = [Note(0.1 * voice, 0.1 * voice + 0.05, 60 + voice, 20.0, -20.0, voice) for voice in range(16)]
    nothing = Voices(*[np.zeros(0)] * 3)
    tracks = mido.MidiFile(file=io.BytesIO(FORMATS["mid"](Transcription(nothing, notes, tuning=BAROQUE)))).tracks
    assert len(tracks) == 16
    for track in tracks:
        voice = int(track.name.removeprefix("voice "))
        (struck,) = [message.note for message in track if message.type == "note_on"]
        bent = [2 * message.pitch / 8192 for message in track if message.type == "pitchwheel"]
        sounds = midi_pitch(hertz(60 + voice, 20.0, BAROQUE))
        assert len(bent) == (voice not in (0, 15))
        assert struck + sum(bent) == pytest.approx(sounds, abs=0.006 if bent else 0.5)


def test_a_live_note_between_two_of_440_hz_stays_one_in_its_tuning():
    tuning = TuningConfig(a4_hz=440 * 2 ** (-50 / 1200))
    f0 = tuning.a4_hz * 2 ** (0.4 * np.sin(np.arange(90) * 0.2) / 12)
    tracker = NoteTracker(1, 0.0116, 0.5, tuning)
    events = [e for hz in f0 for e in tracker.step(np.array([hz]), np.array([0.1]), np.array([0.9]))]
    assert [(event.kind, event.key) for event in events if event.kind != "move"] == [("on", 69)]


def test_the_terminal_and_pictures_name_notes_by_it():
    status = Status("replay", sample_rate=44100, channels=1, block=256, preset="music", hop_ms=2.9)
    shown = describe(status, [(415.0, -6.0)], BAROQUE)
    assert shown[2].startswith("A4 +0 415.0 Hz")
    axes = Figure().subplots()
    axes.set_yscale("log")
    axes.set_ylim(100, 1000)
    _name_notes(axes, (100.0, 1000.0), BAROQUE)
    (right,) = axes.child_axes
    ticks = dict(zip([text.get_text() for text in right.get_yticklabels()], right.get_yticks(), strict=True))
    assert ticks["C4"] == pytest.approx(415 * 2 ** (-9 / 12))


@pytest.mark.parametrize(("tuning", "found"), [(TuningConfig(), 9), (BAROQUE, 10)])
def test_lines_have_the_pitch_class_of_their_voice_in_it(tuning, found):
    one = np.ones((4, 1, 1), np.float32)
    frames = Frames(np.arange(4.0), one, 415 * one, one, fundamental=415 * one)
    peaks = Linker(100.0, tuning).process(frames, last=True)
    assert peaks.voice[:, 0].tolist() == [found] * 4


def test_settings_say_it_and_frames_do_not_depend_on_it():
    config = load_config("music", {"tuning.a4_hz": "415", "tuning.temperament": "meantone"})
    assert config.tuning == TuningConfig(a4_hz=415, temperament="meantone")
    assert config.digest == load_config("music").digest
    assert tuning_of({"config": config.model_dump(mode="json")}) == config.tuning
    assert tuning_of({}) == TuningConfig()
    with pytest.raises(UsageError, match=r"tuning\.temperament.*'equal', 'meantone'"):
        load_config("music", {"tuning.temperament": "well"})


@pytest.mark.parametrize(
    "tuning", [None, 415, {"a4_hz": 300}, {"a4_hz": None}, {"temperament": "well"}, {"comma": 81 / 80}]
)
def test_frames_that_name_no_tuning_there_is_are_refused_in_a_line(tuning, tmp_path):
    config = {**load_config("music").model_dump(mode="json"), "tuning": tuning}
    one, hz = np.ones((4, 1, 2), np.float32), np.array([400.0, 500.0])
    told = {"sample_rate": 44100, "hop": 128, "config": config}
    spec = sharpear.Spectrogram(np.arange(4.0), one, 415 * one, one, hz, hz, 0.0, attributes=told)
    for act in (
        lambda: HeardFrames(2, 2, told),
        lambda: spec.plot(Figure().subplots()),
        lambda: spec.save(tmp_path / "a.png"),
    ):
        with pytest.raises(InputError, match=r"^config\.tuning: expected a4_hz, 380 to 480, .*; received [^\n]*again$"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_a_tuning_is_refused_in_a_line(sharpear):
    low, unknown = sharpear("transcribe", "a.wav", "--a4", "300"), sharpear("view", "a.wav", "--temperament", "well")
    assert (low.code, unknown.code) == (2, 2)
    assert "--a4" in low.err
    assert "380" in low.err
    assert "well" in unknown.err


def test_options_and_the_page_of_files_take_the_reference_pitches_that_the_settings_take():
    bounds = LOWEST_A4_HZ, HIGHEST_A4_HZ
    commands = typer.main.get_command(app).commands.values()
    options = [each for command in commands for each in command.params if each.name == "a4"]
    assert {(each.min, each.max) for each in options} == {bounds}
    page = resources.files("sharpear.view").joinpath("static/file.html").read_text(encoding="utf-8")
    assert tuple(map(float, re.search(r'id="a4" min="(\d+)" max="(\d+)"', page).groups())) == bounds
