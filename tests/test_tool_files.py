"""Notes in other tools' formats, opened by those tools' own readers."""

import json
import xml.etree.ElementTree as ElementTree

import jams
import mido
import numpy as np
import pandas as pd
import parselmouth
import pytest
from parselmouth.praat import call

from sharpear import Transcription
from sharpear.integrity import examine
from sharpear.pitch.note_files import NOTE_KINDS
from sharpear.pitch.notes import Note, Voices

TIMES = np.arange(300) * 0.01
F0 = np.zeros((300, 2), np.float32)
F0[20:100, 0], F0[120:200, 0], F0[50:250, 1] = 441.0, 330.0, 110.0
NOTES = [
    Note(0.2, 1.0, 69, 3.9, -20.0, 0),
    Note(0.5, 2.5, 45, 0.0, -30.0, 1),
    Note(1.2, 2.0, 64, 1.9, -25.0, 0),
]
FOUND = Transcription(Voices(TIMES, F0, (F0 > 0).astype(np.float32)), NOTES, sample_rate=48000.0)
NONE = Transcription(Voices(TIMES, 0 * F0, 0 * F0), [])


def test_audacity_labels(tmp_path):
    rows = [line.split("\t") for line in FOUND.save(tmp_path / "labels.txt").read_text().splitlines()]
    assert rows == [
        ["0.200000", "1.000000", "A4 +4"],
        ["0.500000", "2.500000", "A2 +0"],
        ["1.200000", "2.000000", "E4 +2"],
    ]


def test_praat_opens_the_text_grid(tmp_path):
    grid = parselmouth.read(str(FOUND.save(tmp_path / "a.TextGrid")))
    assert call(grid, "Get number of tiers") == 2
    assert [call(grid, "Get tier name", tier) for tier in (1, 2)] == ["voice 0", "voice 1"]
    texts = [call(grid, "Get label of interval", 1, n) for n in range(1, 6)]
    assert texts == ["", "A4 +4", "", "E4 +2", ""]
    assert call(grid, "Get start time of interval", 1, 2) == pytest.approx(0.2)
    assert call(grid, "Get end time of interval", 1, 4) == pytest.approx(2.0)
    empty = parselmouth.read(str(NONE.save(tmp_path / "b.textgrid")))
    assert call(empty, "Get number of intervals", 1) == 1


def test_praat_opens_the_pitch_tiers(tmp_path):
    first, second = call("Read from file", str(FOUND.save(tmp_path / "a.PitchTier")))
    assert [call(tier, "Get number of points") for tier in (first, second)] == [160, 200]
    assert call(first, "Get value at time", 0.5) == pytest.approx(441)
    assert call(first, "Get time from index", 81) == pytest.approx(1.2)
    alone = Transcription(Voices(TIMES, F0[:, :1], F0[:, :1]), NOTES[:1])
    (tier,) = call("Read from file", str(alone.save(tmp_path / "b.PitchTier")))
    assert call(tier, "Get value at index", 1) == pytest.approx(441)
    assert call("Read from file", str(NONE.save(tmp_path / "c.PitchTier"))) in ([], None)


def test_sonic_visualiser_imports_layers_as_csv(tmp_path):
    first = FOUND.save(tmp_path / "notes.sv.csv").read_text().splitlines()[0]
    assert first == "0.200000,440.9923,0.800000,0.6667,A4 +4"
    points = np.loadtxt(FOUND.save(tmp_path / "f0.sv.csv"), delimiter=",")
    assert points.shape == (360, 2)
    assert np.all(np.diff(points[:, 0]) >= 0)
    assert set(np.unique(points[:, 1])) == {110.0, 330.0, 441.0}


def test_parquet_is_a_table_of_notes_or_of_curves(tmp_path):
    notes = pd.read_parquet(FOUND.save(tmp_path / "notes.parquet"))
    assert notes.iloc[0].tolist()[:3] == [0.2, 1.0, 69.0]
    assert notes["cents"].tolist() == pytest.approx([3.9, 0.0, 1.9])
    curves = pd.read_parquet(FOUND.save(tmp_path / "f0.parquet"))
    assert curves.groupby("voice").size().tolist() == [160, 200]
    assert curves.loc[curves["voice"] == 1, "f0_hz"].unique().tolist() == [110.0]
    assert "strength" not in curves
    path = tmp_path / "notes.parquet"
    assert examine(str(path)).attributes["sample_rate"] == 48000
    data = path.read_bytes()
    path.write_bytes(data[:30] + bytes([data[30] ^ 255]) + data[31:])
    assert examine(str(path)).state == "damaged"
    notes.to_parquet(tmp_path / "other.parquet")
    assert examine(str(tmp_path / "other.parquet")).state == "foreign"


def played(path):
    """(channel, onset in s, offset in s, course): what an instrument plays; a course is of (s, MIDI pitch)."""
    now, reach, bend, number, down, done = 0.0, {}, {}, {}, {}, []
    for message in mido.MidiFile(path):
        now += message.time
        channel = getattr(message, "channel", None)
        if message.type == "control_change":
            number[channel, message.control] = message.value
            if message.control == 6:
                assert (number[channel, 101], number[channel, 100]) == (0, 0)
                reach[channel] = message.value
        elif message.type == "pitchwheel":
            bend[channel] = message.pitch / 8192 * reach[channel]
            for (of, key), (_, course) in down.items():
                if of == channel:
                    course.append((now, key + bend[channel]))
        elif message.type == "note_on":
            down[channel, message.note] = (now, [(now, message.note + bend.get(channel, 0.0))])
        elif message.type == "note_off":
            onset_s, course = down.pop((channel, message.note))
            done.append((channel, onset_s, now, course))
    return done


