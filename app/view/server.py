"""The server of the page: on this machine's own address, for pages of its own only."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sharpear.errors import SharpearError, UsageError
from sharpear.live.status import Status

from .hub import Hub, Page
from .picture import Picture

ADDRESS = "127.0.0.1"
USUAL_PORT = 8737
STATIC = Path(__file__).resolve().parent / "static"
NAMES = {"localhost", ADDRESS, "::1"}
"""What the page may be called: it is also reached through a tunnel, at another port of another machine's localhost."""
HEADERS = {
    b"content-security-policy": b"default-src 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-cache",
}


class View:
    """Serve the page while the ``with`` block runs.

    Args:
        port: where; when None the usual one, or any that is free.

    Raises:
        UsageError: the port is taken.

    Pages ask for presets through `choose_preset`, which may be set later.
    """

    def __init__(self, port: int | None = None) -> None:
        self.hub = Hub()
        self.picture = Picture(self.hub)
        self.choose_preset: Callable[[str], None] = lambda name: None
        self._socket = _bound(port)
        self.url = f"http://{ADDRESS}:{self._socket.getsockname()[1]}/"
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
        self._thread = threading.Thread(target=self._run, daemon=True, name="view")

    def status(self, status: Status) -> None:
        """Complete the status by what is known here, and show it."""
        status.pages, status.skipped = len(self.hub.pages), self.hub.skipped
        self.hub.status(json.dumps({"type": "status", **json.loads(status.to_json())}))

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hub.message(json.dumps({"type": "end"}))
        self._server.should_exit = True
        self._thread.join(0.8)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.hub.loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])

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
            try:
                self.choose_preset(str(request["preset"]))
            except SharpearError as error:
                page.message(json.dumps({"type": "refused", "message": str(error)}))


async def _send(socket_: WebSocket, page: Page) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            news = await page.next()
            await (socket_.send_bytes(news) if isinstance(news, bytes) else socket_.send_text(news))


def _bound(port: int | None) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
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
