"""What pages, and others who reach the port, send to the page's server; and odd batches from the session itself."""

import json
import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from sharpear.view.hub import HEAD
from sharpear.view.view import LOCAL

from .case import Case, Place, WrongError
from .odd import changed, json_bytes

REQUESTS = ({"ack": 1}, {"preset": "music"}, {"preset": "nope"}, {"ack": 3, "preset": "speech"})
WAIT_S = 5.0
MOST_BYTES = 500_000_000


class PageMessages:
    """Messages, frames and requests, and after each a good page that is to be served all the same."""

    def prepare(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "sharpear.view.server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )  # its stderr is the worker's, which is searched for tracebacks
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        place = {"host": LOCAL, "port": None, "token": "secret"}
        self._server.stdin.write(json.dumps(place).encode() + b"\n")
        self._server.stdin.flush()
        self._url = str(json.loads(self._server.stdout.readline())["url"])
        self._drain = subprocess.Popen(["cat"], stdin=self._server.stdout, stdout=subprocess.DEVNULL)

    def make(self, rng: Random) -> Case:
        steps: list[tuple[str, bytes]] = []
        for _ in range(rng.randint(1, 3)):
            kind = rng.choice(("text", "text", "bytes", "frame", "http", "hub"))
            if kind in ("text", "bytes"):
                content = json_bytes(rng, changed(rng, rng.choice(REQUESTS)))
            elif kind == "hub":
                content = rng.choice((b"c", b"m", b"s", b"a")) + rng.randbytes(rng.choice((0, 3, 900))).hex().encode()
            elif kind == "frame":
                content = rng.randbytes(rng.choice((1, 2, 6, 20)))
            else:
                content = rng.choice(
                    (
                        rng.randbytes(50), b"GET / HTTP/1.1\r\n", b"GET /" + b"a" * 70000,
                        b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
                        b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nx",
                        b"GET / HTTP/1.1\r\nHost: " + rng.randbytes(9).hex().encode() + b"\r\n\r\n",
                        b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                        b"GET /%00%ff%2e%2e/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    )
                )  # fmt: skip
            steps.append((kind, content))
        told = ", ".join(f"{kind} {content[:60]!r}" for kind, content in steps)
        return Case(told, {f"step{n}.{kind}": content for n, (kind, content) in enumerate(steps)}, steps)

    def run(self, case: Case, place: Place) -> None:
        for kind, content in case.data:
            with suppress(OSError, WebSocketException, UnicodeDecodeError, TimeoutError):
                self._send(kind, content)
        if self._server.poll() is not None:
            raise WrongError(f"the server has ended with the code {self._server.returncode}")
        resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self._server.pid}/status").read_text())
        if resident and int(resident[1]) * 1024 > MOST_BYTES:
            raise WrongError(f"the server holds {resident[1]} kB")
        with self._page() as page:
            page.send('{"preset": "nope"}')
            while '"refused"' not in str(page.recv(timeout=WAIT_S)):
                pass

    def _page(self):
        parts = urlsplit(self._url)
        return connect(
            f"ws://{parts.netloc}{parts.path}live",
            origin=f"http://{parts.netloc}",
            close_timeout=0.2,
            open_timeout=WAIT_S,
        )

    def _send(self, kind: str, content: bytes) -> None:
        parts = urlsplit(self._url)
        if kind == "hub":
            assert self._server.stdin is not None
            self._server.stdin.write(HEAD.pack(content[:1], len(content) - 1) + content[1:])
            self._server.stdin.flush()
        elif kind == "http":
            with socket.create_connection((parts.hostname, parts.port), WAIT_S) as raw:
                raw.sendall(content)
        else:
            with self._page() as page:
                if kind == "frame":
                    page.socket.sendall(content)
                else:
                    page.send(content.decode("utf-8", "replace") if kind == "text" else content)
                page.recv(timeout=0.05)
