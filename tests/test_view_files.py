"""`sharpear view`: tiles that hold what was sharpened, and a page that plays, seeks, measures and saves."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import browser
import mido
import numpy as np
import pypdf
import pytest
import soundfile
from conftest import SMALL
from live_rig import wait_until
from live_session import Running

import sharpear
from sharpear.config import load_config
from sharpear.errors import InputError
from sharpear.integrity import examine
from sharpear.live.recent import Recent
from sharpear.live.ring import Reader, Ring
from sharpear.live.sources import Replay
from sharpear.sharpening.evidence import Evidence
from sharpear.sinks.drawing import ROWS_PER_OCTAVE
from sharpear.sinks.linking import LEVEL_ROWS_PER_DB, REACH_ROWS, link_peaks
from sharpear.sinks.strokes import FADED_DB, ROW_STEPS, STEPS_PER_DB, STROKE, Linker, Strokes
from sharpear.view.data import NOTE_FILES, data
from sharpear.view.listening import evidence_of
from sharpear.view.sheet import Sheets
from sharpear.view.tiles import stroke_records
from sharpear.view.view import View

RATE = 16000
LOW_HZ, HIGH_HZ = 300.0, 1200.0
"""The range of the small preset."""
VIBRATO_HZ, DEPTH_CENTS = 5.5, 40.0
LENGTH_S = 4.0
WIDTHS = (390, 720, 1280, 3840)


def vibrato_at(seconds: np.ndarray) -> np.ndarray:
    """Hz: A4, with vibrato."""
    return 440.0 * 2 ** (DEPTH_CENTS / 1200 * np.sin(2 * np.pi * VIBRATO_HZ * seconds))


def recording(folder: Path, name: str = "sung.wav") -> Path:
    """A tone with vibrato that begins after half a second, with clicks at 1 and 2 s."""
    t = np.arange(round(LENGTH_S * RATE)) / RATE
    wave = 0.2 * np.cos(2 * np.pi * np.cumsum(vibrato_at(t)) / RATE) * (t >= 0.5)
    wave[[RATE, 2 * RATE]] = 0.9
    soundfile.write(folder / name, wave, RATE, "PCM_16")
    return folder / name


@contextmanager
def sheets_of(paths: list[Path], folder: Path) -> Iterator[tuple[Sheets, list[dict]]]:
    """All drawn, and all that was told."""
    told: list[dict] = []
    sheets = Sheets(paths, folder, load_config(str(SMALL)), lambda text: told.append(json.loads(text)), None)
    sheets.start()
    try:
        assert wait_until(lambda: sheets.wait(0.01), 60)
        yield sheets, told
    finally:
        sheets.stop()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Iterator[tuple[Path, list[dict]]]:
    folder = tmp_path_factory.mktemp("tiles")
    with sheets_of([recording(tmp_path_factory.mktemp("sound"))], folder) as (_, told):
        yield folder / "0", told


def test_strokes_follow_the_tone_and_join(drawn):
    folder, told = drawn
    (sheet,) = told[-1]["sheets"]
    assert sheet["complete"]
    assert sheet["sound"]
    assert sheet["notes"]
    records = stroke_records((folder / "s0-0").read_bytes())
    loud = records[(records["level"].max(axis=1) > 150) & (records["weight"] == 255)]
    loud = loud[loud["t"][:, 0] != loud["t"][:, 1]]
    times = loud["t"] * sheet["hop_s"]
    hz = sheet["low_hz"] * 2 ** (loud["row"] / ROW_STEPS / ROWS_PER_OCTAVE)
    steady = (times[:, 0] > 0.8) & (np.abs(times[:, 0] - 1) > 0.1) & (np.abs(times[:, 0] - 2) > 0.1)
    off_cents = 1200 * np.log2(hz[steady] / vibrato_at(times[steady]))
    assert np.median(np.abs(off_cents)) < 15
    ends = {(t, row) for t, row in zip(loud["t"][:, 1].tolist(), loud["row"][:, 1].tolist(), strict=True)}
    begins = list(zip(loud["t"][steady][:, 0].tolist(), loud["row"][steady][:, 0].tolist(), strict=True))
    assert np.mean([begin in ends for begin in begins]) > 0.9, "a line's strokes join"


def test_columns_of_each_level_are_the_largest_of_those_below(drawn):
    folder, told = drawn
    rows = told[-1]["sheets"][0]["rows"]
    levels = []
    for level in range(3):
        files = sorted(folder.glob(f"r{level}-*"), key=lambda path: int(path.name.split("-")[1]))
        joined = b"".join(path.read_bytes() for path in files)
        levels.append(np.frombuffer(joined, np.uint8).reshape(-1, rows, 2))
    for below, above in pairwise(levels):
        even = len(below) - len(below) % 2
        assert np.array_equal(above[: even // 2], np.maximum(below[:even:2], below[1:even:2]))
        assert len(above) == -(-len(below) // 2)
    column_s = told[-1]["sheets"][0]["hop_s"] * told[-1]["pool"]
    assert len(levels[0]) * column_s == pytest.approx(LENGTH_S, abs=4 * column_s)


def test_what_grows_is_told_and_never_shrinks(drawn):
    _, told = drawn
    done = [message["sheets"][0]["done_s"] for message in told]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(LENGTH_S, abs=0.05)


def test_any_split_gives_the_same_strokes():
    frames = sharpear.sharpen(np.random.default_rng(1).normal(0, 0.1, (2 * RATE, 1)), RATE, str(SMALL))
    plain = sharpear.Frames(frames.times, frames.amplitude, frames.instantaneous_frequency, frames.plain_amplitude)

    def strokes(split: int) -> np.ndarray:
        linker, drawing, found = Linker(LOW_HZ), Strokes(4), []
        for first in range(0, len(plain), split):
            peaks = linker.process(plain[first : first + split], first + split >= len(plain))
            found += [drawing.process(peaks)] if peaks else []
        return np.concatenate(found)

    whole = strokes(len(plain))
    assert len(whole) > 100
    assert np.array_equal(strokes(37), whole)


@pytest.mark.parametrize("at_once", [1, 3])
def test_stretches_heard_side_by_side_are_the_unbroken_recording(monkeypatch, at_once):
    monkeypatch.setattr("sharpear.view.listening.LONGEST_S", 20.0)  # two side by side, then one
    sound = np.random.default_rng(2).normal(0, 0.1, (round(31.7 * RATE), 1)).astype(np.float32)
    sharpener = sharpear.Sharpener(RATE, str(SMALL))
    blocks = [sound[first : first + 50_000] for first in range(0, len(sound), 50_000)]
    heard = Evidence.join(list(evidence_of(blocks, len(sound), sharpener, at_once)))
    missing = sharpener.hops_for(len(sound)) * sharpener.hop - len(sound)
    assert heard == sharpener.listen(np.concatenate([sound, np.zeros((missing, 1), np.float32)]))


def test_all_of_a_recording_is_shown_before_it_is_sharpened(drawn):
    folder, told = drawn
    (sheet,) = told[-1]["sheets"]
    assert sheet["preview"]
    columns = np.frombuffer((folder / "p0-0").read_bytes(), np.uint8).reshape(-1, sheet["rows"], 2)
    assert np.array_equal(columns[:, :, 0], columns[:, :, 1])
    seconds = (np.arange(len(columns)) + 0.5) / len(columns) * LENGTH_S
    hz = sheet["low_hz"] * 2 ** (columns[:, :, 0].argmax(axis=1) / ROWS_PER_OCTAVE)
    steady = (seconds > 0.7) & (np.abs(seconds % 1 - 0.5) < 0.4)
    assert np.abs(1200 * np.log2(hz[steady] / 440)).max() < 2 * DEPTH_CENTS
    assert columns[seconds < 0.4].max() < columns[steady].max() - 60


def test_strokes_of_a_segment_come_from_loud_to_faint_and_none_is_unseen(drawn):
    folder, told = drawn
    for level in range(2):
        records = stroke_records((folder / f"s{level}-0").read_bytes())
        segment = records["t"][:, 0] // ((told[-1]["tile_frames"] << level) // told[-1]["segments"])
        loudness = records["level"].max(axis=1) - FADED_DB * STEPS_PER_DB * (1 - records["weight"] / 255)
        assert len(loudness) > 100
        assert (np.diff(segment) >= 0).all()
        assert (np.diff(loudness)[np.diff(segment) == 0] < 1e-3).all()
        assert loudness.min() > 0


def test_lines_go_on_where_two_peaks_are_each_others_nearest():
    """Against all pairs: peaks that are nearly in order, several of them equally near."""
    rng = np.random.default_rng(3)
    row = np.sort(rng.integers(0, 40, (60, 12)) / 2, axis=1).astype(np.float32)
    row[:, [2, 3]] = row[:, [3, 2]]
    count = rng.integers(0, row.shape[1] + 1, len(row))
    level_db = rng.integers(-60, 0, row.shape).astype(np.float32)
    link, age = np.full(row.shape, -1), np.zeros(row.shape, np.int64)
    link_peaks(0, row, level_db, count, link, age)

    def nearest(frame: int, peak: int, other: int) -> int:
        apart = np.abs(row[other] - row[frame, peak])
        cost = apart + LEVEL_ROWS_PER_DB * np.abs(level_db[other] - level_db[frame, peak]).astype(np.float64)
        cost[(apart >= REACH_ROWS) | (np.arange(len(apart)) >= count[other])] = np.inf
        return int(cost.argmin()) if np.isfinite(cost).any() else -1

    linked = 0
    for frame, peak in [place for place in np.ndindex(row.shape) if place[0] > 0 and place[1] < count[place[0]]]:
        before = nearest(frame, peak, frame - 1)
        mutual = before >= 0 and nearest(frame - 1, before, frame) == peak
        assert link[frame, peak] == (before if mutual else -1)
        assert age[frame, peak] == (age[frame - 1, before] + 1 if mutual else 0)
        linked += mutual
    assert linked > 100


def test_a_zarr_made_before_opens_without_sound(drawn, sharpen, folder):
    assert sharpen(recording(folder), "-o", "sung.zarr", "--set", "output.rounding=false").code == 0
    Path("tiles").mkdir()
    with sheets_of([Path("sung.zarr")], Path("tiles")) as (_, told):
        (sheet,) = told[-1]["sheets"]
        assert (sheet["complete"], sheet["sound"], sheet["notes"]) == (True, False, True)
        mine = stroke_records(Path("tiles/0/s0-0").read_bytes())
        assert np.array_equal(mine, stroke_records((drawn[0] / "s0-0").read_bytes()))


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


def test_stroke_records_are_what_the_page_reads():
    assert STROKE.itemsize == 12
    assert [STROKE.fields[name][1] for name in ("t", "row", "level", "weight", "voice")] == [0, 4, 8, 10, 11]


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[browser.Tab]:
    """The page of two recordings, opened in a browser, all of it drawn."""
    sound, folder = tmp_path_factory.mktemp("sound"), tmp_path_factory.mktemp("tiles")
    paths = [recording(sound), recording(sound, "again.wav")]
    with View(folder=folder) as view, browser.browser((1280, 800)) as started:
        sheets = Sheets(paths, folder, load_config(str(SMALL)), view.axes, None)
        view.write_notes = sheets.write_notes
        sheets.start()
        try:
            page = started.open(view.url)
            assert page.wait(
                "window.page && page.sheets.length === 2 && page.sheets.every((s) => s.complete && s.notes)", 60
            )
            assert page.wait("page.player.ready && page.notesOf.get('0')")
            yield page
        finally:
            sheets.stop()


def press(tab: browser.Tab, key: str) -> None:
    tab.press(key, key if len(key) == 1 else "")


@pytest.mark.browser
@pytest.mark.real_time
def test_keys_steer_the_page(tab):
    shown = {"b": "page.plane.beside", "s": "page.showsSlice", "n": "page.showsNotes", "v": "page.painter.byVoice"}
    for key, told in shown.items():
        for expected in (True, False):
            press(tab, key)
            assert tab.evaluate(told) is expected
    for key, moved in (
        ("+", "page.plane.spanS"),
        ("z", "page.plane.octaves"),
        ("[", "page.plane.blend"),
        ("<", "page.player.speed"),
    ):
        before = tab.evaluate(moved)
        press(tab, key)
        assert tab.evaluate(moved) < before, key
    for key in ("0", "]", ">"):
        press(tab, key)
    assert tab.evaluate("page.plane.spanS") == pytest.approx(LENGTH_S, abs=0.01)
    press(tab, "2")
    assert tab.evaluate("page.heardFolder") == "1"
    press(tab, "1")
    press(tab, "m")
    assert tab.evaluate("page.markers.length") == 1
    tab.evaluate("page.markers.length = 0, page.keeper.list()")


@pytest.mark.browser
@pytest.mark.real_time
def test_seeking_is_exact_and_the_cursor_reads_the_line(tab):
    hop_s = tab.evaluate("page.sheets[0].hop_s")
    for wanted_s in (1.5, 3.25, 0.75):
        tab.evaluate(f"page.seek({wanted_s})")
        assert tab.wait("page.player.wantedS === null || page.player.wantedS === undefined")
        assert abs(tab.evaluate("page.positionS") - wanted_s) <= hop_s
    tab.evaluate("page.plane.show(1.4, 1.2), page.changed()")
    assert tab.wait("[...page.tiles.values()].every((tiles) => tiles.held.has('s0-0'))")
    tab.evaluate("page.cursor = { timeS: 1.5, hz: 440, folder: '0' }")
    assert tab.wait("document.getElementById('read-note').textContent === 'A4'")
    hz = float(tab.evaluate("document.getElementById('read-hz').textContent").split()[0])
    assert abs(1200 * np.log2(hz / vibrato_at(np.array(1.5)))) < 15
    assert tab.wait("document.getElementById('read-measure').textContent.startsWith('vibrato')")
    rate, depth = tab.evaluate("document.getElementById('read-measure').textContent").split()[1:5:3]
    assert float(rate) == pytest.approx(VIBRATO_HZ, abs=0.3)
    assert float(depth) == pytest.approx(DEPTH_CENTS, rel=0.35)


@pytest.mark.browser
@pytest.mark.real_time
@pytest.mark.parametrize(
    ("hz", "a4", "temperament", "name", "cents"),
    [
        (440 * 3 / 4, 440, "just", "E4", 0.0),  # a fourth below
        (440 * 3 / 5, 440, "just", "C4", 0.0),
        (442 * 3 / 2, 442, "pythagorean", "E5", 0.0),
        (440 * 5 ** (1 / 4), 440, "meantone", "E5", 0.0),
        (440 * 5 / 4, 440, "equal", "C♯5", -13.686),
    ],
)
def test_notes_are_named_in_the_temperament_that_is_chosen(tab, hz, a4, temperament, name, cents):
    for field, value in (("a4", a4), ("temperament", temperament)):
        choose = f"Object.assign(document.getElementById('{field}'), {{ value: {json.dumps(value)} }})"
        tab.evaluate(f"void {choose}.dispatchEvent(new Event('change'))")
    nearest = f"music.nearest({hz})"
    told = tab.evaluate(f"import('./music.js').then((music) => [music.name({nearest}.key), {nearest}.off])")
    tab.evaluate("import('./music.js').then((music) => { music.tune({ a4: 440, temperament: 'equal' }); })")
    assert told == [name, pytest.approx(cents, abs=1e-3)]


@pytest.mark.browser
@pytest.mark.real_time
def test_a_partial_alone_sings_its_pitch(tab):
    tab.evaluate("page.seek(1.5), page.plane.show(1.4, 1.2), page.cursor = { timeS: 1.5, hz: 440, folder: '0' }")
    tab.evaluate("page.player.alone = (samples, rate) => (window.heardAlone = [Array.from(samples), rate])")
    press(tab, "h")
    samples, rate = tab.evaluate("window.heardAlone")
    spectrum = np.abs(np.fft.rfft(np.array(samples) * np.hanning(len(samples))))
    middle_hz = spectrum.argmax() * rate / len(samples)
    assert abs(1200 * np.log2(middle_hz / 440)) < 1.5 * DEPTH_CENTS
    assert len(samples) / rate > 0.3
    tab.evaluate("delete page.player.alone, page.trace = null")


@pytest.mark.browser
@pytest.mark.real_time
def test_what_is_saved_is_what_is_there(tab):
    cut = tab.evaluate(
        "(async () => { page.select({ fromS: 1, untilS: 2 }); const [blob] = await page.keeper.wav();"
        "return Array.from(new Uint8Array(await blob.arrayBuffer())); })()"
    )
    samples = np.frombuffer(bytes(cut)[44:], "<i2")
    assert len(samples) == RATE
    assert samples[0] == samples.max(), "it begins with the click at 1 s"
    tab.evaluate("page.keeper.mark(1.25), page.markers[0].label = 'a, \"b\"'")
    csv, kind, _ = tab.evaluate("page.keeper.markers()")
    assert (csv, kind) == ('time_s,label\n1.2500,"a, ""b"""\n', "text/csv")
    assert tab.evaluate("page.keeper.labels()")[0].count("\t") >= 2
    svg = ElementTree.fromstring(tab.evaluate("page.keeper.svg()")[0])
    texts = [element.text for element in svg.iter() if element.tag.endswith("text")]
    assert {'a, "b"', "C5"} <= set(texts), "markers and the names of keys are text"
    paths = [element.get("d") for element in svg.iter() if element.tag.endswith("path")]
    assert max(path.count("L") for path in paths) > 50, "a line's strokes are one path"
    size = tab.evaluate("page.keeper.png().then(([blob]) => createImageBitmap(blob)).then((p) => [p.width, p.height])")
    assert [round(float(side)) for side in svg.get("viewBox").split()[2:]] == size
    tab.evaluate("page.select(null), page.markers.length = 0, page.keeper.list()")


