"""The page: who may connect, what is sent, and what a browser shows."""

import asyncio
import json
import socket
import urllib.error
import urllib.request
from contextlib import suppress
from urllib.parse import urlsplit

import browser
import numpy as np
import pytest
from conftest import SMALL
from live_rig import wait_until
from view_rig import HIGH_HZ, LOW_HZ, RATE, TONE_HZ, shown
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import sharpear
from sharpear.errors import UsageError
from sharpear.live.worker import Gap
from sharpear.view.hub import LARGEST_BACKLOG, MOST_MESSAGES, Page
from sharpear.view.picture import HEADER, LARGEST_RATE_HZ, Picture
from sharpear.view.view import View

pytest_plugins = "view_fixtures"
pytestmark = pytest.mark.real_time


class Audience:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self.texts: list[dict] = []

    def columns(self, batch: bytes) -> None:
        self.batches.append(batch)

    def message(self, text: str) -> None:
        self.texts.append(json.loads(text))

    axes = message


def unpacked(batch: bytes) -> tuple[int, float, np.ndarray]:
    """(epoch, time of the first column, (columns, rows, 2) bytes)."""
    epoch, _, time_s, columns, rows = HEADER.unpack_from(batch)
    return epoch, time_s, np.frombuffer(batch, np.uint8, offset=HEADER.size).reshape(columns, rows, 2)


def drawn(hz: float, amplitude: float, monkeypatch) -> tuple[Audience, sharpear.Frames]:
    """What a picture makes of a second of a tone."""
    monkeypatch.setattr("sharpear.view.picture.PERIOD_S", 0.0)
    audience = Audience()
    picture = Picture(audience)
    sharpener = sharpear.Sharpener(RATE, str(SMALL))
    picture.begin(sharpener, "small")
    audio = (amplitude * np.cos(2 * np.pi * hz / RATE * np.arange(RATE)))[:, None]
    pieces = [sharpener.process(audio[start : start + 256]) for start in range(0, RATE, 256)]
    for piece in pieces:
        picture.frames(piece)
    return audience, sharpear.Frames.join(pieces)


@pytest.mark.parametrize("hz", [350.0, 440.0, 1000.0])
def test_columns_stand_at_their_time_and_a_tone_at_its_row_and_level(hz, monkeypatch):
    audience, frames = drawn(hz, 0.1, monkeypatch)
    (axes,) = audience.texts
    batches = [unpacked(batch) for batch in audience.batches]
    column_s = axes["column_s"]
    assert 1 / column_s <= LARGEST_RATE_HZ
    times = np.concatenate([time_s + column_s * np.arange(len(columns)) for _, time_s, columns in batches])
    assert np.allclose(np.diff(times), column_s)
    assert times[0] == pytest.approx(frames.times[0], abs=column_s)
    assert times[-1] == pytest.approx(frames.times[-1], abs=2 * column_s)
    last = batches[-1][2][-1]
    assert last.shape == (axes["rows"], 2)
    row = last[:, 0].argmax()
    assert axes["low_hz"] * 2 ** (row / axes["rows_per_octave"]) == pytest.approx(hz, rel=2 ** (1 / 96) - 1)
    level_db = axes["lowest_db"] + (last[row] - 1.0) / axes["steps_per_db"]
    assert level_db == pytest.approx([-20, -20], abs=2)
    assert last[:, 0].min() == 1, "rows without a line are at the lowest level"


def test_a_gap_is_told(monkeypatch):
    audience = Audience()
    Picture(audience).gap(Gap(1.5, 0.25, 0.25))
    assert audience.texts == [{"type": "gap", "start_s": 1.5, "length_s": 0.25, "cause": "dropped"}]


def test_a_slow_page_skips_columns_and_gets_every_message():
    async def follow() -> None:
        page = Page()
        for number in range(200):
            page.columns(bytes([number]))
        page.message("axes")
        page.status("old")
        page.status("new")
        heard = [await page.next() for _ in range(LARGEST_BACKLOG + 2)]
        assert heard == [bytes([number]) for number in range(LARGEST_BACKLOG)] + ["axes", "new"]
        assert page.skipped == 200 - LARGEST_BACKLOG
        page.columns(b"still too far behind")
        page.acknowledge(LARGEST_BACKLOG)
        page.columns(b"again")
        assert await page.next() == b"again"

    asyncio.run(follow())


