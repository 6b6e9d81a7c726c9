"""Both pages by keyboard alone: Tab reaches every control and shows where it is, keys do what the control is for."""

import browser
import numpy as np
import pytest
from view_rig import shown

pytest_plugins = "view_fixtures"
pytestmark = [pytest.mark.browser, pytest.mark.real_time]

LOOKS = [("dark", 1280, 800), ("light", 390, 844)]
AROUND_PX, WITHIN_PX = 8, 4
"""Where a control's ring is looked for, outside of its box and inside."""
RING_CONTRAST, RING_WIDTH_PX = 3.0, 0.8
"""How much a ring differs from what is there without it (WCAG 2), and its mean width where it does: one of two pixels
that lies between the screen's keeps one, and corners are round."""

CONTROLS = """
(() => {
  const kinds = "a[href], button, input, select, textarea, summary, canvas[role], [tabindex], [contenteditable], " +
    ":is([role=button], [role=slider], [role=application])";
  const within = document.querySelector("dialog[open]") ?? document;
  window.controls = [...within.querySelectorAll(kinds)].filter((each) => each.checkVisibility() && !each.disabled);
  return controls.map((each) => each.id || each.ariaLabel || (each.closest("label") ?? each).textContent);
})()
"""
FOCUSED = "controls.indexOf(document.activeElement)"
BOX = """
(() => {
  const each = document.activeElement;
  const { x, y, width, height } = each.getBoundingClientRect();
  const met = document.elementFromPoint(x + width / 2, y + height / 2);
  return [x, y, width, height, each === met || each.contains(met)];
})()
"""

FILES = {
    "stage": [
        ("ArrowRight", "page.positionS"),
        ("Shift+ArrowRight", "page.positionS"),
        ("ArrowDown", "page.cursor?.hz"),
        ("Shift+ArrowUp", "page.cursor?.hz"),
        ("ArrowDown", "page.cursor?.hz"),
        ("i", "page.selection?.fromS"),
        ("End", "page.positionS"),
        ("ArrowLeft", "page.positionS"),
        ("o", "page.selection?.untilS"),
        ("Home", "page.positionS"),
        ("Shift+ArrowRight", "page.positionS"),
        ("+", "page.plane.spanS"),
        ("z", "page.plane.octaves"),
        ("PageUp", "page.plane.lowHz"),
        ("PageDown", "page.plane.lowHz"),
        (" ", "page.player.playing"),
        (" ", "page.player.playing"),
    ],
    "overview": [("End", "page.plane.startS"), ("ArrowLeft", "page.plane.startS")],
    "play": [("Enter", "page.player.playing"), (" ", "page.player.playing")],
    "loop": [("Enter", "page.player.loop?.join()"), (" ", "page.player.loop?.join()")],
    "speed": [("ArrowLeft", "page.player.element.playbackRate")],
    "alone": [("Enter", "page.trace?.length")],
    "out": [("Enter", "page.plane.spanS")],
    "in": [(" ", "page.plane.spanS")],
    "flatter": [("Enter", "page.plane.octaves")],
    "taller": [(" ", "page.plane.octaves")],
    "selected": [("Enter", "page.plane.startS")],
    "whole": [("Enter", "page.plane.spanS")],
    "voices": [("Enter", "page.painter.byVoice"), (" ", "page.painter.byVoice")],
    "slice": [("Enter", "page.showsSlice"), (" ", "page.showsSlice")],
    "blend": [("ArrowLeft", "page.plane.blend")],
    "beside": [("Enter", "page.plane.panes.length"), (" ", "page.plane.panes.length")],
    "range": [("ArrowLeft", "page.painter.topDb - page.painter.floorDb")],
    "auto": [("Enter", "page.rangeDb")],
    "colours": [("ArrowDown", "page.colours.join()"), ("ArrowUp", "page.colours.join()")],
    "notes": [("Enter", "page.layers.notes?.size"), (" ", "page.layers.notes?.size")],
    "a4": [("ArrowUp", "import('./music.js').then(({ tuning }) => tuning.a4)")],
    "temperament": [("ArrowDown", "import('./music.js').then(({ tuning }) => tuning.temperament)")],
    "mark": [("Enter", "page.markers.length"), ("x", "page.markers.map(({ label }) => label).join()")],
    "what": [("ArrowDown", "document.getElementById('what').value")],
    "save": [("Enter", "document.getElementById('message').textContent")],
    "help": [("Enter", "document.getElementById('keys').open"), ("Escape", "document.getElementById('keys').open")],
    "show sung.wav": [(" ", "page.shown.length"), (" ", "page.shown.length")],
    "show again.wav": [(" ", "page.shown.length"), (" ", "page.shown.length")],
    "hear": [("ArrowDown", "page.player.url"), ("ArrowUp", "page.player.url")],
    "0:00.00 Go to marker 1": [("Enter", "page.positionS")],
    "Name of marker 1": [("y", "page.markers[0].label")],
    "× Remove marker 1": [("Enter", "page.markers.length")],
}
"""Of the page of files each control's keys, one after the other, and what each of them changes."""