@pytest.mark.browser
@pytest.mark.real_time
def test_notes_are_saved_for_other_tools_as_the_page_names_them(tab, tmp_path):
    asked = "page.keeper.noteFile({!r}).then(([content]) => Array.from(new Uint8Array(content)))"
    kinds = tab.evaluate("[...document.getElementById('what').options].map((each) => each.value)")
    assert set(NOTE_FILES) == {kind for kind in kinds if "." in kind}
    for kind in NOTE_FILES:
        (tmp_path / kind).write_bytes(bytes(tab.evaluate(asked.format(kind))))
        assert examine(str(tmp_path / kind)).state in {"whole", "readable"}, kind
    assert {sent.note for sent in mido.MidiFile(tmp_path / "notes.mid") if sent.type == "note_on"} == {69}
    field = "document.getElementById('a4').value = {}, document.getElementById('a4').dispatchEvent(new Event('change'))"
    tab.evaluate(field.format(466))
    text = bytes(tab.evaluate(asked.format("notes.TextGrid"))).decode()
    tab.evaluate(field.format(440))
    assert 'text = "G#4 ' in text, "440 Hz is a semitone below an A4 of 466"
    tab.evaluate("page.hear('1'), page.keeper.save('notes.mid'), 0")
    assert tab.wait("document.getElementById('message').textContent === 'saved again.notes.mid'")
    tab.evaluate("page.hear('0')")