def test_a_page_that_takes_nothing_finds_the_newest_axes_when_it_does():
    """Else it would not know that a recording is complete."""

    async def follow() -> None:
        page = Page()
        for number in range(1000):
            page.message("told")
            page.axes(f"axes {number}")
        heard = [await asyncio.wait_for(page.next(), 1) for _ in range(LARGEST_BACKLOG + MOST_MESSAGES)]
        assert [each for each in heard if each != "told"] == ["axes 999"]

    asyncio.run(follow())


def address(view: View) -> str:
    return urlsplit(view.url).netloc


def socket_of(view: View) -> str:
    return view.url.replace("http:", "ws:") + "live"


def test_without_the_whole_address_nothing_is_served():
    with View() as view:
        own = f"http://{address(view)}"
        token = urlsplit(view.url).path.strip("/")
        assert len(token) >= 20
        for path in ("", "main.js", "index.html", f"{token[:-1]}/main.js", f"x{token}/", "%00/", "../", f"?{token}"):
            with pytest.raises(urllib.error.HTTPError, match="403") as refused:
                urllib.request.urlopen(f"{own}/{path}")
            assert refused.value.read().decode().count("\n") == 1
        with urllib.request.urlopen(f"{view.url}main.js") as answer:
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        for path in ("/live", f"/{token[1:]}/live"):
            with pytest.raises(InvalidStatus, match="403"):
                connect(f"ws://{address(view)}{path}", origin=own)


def test_unfinished_requests_and_floods_are_cut_off():
    """Hundreds of half-open requests, and messages without end, keep neither connections nor a page out."""
    with View() as view:
        place = tuple(urlsplit(view.url).netloc.split(":"))
        raw = [socket.create_connection(place) for _ in range(100)]
        for each in raw:
            with suppress(OSError):  # those that gave way
                each.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert wait_until(lambda: _ended(raw[0]))
        own = f"http://{address(view)}"
        with connect(socket_of(view), origin=own) as good:
            for nonsense in (b"\x01\x80\0\0\0\0" * 20000, b"\x89\x80\0\0\0\0" * 20000, b"\x82\xfe\xff\xff\0\0\0\0"):
                with connect(socket_of(view), origin=own) as bad:
                    bad.socket.sendall(nonsense)
                    assert wait_until(lambda bad=bad: _closed(bad))
            good.send('{"preset": "nope"}')
            assert wait_until(lambda: _next_text(good)["type"] == "refused")
        for each in raw:
            each.close()


def _ended(raw: socket.socket) -> bool:
    raw.settimeout(0.05)
    try:
        return raw.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_server_that_dies_is_started_again_at_the_same_address():
    lines: list[str] = []
    with View() as view:
        view.report = lines.append
        for number in (1, 2, 3):
            view._process.kill()
            assert wait_until(lambda number=number: len(lines) == number)
            with urllib.request.urlopen(view.url) as answer:
                assert answer.status == 200
        assert set(lines) == {"the page's server ended and was started again at the same address"}
        view._process.kill()
        assert wait_until(lambda: len(lines) == 4)
        assert "goes on without the page" in lines[-1]
        view.columns(b"nobody sees this")


def test_pages_of_this_machine_are_served_and_no_others():
    with View() as view:
        for host in (address(view), "localhost:1234"):
            request = urllib.request.Request(view.url, headers={"Host": host})
            with urllib.request.urlopen(request) as answer:
                assert b"sharpear" in answer.read()
                assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        for host in ("evil.example", "127.0.0.1.evil.example", "sharpear.local:80"):
            request = urllib.request.Request(view.url, headers={"Host": host})
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(request)


