"""The page of `sharpear view` draws the same whatever came before, fits every width, and shuts nobody out."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sharpear.sinks.figure import VOICES, seen_on

pytest_plugins = "view_fixtures"

WIDTHS = (390, 720, 1280, 3840)


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
    return [overlay.still, overlay.passing].flatMap((each) => {
      const { width, height } = each.canvas;
      return [...new Uint32Array(each.getImageData(0, 0, width, height).data.buffer)];
    });
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


RESTED = """
(async () => {
  const { frame } = page;
  let drawn, windows = 0;
  page.frame = function () { drawn += 1; frame.call(page); };
  do {  // tiles of the test before may still come
    drawn = 0;
    await new Promise((done) => setTimeout(done, 300));
  } while (drawn && ++windows < 30);
  const resting = drawn;
  page.cursor = { timeS: 1, hz: 500, folder: "0" };
  await new Promise((done) => setTimeout(done, 300));
  delete page.frame;
  page.cursor = null;
  return [resting, drawn > 0];
})()
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_the_page_rests_until_something_changes(tab):
    assert tab.wait("!page.dirty && !page.stale && !page.awake")
    assert tab.evaluate(RESTED) == [0, True]
    assert tab.wait("!page.awake")


SEEN = """
import('./colours.js').then(({ MAPS, table }) => MAPS.map((map) => {
  page.overlay.standOn(table(map));
  const { on } = page.overlay;
  return [on.ground, on.ink, on.accent, ...on.voices];
}))
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_what_stands_on_the_picture_is_seen_on_every_palette(tab):
    """Contrast as WCAG 2 defines it: 4.5 of names, which are text, 3 of what is drawn."""
    told = tab.evaluate(SEEN)
    tab.evaluate("page.recolour()")

    def luminance(colour: str) -> float:
        rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        return float(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])

    def contrast(a: str, b: str) -> float:
        darker, lighter = sorted(map(luminance, (a, b)))
        return (lighter + 0.05) / (darker + 0.05)

    assert len(told) > 4
    for ground, ink, *drawn in told:
        assert contrast(ground, ink) >= 4.5
        assert min(contrast(ground, each) for each in drawn) >= 2.99, "rounded to bytes"


@pytest.mark.browser
@pytest.mark.real_time
def test_notes_have_the_same_colours_in_the_page_and_in_files(tab):
    maps = tab.evaluate("import('./colours.js').then(({ MAPS }) => MAPS)")
    show = "document.getElementById('colours').value = '{}', page.recolour(), page.overlay.on.voices"
    mine = {name: [to_hex(seen_on(name, each)) for each in VOICES] for name in maps}
    theirs = {name: tab.evaluate(show.format(name)) for name in maps}
    tab.evaluate("page.restyle()")
    assert mine == theirs


NAMED = """
import('./melody.js').then(({ drawNotes }) => {
  const done = [];
  const context = new Proxy({}, { get: (_, name) => (...words) => done.push([name, ...words]), set: () => true });
  const { plane } = page;
  const [pane] = plane.panes;
  const hz = Math.sqrt(plane.lowHz * plane.highHz);
  const note = (onset_s, offset_s) => ({ onset_s, offset_s, hz, voice: 0 });
  const tooLate = plane.time(plane.margin.left + pane.x + pane.width - 8, pane);
  const notes = [note(1, 2), note(1.001, 2), note(2.2, 3), note(tooLate, plane.toS + 1)];
  drawNotes(context, plane, pane, { notes, f0: [], start_s: 0, step_s: 0.01 }, page.overlay.on);
  return done.map(([name]) => name).filter((name) => ["roundRect", "fillText"].includes(name));
})
"""


@pytest.mark.browser
@pytest.mark.real_time
def test_names_of_notes_stand_above_all_outlines_and_cover_no_other(tab):
    assert tab.evaluate(NAMED) == ["roundRect"] * 4 + ["fillText"] * 2


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
def test_on_a_phone_the_sound_stays_and_one_group_of_controls_is_shown(tab):
    tab.sized(390, 844)
    tab.evaluate("page.keeper.mark(1), 0")
    seen = "[...document.querySelectorAll('fieldset[data-group]')].filter((each) => each.checkVisibility())"
    in_view = (
        "[...document.querySelectorAll('#controls :is(button, input, select)')].every((each) => "
        "!each.checkVisibility() || each.getBoundingClientRect().bottom <= innerHeight)"
    )
    try:
        names = tab.evaluate("[...document.querySelectorAll('#groups button')].map((each) => each.textContent)")
        assert len(names) == 4
        for name in names:
            tab.evaluate(
                f"[...document.querySelectorAll('#groups button')].find((b) => b.textContent === '{name}').click()"
            )
            assert set(tab.evaluate(f"{seen}.map((each) => each.dataset.group)")) == {name}
            assert tab.evaluate("document.getElementById('play').checkVisibility()")
            assert tab.wait(in_view), name
            assert tab.evaluate("document.getElementById('stage').clientHeight") >= 160
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")
        tab.evaluate("page.markers.length = 0, page.keeper.list()")
    assert tab.wait(f"new Set({seen}.map((each) => each.dataset.group)).size === 4"), "on a wide page all are shown"


@pytest.mark.browser
@pytest.mark.real_time
def test_nobody_is_shut_out_by_what_is_open(tab):
    tab.evaluate("page.select({ fromS: 1, untilS: 2 }), page.showsNotes = page.showsSlice = true, page.keeper.mark(1)")
    assert tab.barriers() == []
    tab.press("?")
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