@pytest.mark.browser
@pytest.mark.real_time
def test_who_waits_for_a_file_is_told_that_nobody_answers(tab):
    tab.evaluate("window.sent = page.connection.send, page.connection.send = () => true, 0")
    tab.evaluate("page.keeper.save('notes.mid'), page.connection.socket.close(), 0")
    assert tab.wait("document.getElementById('message').textContent.startsWith('sharpear has ended')")
    assert tab.wait("page.offline === false")
    tab.evaluate("page.connection.send = window.sent, 0")


@pytest.mark.browser
@pytest.mark.real_time
def test_the_view_is_printed_on_a_page_of_its_size(tab):
    tab.evaluate("window.print = () => {}, page.keeper.pdf().then(() => (window.printed = true)), 0")
    assert tab.wait("window.printed")
    options = {"preferCSSPageSize": True, "printBackground": True}
    (printed,) = pypdf.PdfReader(io.BytesIO(base64.b64decode(tab.call("Page.printToPDF", **options)["data"]))).pages
    shape = tab.evaluate("document.getElementById('stage').clientWidth / document.getElementById('stage').clientHeight")
    assert float(printed.mediabox.width / printed.mediabox.height) == pytest.approx(shape, rel=0.01)
    assert "sung.wav" in printed.extract_text()
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate("document.getElementById('paper').childElementCount") == 0


