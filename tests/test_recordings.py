"""Results in a notebook: from a path, told of on the way, drawn, tabulated, heard, kept, handed to other tools."""

import base64
import io
import re
import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
import soundfile
import typer
import xarray
from matplotlib.figure import Figure
from pypdf import PdfReader
from scipy.signal import ShortTimeFFT

import sharpear
from sharpear.commands.options import seconds
from sharpear.integrity import examine
from sharpear.pitch import Note, Voices
from sharpear.sinks import PictureStyle
from sharpear.sinks.canvas import Canvas

RATE = 16000
T = np.arange(12000) / RATE
SOUND = (0.3 * np.cos(2 * np.pi * 440 * T) + 0.1 * np.cos(2 * np.pi * (900 * T + 100 * T**2))).astype(np.float32)


@pytest.fixture(scope="module")
def spec():
    return sharpear.sharpen(SOUND, RATE, "low-latency", {"output.rounding": False})


def test_a_time_is_written_as_on_a_clock():
    assert [seconds(text) for text in ("0:30", "1:00:00.5", "2.5")] == [30.0, 3600.5, 2.5]
    with pytest.raises(typer.BadParameter, match="such as 1:30"):
        seconds("1:x")


def test_a_path_gives_what_its_samples_give(tmp_path, spec):
    path = tmp_path / "tones.wav"
    soundfile.write(path, SOUND, RATE, subtype="FLOAT")
    of_path = sharpear.sharpen(path, preset="low-latency")
    assert np.array_equal(of_path.amplitude, spec.amplitude)
    assert of_path.attributes["source"] == "tones.wav"
    assert sharpear.sharpen(str(path), preset="low-latency") == of_path
    with pytest.raises(sharpear.UsageError, match="16000 Hz, received 44100"):
        sharpear.sharpen(path, 44100)
    with pytest.raises(sharpear.InputError, match="no such file"):
        sharpear.sharpen(tmp_path / "none.wav")
    with pytest.raises(sharpear.UsageError, match="sample rate of an array"):
        sharpear.sharpen(SOUND)


def test_lines_are_the_frames_as_rows(spec, monkeypatch):
    table = spec.lines()
    assert len(table) == np.count_nonzero(spec.amplitude)
    loud = spec.lines(floor_db=-40)
    assert loud["level_db"].min() >= -40
    assert len(loud) == (spec.amplitude >= 0.01).sum()
    strongest = loud.loc[loud.groupby("time_s")["amplitude"].idxmax()]
    assert np.median(np.abs(strongest["frequency_hz"] - 440)) < 1
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    rows = spec.lines(floor_db=-40)
    assert isinstance(rows, np.ndarray)
    assert rows.dtype.names == tuple(loud.columns)


def test_lines_are_heard_again(spec):
    sound = spec.to_audio()
    assert sound.dtype == np.float32
    assert abs(len(sound) - len(SOUND)) <= 2 * spec.attributes["hop"]
    middle = slice(4000, 9000)
    level_db = 20 * np.log10(np.std(sound[middle]) / np.std(SOUND[middle]))
    assert abs(level_db) < 1.5
    spectrum = np.abs(np.fft.rfft(sound[middle] * np.hanning(5000)))
    assert abs(spectrum.argmax() * RATE / 5000 - 440) < 4
    assert spec.to_audio(8000).size == pytest.approx(sound.size / 2, abs=2)
    both = spec.with_stream()
    assert np.array_equal(both.to_audio()[:, 0], sound)


def test_xarray_has_named_dimensions(spec):
    data = spec.to_xarray()
    assert data["amplitude"].dims == ("time", "frequency")
    assert data["amplitude"].sel(time=0.4, method="nearest").idxmax() == pytest.approx(440, rel=0.02)
    assert spec.with_stream().to_xarray()["plain_amplitude"].dims == ("time", "channel", "band")
    assert spec[5].to_xarray()["amplitude"].dims == ("frequency",)