def test_only_the_page_that_was_served_may_connect():
    with View() as view:
        url, own = socket_of(view), f"http://{address(view)}"
        with connect(url, origin=own):
            pass
        for origin in ("http://evil.example", "http://127.0.0.1:1", "https://" + address(view), "null", None):
            with pytest.raises(InvalidStatus, match="403"):
                connect(url, origin=origin)
        with socket.create_connection(urlsplit(own).netloc.split(":")) as raw:
            raw.sendall(
                b"GET "
                + urlsplit(url).path.encode()
                + b" HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert raw.recv(100).startswith(b"HTTP/1.1 403")


def test_it_listens_on_this_machine_only_and_says_when_the_port_is_taken():
    with View() as view:
        host, port = urlsplit(view.url).hostname, urlsplit(view.url).port
        assert host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):  # another of this machine's addresses
            socket.create_connection(("127.0.0.2", port))
        with pytest.raises(UsageError, match=f"--view-port {port}: cannot be used"):
            View(port)


def test_from_elsewhere_a_page_looks_on_and_does_not_choose():
    """Elsewhere is another end of the loop: an address that is not the one that is listened on."""
    asked: list[str] = []
    with View(host="0.0.0.0") as view:
        view.choose_preset, view.keep = asked.append, lambda: asked.append("keep")
        port, path = urlsplit(view.url).port, urlsplit(view.url).path
        url, own = f"ws://127.0.0.1:{port}{path}live", f"http://127.0.0.1:{port}"
        raw = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
        with connect(url, sock=raw, origin=own) as elsewhere, connect(url, origin=own) as here:
            for page, is_here in ((elsewhere, False), (here, True)):
                told = _next_text(page)
                assert (told["type"], told["url"], told["shared"], told["here"]) == ("address", view.url, True, is_here)
            elsewhere.send('{"preset": "speech"}')
            assert "the preset is chosen on the machine that listens" in _next_text(elsewhere)["message"]
            elsewhere.send('{"keep": true}')
            assert "files are kept on the machine that listens" in _next_text(elsewhere)["message"]
            here.send('{"preset": "music"}')
            here.send('{"keep": true}')
            assert wait_until(lambda: asked == ["music", "keep"])
            view.message('{"type": "seen by all"}')
            assert _next_text(elsewhere)["type"] == "seen by all"


def test_nonsense_from_a_page_closes_that_page_alone(tone):
    with shown(tone) as (view, running):
        own = f"http://{address(view)}"
        with connect(socket_of(view), origin=own) as good:
            for nonsense in ("[1]", "not json", '{"ack": "many"}', "3"):
                with connect(socket_of(view), origin=own) as bad:
                    bad.send(nonsense)
                    assert wait_until(lambda bad=bad: _closed(bad))
            good.send('{"preset": "nope"}')
            assert wait_until(lambda: _next_text(good)["type"] == "refused")
        assert running.lines == []


def _closed(page) -> bool:
    try:
        page.recv(timeout=0.05)
    except TimeoutError:
        return False
    except Exception:
        return True
    return False


def _next_text(page) -> dict:
    while isinstance(message := page.recv(timeout=10), bytes):
        pass
    return json.loads(message)


def test_a_page_that_does_not_read_costs_the_sound_nothing(tone):
    with shown(tone) as (view, running):
        with connect(socket_of(view), origin=f"http://{address(view)}", close_timeout=0.2):
            assert wait_until(lambda: view.skipped > 20)
        assert wait_until(lambda: view.pages == 0)
        status = running.statuses[-1]
        assert running.heard(running.session.worker.clock / RATE + 0.2)
    assert status.skipped > 0
    assert running.session.status().drops == 0
    assert running.lines == []


