"""Who may come in, and how much they may send: the page and its WebSocket lie behind a secret part of the address."""

import hmac
import ipaddress
import socket
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from .data import DATA, data

STATIC = Path(__file__).resolve().parent / "static"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Host names by which the page may be asked for: through a tunnel it is at another port of another localhost."""
HEADERS = (
    ("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
MOST_PAGES = 16
MOST_WAITING = 32
"""The most connections whose request is incomplete or being answered: one more ends the oldest."""
BURST_BYTES = 32768
BYTES_PER_S = 16384
"""The most that a connection may send: a page sends 1.5 kB/s, and one that sends more than this is cut off."""


class Door:
    """Answer requests for files, and let WebSockets of our own pages pass.

    Args:
        token: the first part of every path, compared in constant time.
        host: the address that is listened on; pages may be called by it, and by any address where it stands for all.
        full: whether no more pages may join.
        folder: what is served below ``data/``, with the page of files; the live page where there is none.
    """

    def __init__(self, token: str, host: str, full: Callable[[], bool], folder: Path | None = None) -> None:
        self._token, self._host, self._full, self._folder = token.encode(), host, full, folder
        self._files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in KINDS}

    def __call__(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer; None where a WebSocket may be opened."""
        token, _, name = urlsplit(request.path).path.removeprefix("/").partition("/")
        host, origin = _only(request.headers, "Host"), _only(request.headers, "Origin")
        if not is_named(host, self._host):
            return _told(
                HTTPStatus.FORBIDDEN, "sharpear serves its page only under the address that it was started with"
            )
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            return _told(HTTPStatus.FORBIDDEN, "this page opens only with the whole address that sharpear printed")
        if name == "live":
            if origin != f"http://{host}":
                return _told(HTTPStatus.FORBIDDEN, "only sharpear's own page may connect")
            busy = "too many pages are open: close one"
            return _told(HTTPStatus.SERVICE_UNAVAILABLE, busy) if self._full() else None
        if self._folder and (place := DATA.fullmatch(name)):
            return data(self._folder / place[1], _only(request.headers, "Range"))
        name = name or ("file.html" if self._folder else "index.html")
        if name not in self._files:
            return _told(HTTPStatus.NOT_FOUND, "there is no such file")
        return _answer(HTTPStatus.OK, KINDS[Path(name).suffix], self._files[name])


def _only(headers: Headers, name: str) -> str:
    values = headers.get_all(name)
    return values[0] if len(values) == 1 else ""


def _told(status: HTTPStatus, sentence: str) -> Response:
    return _answer(status, "text/plain; charset=utf-8", f"{sentence}\n".encode())


def _answer(status: HTTPStatus, kind: str, body: bytes) -> Response:
    headers = Headers([*HEADERS, ("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")])
    return Response(status.value, status.phrase, headers, body)


def is_named(host: str, listening: str) -> bool:
    """Whether this Host header names the machine that listens.

    >>> is_named("localhost:8737", "127.0.0.1"), is_named("evil.example:8737", "127.0.0.1"), is_named("", "127.0.0.1")
    (True, False, False)
    >>> is_named("192.168.1.7:8737", "127.0.0.1"), is_named("192.168.1.7:8737", "0.0.0.0")
    (False, True)
    """
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if not name:
        return False
    return name in LOCAL_NAMES or name == listening.lower() or (stands_for_all(listening) and _is_address(name))


def stands_for_all(host: str) -> bool:
    """Whether listening here means listening on every address of this machine."""
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == socket.gethostname().lower()
    return True


class Bounded(ServerConnection):
    """A connection that may not flood: it sends at a bounded rate, and few may wait to be let in."""

    waiting: "dict[Bounded, None]" = {}  # noqa: RUF012 (one server, one process)
    _allowance, _heard_s = float(BURST_BYTES), 0.0

    def connection_made(self, transport: Any) -> None:
        """Let the oldest of those who wait give way."""
        super().connection_made(transport)
        self._heard_s = self.loop.time()
        self.waiting[self] = None
        if len(self.waiting) > MOST_WAITING:
            oldest = next(iter(self.waiting))
            self.waiting.pop(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer among those that wait."""
        self.let_in()
        super().connection_lost(exc)

    def let_in(self) -> None:
        """Mark it as one of our own pages, which may stay."""
        self.waiting.pop(self, None)

    def data_received(self, data: bytes) -> None:
        """Read a message, unless it is too much."""
        now_s = self.loop.time()
        gained = (now_s - self._heard_s) * BYTES_PER_S
        self._allowance = min(BURST_BYTES, self._allowance + gained) - len(data)
        self._heard_s = now_s
        if self._allowance < 0:
            self.transport.abort()
        else:
            super().data_received(data)

    @property
    def from_here(self) -> bool:
        """Whether the other end is on this machine."""
        return bool(self.remote_address and self.local_address and self.remote_address[0] == self.local_address[0])