def test_strokes_stand_where_the_lines_are(spec):
    axes = Figure().add_subplot()
    assert spec.plot(axes, range_db=40) is axes
    assert axes.get_yscale() == "log"
    (image,) = axes.images
    level_db = image.get_array()
    hz = np.geomspace(*axes.get_ylim(), len(level_db))
    times_s = np.linspace(*axes.get_xlim(), level_db.shape[1])
    inside = np.flatnonzero((times_s > 0.3) & (times_s < 0.6))
    row, column = np.nonzero(level_db[:, inside] > -20)
    true_hz = np.stack([np.full(len(row), 440.0), 900 + 200 * times_s[inside[column]]])
    cents = np.abs(1200 * np.log2(hz[row] / true_hz)).min(axis=0)
    assert set(column) == set(range(len(inside))), "a line has no gap"
    assert np.mean(cents < 30) > 0.9
    spec.plot(axes, span_hz=(300, 1000), colours="ink")
    assert axes.get_ylim() == pytest.approx((300, 1000))
    with pytest.raises(sharpear.UsageError, match="several frames"):
        spec[3].plot()


def test_strokes_of_an_svg_are_paths_and_its_text_is_text(spec, tmp_path):
    path = spec.save(tmp_path / "take.svg", PictureStyle(panels="lines", title="Étude 1", range_db=40))
    root = ElementTree.parse(path).getroot()
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("image") == 1, "the scale of colours alone is pixels"
    assert "Étude 1" in [element.text for element in root.iter() if element.tag.endswith("text")]
    (panel,) = [element for element in root.iter() if element.get("id") == "axes_1"]
    box = next(element.get("d") for element in panel.iter() if element.tag.endswith("path"))
    corners = np.array(re.findall(r"([-\d.]+) ([-\d.]+)", box), float)
    (_, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    low_hz, high_hz = spec.frequencies[0], spec.frequencies[-1]
    row = bottom - (bottom - top) * np.log(440 / low_hz) / np.log(high_hz / low_hz)
    drawn = [re.findall(r"[ML] ([\d.]+) ([\d.]+)", element.get("d", "")) for element in panel.iter()]
    near = np.array([(x, y) for points in drawn for x, y in points], float)
    near = near[np.abs(near[:, 1] - row) < 2]
    assert np.ptp(near[:, 0]) > 0.9 * (right - near[:, 0].min()), "the tone of 440 Hz is a line across the panel"


def test_a_pdf_is_a_page_of_paths_and_text(spec, tmp_path):
    reader = PdfReader(spec.save(tmp_path / "take.pdf", PictureStyle(panels="lines", title="Étude 1", range_db=40)))
    (page,) = reader.pages
    text = page.extract_text()
    assert all(words in text for words in ("Étude 1", "sharpened", "frequency (Hz)", "C5"))
    assert len(page.images) == 1, "the scale of colours alone is pixels"


def test_of_too_many_strokes_coarser_ones_are_kept(spec, monkeypatch):
    def kept(most: int) -> np.ndarray:
        monkeypatch.setattr("sharpear.sinks.vector_strokes.MOST_STROKES", most)
        canvas = Canvas(spec.channel_frequencies, (spec.frequencies[0], spec.frequencies[-1]), 400, 200, vectors_db=60)
        for first in range(0, len(spec), 50):
            canvas.add(spec.with_stream()[first : first + 50], first + 50 >= len(spec))
        return canvas.vectors.strokes

    all_, some = kept(100_000), kept(300)
    assert kept(5) is None, "there are more lines than that"
    assert len(some) <= 300 < len(all_)
    assert np.ptp(some[:, [0, 3]]) == np.ptp(all_[:, [0, 3]]), "they reach as far"
    longest = [(strokes[:, 3] - strokes[:, 0]).max() for strokes in (all_, some)]
    assert longest[0] == 1 < longest[1]


def test_notes_and_curves_stand_over_the_lines(spec):
    times = np.arange(50) * 0.01
    f0 = np.where(times < 0.3, 440.0, 0.0)[:, None].astype(np.float32)
    notes = [Note(0.1, 0.3, 69, 10.0, -20.0, 0)]
    axes, paper = Figure().add_subplot(), Figure().add_subplot()
    pitch = sharpear.Transcription(Voices(times, f0, f0 / 1000), notes)
    spec.plot(axes, pitch=pitch)
    (box,), (curve,) = axes.patches, axes.lines
    assert (box.get_x(), box.get_x() + box.get_width()) == pytest.approx((0.1, 0.3))
    middle_hz = np.sqrt(box.get_y() * (box.get_y() + box.get_height()))
    assert 1200 * np.log2(middle_hz / 440) == pytest.approx(10, abs=1e-3)
    assert np.array_equal(np.isnan(curve.get_ydata()), f0[:, 0] == 0)
    assert axes.get_xlim() == (spec.times[0], spec.times[-1])
    spec.plot(paper, colours="ink", pitch=pitch)
    assert sum(paper.patches[0].get_edgecolor()[:3]) < sum(box.get_edgecolor()[:3]), "on a light ground they are darker"


def test_what_is_saved_is_loaded(spec, tmp_path):
    for name in ("take.npz", "take.zarr"):
        assert spec.save(tmp_path / name) == tmp_path / name
        again = sharpear.load(tmp_path / name)
        assert again.single_stream().lines().equals(spec.lines())
    assert spec.save(tmp_path / "take.png").read_bytes().startswith(b"\x89PNG")
    for name, begin in (("take.svg", b"<?xml"), ("take.pdf", b"%PDF")):
        path = spec.save(tmp_path / name)
        data = path.read_bytes()
        assert data.startswith(begin)
        assert examine(str(path)).state == "whole"
        assert examine(str(path)).attributes["sample_rate"] == RATE
        path.write_bytes(data[: len(data) // 2])
        assert examine(str(path)).state == "damaged"
        path.write_bytes(data[:5000] + b"x" + data[5001:])
        assert examine(str(path)).state == "damaged"
        if begin == b"<?xml":
            assert ElementTree.fromstring(data).tag.endswith("svg")
    with pytest.raises(sharpear.UsageError, match=r"\.npz"):
        spec.save(tmp_path / "take.wav")


def test_lines_are_kept_as_a_table(spec, tmp_path):
    path = spec.save(tmp_path / "take.parquet")
    assert pd.read_parquet(path).equals(spec.lines().assign(channel=np.int32(0)))
    assert examine(str(path)).state == "whole"
    assert examine(str(path)).attributes["sample_rate"] == RATE
    data = path.read_bytes()
    path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    assert examine(str(path)).state == "damaged"
    path.write_bytes(data[:5000])
    assert examine(str(path)).state == "damaged"
    sharpear.sharpen(np.zeros(4000), RATE, "low-latency").save(path)
    assert pd.read_parquet(path).empty


def test_xarray_opens_a_zarr_without_a_word(spec, tmp_path):
    path = spec.save(tmp_path / "take.zarr")
    assert examine(str(path)).state == "whole"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened = xarray.open_zarr(path)
    assert opened["amplitude"].dims == ("time", "channel", "frequency")
    assert np.array_equal(opened["amplitude"][:, 0], spec.amplitude)


def test_jupyter_shows_the_picture(spec):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = spec._repr_html_()
    assert shown.startswith('<img alt="&lt;Spectrogram: ')
    assert "data:image/png;base64," in shown
    assert spec[2]._repr_html_().startswith("<pre>")


def test_notes_and_stems_of_a_path_are_those_of_its_samples(tmp_path):
    path = tmp_path / "tones.wav"
    soundfile.write(path, SOUND, RATE, subtype="FLOAT")
    assert sharpear.transcribe(path, preset="low-latency") == sharpear.transcribe(SOUND, RATE, "low-latency")
    assert sharpear.separate(path) == sharpear.separate(SOUND, RATE)


@pytest.mark.parametrize("job", [sharpear.sharpen, sharpear.separate, sharpear.transcribe])
def test_progress_is_told_up_to_the_end_and_may_end_the_work(job):
    sound, told = np.tile(SOUND, 3), []
    options = {} if job is sharpear.separate else {"preset": "low-latency"}
    assert job(sound, RATE, **options, progress=lambda *now: told.append(now)) == job(sound, RATE, **options)
    assert len(told) == 3
    assert [total_s for _, total_s in told] == [2.25] * 3
    assert [done_s for done_s, _ in told] == [1.024, 2.048, 2.25]

    def stop(done_s, total_s):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        job(sound, RATE, **options, progress=stop)


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 256), (512, 20)])
def test_the_stft_of_lines_has_the_axes_and_the_scale_of_one(spec, n_fft, hop):
    window = np.hanning(n_fft + 1)[:-1]
    plain = np.abs(ShortTimeFFT(window, hop, RATE, mfft=n_fft).stft(SOUND, p0=0, p1=1 + len(SOUND) // hop))
    lines = spec.to_stft(n_fft, hop)
    assert lines.dtype == np.float32
    assert lines.shape[0] == plain.shape[0]
    assert lines.shape[1] - plain.shape[1] in (0, 1)
    middle = slice(plain.shape[1] // 3, plain.shape[1] // 2)
    assert (lines[:, middle].argmax(axis=0) == plain[:, middle].argmax(axis=0)).all()
    lobe = slice(round(440 * n_fft / RATE) - 2, round(440 * n_fft / RATE) + 3)  # its rows, if the tone is between two
    read = np.sqrt(np.square(lines[lobe, middle]).sum(axis=0)) / (n_fft / 4)
    assert np.median(read) == pytest.approx(0.3, rel=0.1)
    assert np.count_nonzero(lines[:, middle]) < 0.1 * lines[:, middle].size


def test_the_stft_of_streams_slices_and_nothing(spec):
    assert np.array_equal(spec.with_stream().to_stft(512, 128), spec.to_stft(512, 128)[None])
    later = spec[spec.times >= spec.times[0] + 25 * spec.attributes["hop"] / RATE]
    assert later.to_stft(512, spec.attributes["hop"]).shape[1] == len(later)
    assert spec[:0].to_stft(512).shape == (257, 0)
    with pytest.raises(sharpear.UsageError, match="at least 1 sample of hop, received 0"):
        spec.to_stft(512, 0)


def test_stems_are_played_in_jupyter_and_kept(tmp_path):
    both = np.stack([SOUND, -SOUND / 2], axis=1)
    stems = sharpear.separate(both, RATE)
    players = re.findall(r"data:audio/flac;base64,([^\"]+)", stems._repr_html_())
    assert len(players) == 3
    heard, rate = soundfile.read(io.BytesIO(base64.b64decode(players[0])))
    assert rate == RATE
    assert heard == pytest.approx(stems["tonal"], abs=1e-4)
    assert stems.save(tmp_path / "stems") == tmp_path / "stems"
    for name in stems:
        assert np.array_equal(soundfile.read(tmp_path / "stems" / f"{name}.wav", dtype="float32")[0], stems[name])
        assert examine(str(tmp_path / "stems" / f"{name}.wav")).state == "whole"
    assert stems.get("drums") is None
    with pytest.raises(KeyError, match="drums"):
        stems["drums"]


def test_notes_are_a_table_in_jupyter():
    nothing = np.zeros(2), np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)
    notes = [Note(n, n + 0.5, 69, -3.0, -20.0, 0) for n in range(23)]
    shown = sharpear.Transcription(Voices(*nothing), notes)._repr_html_()
    assert shown.count("<tr>") == 21
    assert "<td>1.00</td><td>0.50</td><td>A4 -3</td><td>-20</td><td>0</td>" in shown
    assert "3 more" in shown
    assert "&lt;Transcription: 23 notes" in shown