LIVE = {
    "preset": [("ArrowUp", "document.getElementById('preset').value")],
    "stage": [
        ("ArrowUp", "document.getElementById('read-note').textContent"),
        ("ArrowLeft", "document.getElementById('read-time').textContent"),
        ("z", ""),
        ("PageUp", "document.getElementById('read-hz').textContent"),
    ],
    "pause": [("Enter", "document.getElementById('pause').textContent")],
    "beside": [
        ("Enter", "document.getElementById('blend').disabled"),
        (" ", "document.getElementById('blend').disabled"),
    ],
    "blend": [("ArrowLeft", "document.getElementById('blend').value")],
    "floor": [("ArrowLeft", "document.getElementById('floor-db').textContent")],
    "top": [("ArrowLeft", "document.getElementById('top-db').textContent")],
    "auto": [("Enter", "document.getElementById('auto').ariaPressed")],
    "span": [("ArrowLeft", "document.getElementById('span-s').textContent")],
    "colours": [("ArrowDown", "document.getElementById('colours').value")],
    "whole": [("Enter", "document.getElementById('read-hz').textContent")],
    "keep": [("Enter", "document.getElementById('message').textContent")],
    "help": [("Enter", "document.getElementById('keys').open"), ("Escape", "document.getElementById('keys').open")],
}
"""The same of the live page, of a session that is paused."""


def controls(tab: browser.Tab) -> list[str]:
    """The names of all that can be operated now, in the order of the document."""
    names: list[str] = tab.evaluate(CONTROLS)
    assert len(set(names)) == len(names)
    return names


def walk(tab: browser.Tab, *, back: bool = False) -> list[str]:
    """What Tab meets once around, as from the page's beginning; each is seen, and seen to have the focus."""
    names, met = controls(tab), list[str]()
    for _ in range(len(names) + 2):
        tab.press("Tab", shift=back)
        if (at := tab.evaluate(FOCUSED)) < 0:
            continue  # it has left the page
        if names[at] in met:
            break
        met.append(names[at])
        ring_px, length_px = ring(tab)
        assert ring_px > RING_WIDTH_PX * length_px, f"{names[at]}: a ring of {ring_px} pixels around {length_px}"
    first = met.index(names[-1 if back else 0])
    return met[first:] + met[:first]


def ring(tab: browser.Tab) -> tuple[int, float]:
    """How many pixels around the control that has the focus tell so, and how long its border is, CSS pixels."""
    x, y, width, height, seen = tab.evaluate(BOX)
    assert seen, "what has the focus is covered, or out of sight"
    clip = {"x": x - AROUND_PX, "y": y - AROUND_PX, "width": width + 2 * AROUND_PX, "height": height + 2 * AROUND_PX}
    with_it = luminance(tab.pixels(clip))
    tab.evaluate("document.activeElement.blur()")  # Tab goes on from here
    without = luminance(tab.pixels(clip))
    contrast = (np.maximum(with_it, without) + 0.05) / (np.minimum(with_it, without) + 0.05)
    inner = AROUND_PX + WITHIN_PX
    contrast[inner:-inner, inner:-inner] = 1
    return int((contrast >= RING_CONTRAST).sum()), 2 * (width + height)


def luminance(pixels: np.ndarray) -> np.ndarray:
    """(height, width, 3) bytes of sRGB → (height, width), 0 to 1."""
    rgb = pixels / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


def operate(tab: browser.Tab, name: str, steps: list[tuple[str, str]]) -> None:
    """Go to a control by Tab, and press its keys, each of which changes what it is to change."""
    names = controls(tab)
    for _ in range(len(names) + 2):
        if tab.evaluate(FOCUSED) == names.index(name):
            break
        tab.press("Tab")
    else:
        pytest.fail(f"{name} is not reached")
    for key, effect in steps:
        told = f"(async () => String(await ({effect or '0'})))()"
        before = tab.evaluate(told)
        tab.press(key.removeprefix("Shift+"), shift=key.startswith("Shift+"))
        changed = f"{told}.then((now) => now !== {before!r})"
        assert not effect or tab.wait(changed), f"{name}, {key}: {effect} stays {before}"
    assert tab.evaluate("document.activeElement !== document.body"), f"{name} loses the focus"


def looks(tab: browser.Tab, scheme: str, width: int, height: int) -> None:
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.sized(width, height)
    assert tab.wait(f"innerWidth === {width} && matchMedia('(prefers-color-scheme: {scheme})').matches")


@pytest.fixture
def selected(tab):
    """A selection, and a marker."""
    tab.evaluate("page.select({ fromS: 1, untilS: 2 }), page.keeper.mark(0), 0")
    yield tab
    tab.evaluate("page.select(null), page.markers.length = 0, page.keeper.list(), page.plane.whole(), page.changed()")


@pytest.mark.parametrize(("scheme", "width", "height"), LOOKS)
def test_tab_reaches_all_of_the_page_of_files_and_is_seen_there(selected, scheme, width, height):
    looks(selected, scheme, width, height)
    assert walk(selected) == controls(selected)
    assert walk(selected, back=True) == controls(selected)[::-1]


def test_keys_operate_all_of_the_page_of_files(selected):
    looks(selected, *LOOKS[0])
    assert controls(selected) == list(FILES)
    for name, steps in FILES.items():
        operate(selected, name, steps)


def test_the_live_page_is_reached_seen_and_operated_by_keys(tone, chromium):
    with shown(tone, remembers=True) as (view, running):
        chosen: list[str] = []
        view.choose_preset, view.keep = chosen.append, running.session.keep
        tab = chromium.open(view.url)
        assert running.heard(1)
        tab.press(" ")
        for look in LOOKS:
            looks(tab, *look)
            assert walk(tab) == controls(tab)
            assert walk(tab, back=True) == controls(tab)[::-1]
        assert controls(tab) == list(LIVE)
        for name, steps in LIVE.items():
            operate(tab, name, steps)
        assert len(chosen) == 1
        tab.press("p")
        assert controls(tab) == ["Close"], "a dialog keeps the focus"
        tab.press("Enter")
        assert tab.wait("!document.querySelector('dialog[open]')")
        tab.close()
