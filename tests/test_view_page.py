"""The page of `sharpear view` plays, seeks, measures and saves."""

import base64
import io
import json
import xml.etree.ElementTree as ElementTree

import mido
import numpy as np
import pypdf
import pytest
from view_rig import DEPTH_CENTS, LENGTH_S, RATE, VIBRATO_HZ, vibrato_at

from sharpear.integrity import examine
from sharpear.view.data import NOTE_FILES

pytest_plugins = "view_fixtures"


@pytest.mark.browser
@pytest.mark.real_time
def test_keys_steer_the_page(tab):
    shown = {"b": "page.plane.beside", "s": "page.showsSlice", "n": "page.showsNotes", "v": "page.painter.byVoice"}
    for key, told in shown.items():
        for expected in (True, False):
            tab.press(key)
            assert tab.evaluate(told) is expected
    for key, moved in (
        ("+", "page.plane.spanS"),
        ("z", "page.plane.octaves"),
        ("[", "page.plane.blend"),
        ("<", "page.player.speed"),
    ):
        before = tab.evaluate(moved)
        tab.press(key)
        assert tab.evaluate(moved) < before, key
    for key in ("0", "]", ">"):
        tab.press(key)
    assert tab.evaluate("page.plane.spanS") == pytest.approx(LENGTH_S, abs=0.01)
    tab.press("2")
    assert tab.evaluate("page.heardFolder") == "1"
    tab.press("1")
    tab.press("m")
    assert tab.evaluate("page.markers.length") == 1
    tab.evaluate("page.markers.length = 0, page.keeper.list()")


@pytest.mark.browser
@pytest.mark.real_time
def test_keys_of_one_character_can_be_kept_to_the_picture(tab):
    box, told = "document.getElementById('everywhere')", "page.plane.beside"
    tab.evaluate("document.activeElement.blur()")
    try:
        tab.evaluate(f"{box}.click()")
        assert tab.evaluate(box + ".checked") is False
        tab.press("b")
        assert tab.evaluate(told) is False
        start_s = tab.evaluate("page.positionS")
        tab.press("End")
        assert tab.evaluate("page.positionS") > start_s, "keys that nobody dictates work everywhere"
        tab.evaluate("document.getElementById('stage').focus()")
        for expected in (True, False):
            tab.press("b")
            assert tab.evaluate(told) is expected
        chosen_anew = "import('./shortcuts.js').then(({ chooseShortcuts }) => (chooseShortcuts(), 0))"
        tab.evaluate(f"{box}.checked = true")
        tab.evaluate(chosen_anew)
        assert tab.evaluate(box + ".checked") is False, "the browser remembers"
    finally:
        tab.evaluate(f"{box}.checked || {box}.click(), document.activeElement.blur(), page.seek(0)")
    tab.press("b")
    tab.press("b")
    assert tab.evaluate("document.cookie") == ""


@pytest.mark.browser
@pytest.mark.real_time
@pytest.mark.parametrize(
    ("cents", "name"),
    [
        (0, "unison +0 ct"),
        (702, "perfect fifth +2 ct"),
        (386.3, "major third −14 ct"),
        (1200, "octave +0 ct"),
        (1902, "octave and perfect fifth +2 ct"),
        (2395, "2 octaves −5 ct"),
    ],
)
def test_intervals_are_named(tab, cents, name):
    assert tab.evaluate(f"import('./music.js').then(({{ interval }}) => interval({cents}))") == name


@pytest.mark.browser
@pytest.mark.real_time
def test_a_selection_tells_its_interval(tab):
    tab.evaluate("page.cursor = null, page.select({ fromS: 1, untilS: 2, lowHz: 400, highHz: 600 })")
    told = "document.getElementById('read-measure').textContent"
    assert tab.wait(f"{told} === 'Δt 1000 ms · Δ 702 ct, perfect fifth +2 ct'")
    tab.evaluate("page.select(null)")


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
    tab.press("h")
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


@pytest.mark.browser
@pytest.mark.real_time
def test_sound_is_played_and_looped(tab):
    tab.evaluate("page.select({ fromS: 0.5, untilS: 0.9 }), page.loops = true, page.select(page.selection)")
    tab.press(" ")
    assert tab.wait("page.player.playing && page.positionS > 0.6"), "it plays"
    assert tab.wait("(window.last ?? 0) > page.positionS + 0.1 || ((window.last = page.positionS), false)"), (
        "it goes back"
    )
    tab.press(" ")
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
    tab.press(" ")
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