def bright_rows(tab: browser.Tab) -> tuple[np.ndarray, np.ndarray]:
    """(share of the height from the bottom, mean brightness 0 to 1) of the picture's rows, over its newest tenth."""
    box = tab.evaluate("JSON.stringify(document.getElementById('picture').getBoundingClientRect())")
    x, y, width, height = (round(json.loads(box)[name]) for name in ("x", "y", "width", "height"))
    rows = tab.pixels()[y : y + height, x + width - width // 10 : x + width - 8].mean(axis=(1, 2)) / 255
    return 1 - (np.arange(height) + 0.5) / height, rows


@pytest.mark.browser
def test_the_page_draws_a_tone_at_its_row_and_another_page_joins(tone, chromium):
    expected = np.log2(TONE_HZ / LOW_HZ) / np.log2(HIGH_HZ / LOW_HZ)
    with shown(tone) as (view, running):
        tabs = [chromium.open(view.url)]
        for tab in tabs:
            dark = [{"name": "prefers-color-scheme", "value": "dark"}]
            tab.call("Emulation.setEmulatedMedia", features=dark)
            assert tab.wait("document.getElementById('state').textContent === 'listening'")
            assert tab.wait("parseFloat(document.getElementById('time').textContent) > 1")
            assert wait_until(lambda tab=tab: bright_rows(tab)[1].max() > 0.4), "nothing bright is drawn"
            share, rows = bright_rows(tab)
            assert share[rows.argmax()] == pytest.approx(expected, abs=0.01)
            # A lone tone leaves a few lines 48 dB below it, which are dim.
            assert rows[np.abs(share - expected) > 0.05].max() < 0.5 * rows.max(), "what is no tone is dark"
            if len(tabs) == 1:
                tabs.append(chromium.open(view.url))
        assert wait_until(lambda: view.pages == 2)
        _steer(tabs[1])
        tabs[1].kill()
        assert wait_until(lambda: view.pages == 1)
        before = running.session.worker.clock
        assert running.heard(before / RATE + 0.3)
    assert running.session.status().drops == 0
    assert tabs[0].wait("document.getElementById('state').textContent === 'disconnected'")
    tabs[0].close()


def _steer(tab: browser.Tab) -> None:
    """Cursor, pause and layout, by keys and pointer."""
    box = json.loads(tab.evaluate("JSON.stringify(document.getElementById('picture').getBoundingClientRect())"))
    share = np.log2(TONE_HZ / LOW_HZ) / np.log2(HIGH_HZ / LOW_HZ)
    tab.press(" ")
    assert tab.wait("document.getElementById('pause').getAttribute('aria-pressed') === 'true'")
    tab.point(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * (1 - share) + 4)
    assert tab.wait("document.getElementById('read-note').textContent === 'A4'")
    assert abs(float(tab.evaluate("document.getElementById('read-hz').textContent").split()[0]) - TONE_HZ) < 0.5
    assert tab.evaluate("document.getElementById('read-sharp').textContent.startsWith('sharp −12')")
    tab.press("b")
    assert tab.wait("document.getElementById('beside').getAttribute('aria-pressed') === 'true'")
    tab.press("?")
    assert tab.wait("document.getElementById('keys').open")


@pytest.mark.browser
def test_the_page_shuts_nobody_out_and_nothing_overflows(tone, chromium):
    with shown(tone) as (view, _):
        tab = chromium.open(view.url)
        assert tab.wait("document.getElementById('state').textContent === 'listening'")
        for width in (390, 1280, 3840):
            tab.sized(width, 844 if width < 800 else 1000)
            assert not tab.overflows(), width
        for key in ("", "?", "p"):
            tab.evaluate("document.querySelectorAll('dialog').forEach((each) => each.close())")
            if key:
                tab.press(key)
                assert tab.wait("document.querySelector('dialog[open]') !== null")
            assert tab.barriers() == [], key
        tab.close()


@pytest.mark.browser
def test_the_page_chooses_a_preset(tone, chromium):
    with shown(tone) as (view, running):
        tab = chromium.open(view.url)
        assert tab.wait("document.getElementById('preset').value === 'small'")
        tab.evaluate(
            "(() => { const s = document.getElementById('preset'); s.value = 'speech'; "
            "s.dispatchEvent(new Event('change')); })()"
        )
        assert wait_until(lambda: running.session.status().preset == "speech", 40)
        assert tab.wait("document.getElementById('preset').value === 'speech'")
        tab.close()
    assert running.lines == []