SCROLLED = """
(() => {
  const { painter, plane, tilesOf } = page;
  const { gl, canvas, slabs, before } = painter;
  const pixels = () => {
    const whole = painter.draw(plane, tilesOf, devicePixelRatio, Infinity);
    const seen = new Uint8Array(4 * canvas.width * canvas.height);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, seen);
    return { whole, seen };
  };
  plane.show(1, 1.5);
  pixels();
  plane.move(0.31, 0);
  const drawnBefore = slabs.held.size;
  const scrolled = pixels();
  const kept = slabs.held.size - drawnBefore;
  slabs.held.clear();
  before.clear();
  const empty = painter.draw(plane, tilesOf, devicePixelRatio, 0);
  const anew = pixels();
  const same = scrolled.seen.every((value, at) => value === anew.seen[at]);
  return [scrolled.whole, anew.whole, empty, same, new Set(anew.seen).size > 50, kept < slabs.held.size];
})()
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_a_scrolled_picture_is_that_drawn_anew(tab):
    tab.evaluate("page.plane.show(1, 1.5), page.changed()")
    assert tab.wait("!page.dirty && [...page.tiles.values()].every((tiles) => !tiles.pending.size)")
    assert tab.evaluate(SCROLLED) == [True, True, False, True, True, True]
    tab.evaluate("page.plane.whole(), page.changed()")


RULED = """
(() => {
  const { overlay, plane, keeper } = page;
  const ruled = () => {
    overlay.draw(plane, page.layers, devicePixelRatio);
    const seen = [overlay.still, overlay.passing].map((each) => each.getImageData(0, 0, each.canvas.width, each.canvas.height).data);
    return seen.flatMap((each) => [...new Uint32Array(each.buffer)]);
  };
  page.showsNotes = true;
  keeper.mark(1.75);
  plane.show(1, 1.5);
  ruled();
  plane.move(0.31, 0);
  const scrolled = ruled();
  overlay.drawn = null;
  const anew = ruled();
  page.showsNotes = false;
  page.markers.length = 0;
  keeper.list();
  return [scrolled.every((value, at) => value === anew[at]), new Set(anew).size > 20];
})()
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_scrolled_rulers_notes_and_markers_are_those_drawn_anew(tab):
    assert tab.evaluate(RULED) == [True, True]


