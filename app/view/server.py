"""The server of the page, a process: on this machine's own address, for pages of its own only.

Its stdin brings what to show, see `HEAD`, and its end ends the server; on stdout it answers in JSON lines.
"""

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sharpear.config import preset_names
from sharpear.errors import UsageError

from .hub import HEAD, Hub, Page

ADDRESS = "127.0.0.1"
USUAL_PORT = 8737
COUNT_S = 0.1
STATIC = Path(__file__).resolve().parent / "static"
NAMES = {"localhost", ADDRESS, "::1"}
"""What the page may be called: it is also reached through a tunnel, at another port of another machine's localhost."""
HEADERS = {
    b"content-security-policy": b"default-src 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-cache",
}


def main() -> None:
    """Serve until stdin ends."""
    try:
        listening = _bound(json.loads(sys.argv[1]))
    except UsageError as error:
        tell({"error": str(error)})
        return
    listening.listen()
    tell({"url": f"http://{ADDRESS}:{listening.getsockname()[1]}/"})
    asyncio.run(Server(listening, tell).serve(sys.stdin.buffer))


def tell(told: dict[str, object]) -> None:
    """One line to the session."""
    with suppress(OSError):  # it has just ended
        os.write(1, json.dumps(told).encode() + b"\n")


class Server:
    """Serve the pages until the session ends.

    Args:
        listening: where.
        told: receives what the session is to know: a preset that a page asks for; how many pages there are and what
            they skipped.
    """

    def __init__(self, listening: socket.socket, told: Callable[[dict[str, object]], None]) -> None:
        self.hub = Hub()
        self._socket, self._told = listening, told
        routes = [WebSocketRoute("/live", self._serve_page), Mount("/", StaticFiles(directory=STATIC, html=True))]
        config = uvicorn.Config(
            Guard(Starlette(routes=routes)),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)

    async def serve(self, session: BinaryIO) -> None:
        """Pass on what the session sends, until its end."""
        self.hub.loop = asyncio.get_running_loop()
        threading.Thread(target=self._hear, args=(session,), daemon=True).start()
        counting = asyncio.create_task(self._count())
        await self._server.serve(sockets=[self._socket])
        counting.cancel()

    def _hear(self, session: BinaryIO) -> None:
        while len(head := session.read(HEAD.size)) == HEAD.size:
            kind, size = HEAD.unpack(head)
            content = session.read(size)
            if kind == b"c":
                self.hub.columns(content)
            else:
                {b"a": self.hub.axes, b"m": self.hub.message, b"s": self.hub.status}[kind](content.decode())
        self.hub.message(json.dumps({"type": "end"}))
        self._server.should_exit = True

    async def _count(self) -> None:
        before: dict[str, object] = {}
        while True:
            now: dict[str, object] = {"pages": len(self.hub.pages), "skipped": self.hub.skipped}
            if now != before:
                self._told(now)
            before = now
            await asyncio.sleep(COUNT_S)

    async def _serve_page(self, socket_: WebSocket) -> None:
        await socket_.accept()
        page = self.hub.join()
        sending = asyncio.create_task(_send(socket_, page))
        try:
            while True:
                self._heard(page, await socket_.receive_json())
        except (WebSocketDisconnect, RuntimeError, ValueError, TypeError, KeyError):
            pass  # gone, or not one of our pages
        finally:
            sending.cancel()
            self.hub.leave(page)
            with suppress(RuntimeError):
                await socket_.close()

    def _heard(self, page: Page, request: object) -> None:
        if not isinstance(request, dict):
            raise TypeError
        if "ack" in request:
            page.acknowledge(int(str(request["ack"])))
        if "preset" in request:
            name = str(request["preset"])
            if name in preset_names():
                self._told({"preset": name})
            else:
                known = ", ".join(preset_names())
                text = f"there is no preset {name!r}: choose one of {known}"
                page.message(json.dumps({"type": "refused", "message": text}))


async def _send(socket_: WebSocket, page: Page) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            news = await page.next()
            await (socket_.send_bytes(news) if isinstance(news, bytes) else socket_.send_text(news))


def _bound(port: int | None) -> socket.socket:
    # Only where a socket names its protocol does asyncio send small packets at once: else 40 ms pass now and then.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((ADDRESS, USUAL_PORT if port is None else port))
    except (OSError, OverflowError) as error:
        if port is not None:
            listening.close()
            raise UsageError(f"--view-port {port}: cannot be used ({error}): choose another") from error
        listening.bind((ADDRESS, 0))
    return listening


class Guard:
    """Let in only requests for a local name, and WebSockets only from the very page that was served.

    A foreign page can neither connect (its Origin differs) nor pass for ours by a name of its own that leads here (the
    Host differs).
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse with 403."""
        headers = Headers(scope=scope)
        if scope["type"] == "websocket" and not is_own(headers.get("host"), headers.get("origin")):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http" and not is_local(headers.get("host")):
            await PlainTextResponse("sharpear serves only pages of this machine\n", 403)(scope, receive, send)
        else:
            await self._inner(scope, receive, _with_headers(send) if scope["type"] == "http" else send)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *HEADERS.items()]
        await send(message)

    return sending


def is_local(host: str | None) -> bool:
    """Whether this Host header names the machine itself.

    >>> is_local("localhost:8737"), is_local("evil.example:8737"), is_local(None)
    (True, False, False)
    """
    try:
        return urlsplit(f"//{host}").hostname in NAMES if host else False
    except ValueError:
        return False


def is_own(host: str | None, origin: str | None) -> bool:
    """Whether a request for `host` comes from a page that `host` itself served.

    >>> is_own("127.0.0.1:8737", "http://127.0.0.1:8737"), is_own("127.0.0.1:8737", "http://127.0.0.1:9000")
    (True, False)
    """
    return is_local(host) and origin == f"http://{host}"


if __name__ == "__main__":
    main()