def test_midi_bends_with_each_voice(tmp_path):
    vibrato = 69 + 3 * np.sin(2 * np.pi * 5 * TIMES)
    hz = np.stack([440 * 2 ** ((vibrato - 69) / 12), np.full(300, 112.0)], axis=1).astype(np.float32)
    hz[:50, 0] = 0
    notes = [Note(0.46, 3.0, 69, 0.0, -30.0, 0), Note(0.0, 3.0, 45, 31.2, -60.0, 1)]
    low, high = sorted(played(Transcription(Voices(TIMES, hz, hz), notes).save(tmp_path / "a.mid")), key=lambda n: n[1])
    assert [low[0], high[0]] == [1, 0]
    assert [pitch for _, pitch in low[3]] == pytest.approx([45.31], abs=0.001)
    times, pitches = np.array(high[3]).T
    sounding = TIMES[TIMES > 0.51]
    heard = pitches[np.searchsorted(times, sounding + 0.002, side="right") - 1]
    assert np.abs(heard - vibrato[TIMES > 0.51]).max() < 0.006
    assert (high[1], high[2]) == pytest.approx((0.46, 3.0), abs=0.002)
    assert pitches[0] == pytest.approx(vibrato[50], abs=0.006)


def test_the_layer_is_what_sonic_visualiser_documents(tmp_path):
    tree = ElementTree.parse(FOUND.save(tmp_path / "a.svl")).getroot()
    model, data, shown = tree.find("data/model"), tree.find("data/dataset"), tree.find("display/layer")
    assert tree.tag == "sv"
    assert (model.get("type"), model.get("subtype"), model.get("dimensions")) == ("sparse", "note", "3")
    assert (model.get("dataset"), shown.get("model"), shown.get("type")) == (data.get("id"), model.get("id"), "notes")
    assert model.get("sampleRate") == "48000"
    first = data.findall("point")[0].attrib
    assert (int(first["frame"]), int(first["duration"]), first["label"]) == (9600, 38400, "A4 +4")
    assert float(first["value"]) == pytest.approx(441, abs=0.1)
    assert 0 < float(first["level"]) < 1


def test_jams_validates(tmp_path):
    for found, count in ((FOUND, 3), (NONE, 1)):
        read = jams.load(str(found.save(tmp_path / "a.jams")), validate=True, strict=True)
        assert len(read.annotations) == count
    read = jams.load(str(FOUND.save(tmp_path / "a.jams")))
    notes = read.search(namespace="note_midi")[0]
    assert [round(each.value, 3) for each in notes.data] == [69.039, 45.0, 64.019]
    assert len(read.search(namespace="pitch_contour")[0].data) == 160


def test_jams_is_as_sure_of_one_voice_as_its_strength(tmp_path):
    strength = np.linspace(0, 1, F0.size, dtype=np.float32).reshape(F0.shape)[:, :1]
    alone = Transcription(Voices(TIMES, F0[:, :1], F0[:, :1], strength=strength), NOTES[:1])
    (curve,) = jams.load(str(alone.save(tmp_path / "a.jams")), validate=True).search(namespace="pitch_contour")
    assert [each.confidence for each in curve.data] == pytest.approx(strength[F0[:, 0] > 0, 0], abs=1e-4)
    several = jams.load(str(FOUND.save(tmp_path / "b.jams"))).search(namespace="pitch_contour")[0]
    assert {each.confidence for each in several.data} == {None}


@pytest.mark.parametrize("found", [FOUND, NONE], ids=["notes", "none"])
@pytest.mark.parametrize("kind", NOTE_KINDS)
def test_what_is_written_is_found_whole_and_what_is_cut_is_not(tmp_path, kind, found):
    path = found.save(tmp_path / kind)
    data = path.read_bytes()
    if data:
        assert examine(str(path)).state == ("whole" if kind.endswith("parquet") else "readable")
        path.write_bytes(data[: len(data) * 2 // 3 + 1])
        told = ("TextGrid", "PitchTier", "svl", "jams", "parquet")
        assert not (examine(str(path)).state in ("readable", "whole") and kind.endswith(told))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("read.me.txt", b"caf\xe9"),
        ("list.txt", b"milk\nbread\n"),
        ("other.pdf", b"%PDF-1.7\n%%EO"),
        ("a.svg", b"<svg>"),
    ],
)
def test_what_others_wrote_is_foreign_not_damaged(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert examine(str(tmp_path / name)).state == "foreign"


def test_a_layer_that_declares_entities_is_refused(tmp_path):
    path = tmp_path / "bomb.svl"
    path.write_text('<!DOCTYPE sv [<!ENTITY a "aaaa">]><sv>&a;</sv>')
    assert examine(str(path)).state == "damaged"
    path.write_text(json.dumps({"annotations": []}))
    assert examine(str(path)).state == "foreign"