DISTURBED = """
(async () => {
  const { painter, plane, tilesOf } = page;
  const { gl, canvas, slabs, before } = painter;
  const settled = async () => {
    page.changed();
    const busy = () => page.dirty || page.stale || [...page.tiles.values()].some((tiles) => tiles.pending.size);
    do await new Promise((done) => setTimeout(done, 20)); while (busy());
    const seen = new Uint8Array(4 * canvas.width * canvas.height);
    painter.draw(plane, tilesOf, devicePixelRatio, 0);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, seen);
    return seen;
  };
  plane.show(1, 1.5);
  const whole = await settled();
  const real = window.fetch;
  const faults = { lost: 0, busy: 0, late: 0 };
  window.fetch = async (url) => {
    const name = Object.keys(faults)[Object.values(faults).reduce((sum, count) => sum + count) % 3];
    faults[name] += 1;
    if (name === "lost") throw new TypeError("the connection was lost");
    if (name === "busy") return new Response("busy", { status: 503 });
    await new Promise((done) => setTimeout(done, 100));
    return real(url);
  };
  for (const tiles of page.tiles.values()) for (const held of [...tiles.held.keys()]) tiles.drop(held);
  plane.show(1.2, 1);
  const waiting = painter.draw(plane, tilesOf, devicePixelRatio, Infinity);
  const colours = plane.panes.map(({ y, height }) => {
    const rows = Math.floor(height * devicePixelRatio);
    const low = canvas.height - Math.floor(y * devicePixelRatio) - rows;
    const pane = new Uint8Array(4 * canvas.width * rows);
    gl.readPixels(0, low, canvas.width, rows, gl.RGBA, gl.UNSIGNED_BYTE, pane);
    return new Set(new Uint32Array(pane.buffer)).size;
  });
  plane.show(1, 1.5);
  slabs.held.clear();
  before.clear();
  const again = await settled();
  window.fetch = real;
  plane.whole();
  page.changed();
  const same = again.every((value, at) => value === whole[at]);
  return [Math.min(...Object.values(faults)) > 0, new Set(whole).size > 50, waiting, Math.min(...colours) > 50, same];
})()
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_requests_that_fail_leave_no_stretch_of_any_pane_behind(tab):
    """Meanwhile what was shown before stands there, stretched, and nothing is drawn of tiles that are not there."""
    assert tab.evaluate(DISTURBED) == [True] * 5


@pytest.mark.browser
@pytest.mark.real_time
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(tab, width):
    tab.sized(width, 844 if width < 800 else 1000)
    try:
        assert not tab.overflows()
        assert tab.evaluate("document.getElementById('stage').clientHeight") >= 160
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.browser
@pytest.mark.real_time
def test_nobody_is_shut_out_by_what_is_open(tab):
    tab.evaluate("page.select({ fromS: 1, untilS: 2 }), page.showsNotes = page.showsSlice = true, page.keeper.mark(1)")
    assert tab.barriers() == []
    press(tab, "?")
    assert tab.barriers() == []
    tab.evaluate(
        "document.getElementById('keys').close(), page.select(null), page.showsNotes = page.showsSlice = false, "
        "page.markers.pop(), page.keeper.list()"
    )


@pytest.mark.browser
@pytest.mark.real_time
def test_every_control_has_a_name_and_a_role(tab):
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node
        for node in nodes
        if _of(node, "role") in {"button", "slider", "combobox", "checkbox", "spinbutton", "textbox", "application"}
    ]
    assert len(controls) > 20
    assert [node for node in controls if not _of(node, "name")] == []


def _of(node: dict, key: str) -> str:
    return str(node.get(key, {}).get("value", "")).strip().lower()


@pytest.mark.browser
@pytest.mark.real_time
def test_sound_is_played_and_looped(tab):
    tab.evaluate("page.select({ fromS: 0.5, untilS: 0.9 }), page.loops = true, page.select(page.selection)")
    press(tab, " ")
    assert tab.wait("page.player.playing && page.positionS > 0.6"), "it plays"
    assert tab.wait("(window.last ?? 0) > page.positionS + 0.1 || ((window.last = page.positionS), false)"), (
        "it goes back"
    )
    press(tab, " ")
    assert tab.wait("!page.player.playing")
    tab.evaluate("page.loops = false, page.select(null)")


CLICKS_HEARD = """
(async () => {
  const { player } = page;
  const ear = player.context.createAnalyser();
  ear.fftSize = 32768;
  player.node.connect(ear);
  const wave = new Float32Array(ear.fftSize);
  const heard = [];
  let lastS = -1;
  while (heard.length < 2 && player.playing) {
    await new Promise((done) => setTimeout(done, 5));
    const [nowS, positionS] = [player.context.currentTime, player.element.currentTime];
    ear.getFloatTimeDomainData(wave);
    const place = wave.findLastIndex((value) => Math.abs(value) > 0.5);
    const atS = nowS - (wave.length - 1 - place) / player.context.sampleRate;
    if (place < 0 || atS - lastS < 0.1) continue;
    lastS = atS;
    heard.push(positionS - (nowS - atS) * player.speed);
  }
  player.node.disconnect(ear);
  return heard;
})()
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_the_cursor_stands_where_the_sound_is(tab):
    """Both clocks are the sound's: when a click of the file leaves the player, the position is the click's."""
    tab.evaluate("page.seek(0.6)")
    press(tab, " ")
    assert tab.wait("page.player.playing")
    heard = tab.evaluate(CLICKS_HEARD)
    tab.evaluate("page.player.pause()")
    assert heard == pytest.approx([1.0, 2.0], abs=0.03)


@pytest.mark.browser
@pytest.mark.real_time
def test_fingers_pinch_move_and_press_long(tab):
    tab.evaluate("page.plane.whole(), page.changed()")
    box = json.loads(tab.evaluate("JSON.stringify(document.getElementById('picture').getBoundingClientRect())"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
        tab.call("Input.dispatchTouchEvent", type=kind, touchPoints=places)

    touch("touchStart", (x - 60, y - 40))
    touch("touchStart", (x - 60, y - 40), (x + 60, y + 40))
    for spread in (70, 90, 110, 130):
        touch("touchMove", (x - spread, y - spread / 2), (x + spread, y + spread / 2))
    touch("touchEnd")
    assert tab.evaluate("page.plane.spanS") < 0.7 * LENGTH_S
    assert tab.evaluate("page.plane.octaves") < 1.7
    before_s = tab.evaluate("page.plane.startS")
    touch("touchStart", (x, y))
    for moved in (10, 40, 80):
        touch("touchMove", (x + moved, y))
    touch("touchEnd")
    assert tab.evaluate("page.plane.startS") < before_s
    assert tab.evaluate("page.selection") is None
    touch("touchStart", (x, y))
    assert tab.wait("page.pilot.hand.act.kind === 'select'"), "a long press selects"
    for moved in (10, 40, 80):
        touch("touchMove", (x + moved, y))
    touch("touchEnd")
    assert tab.evaluate("page.selection.untilS - page.selection.fromS") > 0
    tab.evaluate("page.select(null), page.plane.whole(), page.changed()")
