"""The server of the page, a process: for pages of its own only, each with the secret part of the address.

Its stdin brings a line that says where to listen, then what to show, see `HEAD`; its end ends the server. On stdout it
answers in JSON lines.
"""

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sharpear.config import preset_names
from sharpear.errors import UsageError

from .data import NOTE_FILES, NUMBER
from .door import MOST_PAGES, Bounded, Door, stands_for_all
from .hub import HEAD, Hub, Page

ADDRESS = "127.0.0.1"
USUAL_PORT = 8737
COUNT_S = 0.1
OPEN_S = 5.0
"""The longest time for a request to be complete, and for an answer to be taken."""
LARGEST_MESSAGE = 1024
MOST_FRAMES = 16
PING_S = 10.0


def main() -> None:
    """Serve until stdin ends."""
    place = json.loads(sys.stdin.buffer.readline() or b"null")
    if place is None:
        return
    try:
        listening = bound(place["host"], place["port"])
    except UsageError as error:
        tell({"error": str(error)})
        return
    logging.disable(logging.CRITICAL)  # a log would hold the address
    port = listening.getsockname()[1]
    url = f"http://{_shown(place['host'])}:{port}/{place['token']}/"
    tell({"url": url, "port": port})
    folder = Path(place["folder"]) if place.get("folder") else None
    asyncio.run(Server(listening, place["token"], place["host"], url, tell, folder).serve(sys.stdin.buffer))


def tell(told: dict[str, object]) -> None:
    """Send one line to the session."""
    with suppress(OSError):  # it has just ended
        os.write(1, json.dumps(told).encode() + b"\n")


class Server:
    """Serve the pages until the session ends.

    Args:
        listening: where.
        token: the secret part of the address.
        host: the address that is listened on.
        url: the whole address.
        told: receives what the session is to know: a preset, or notes in a format, that a page asks for; how many pages
            there are and what they skipped.
        folder: what is below it is served with the page of files; None for the live page.
    """

    def __init__(
        self,
        listening: socket.socket,
        token: str,
        host: str,
        url: str,
        told: Callable[[dict[str, object]], None],
        folder: Path | None = None,
    ) -> None:
        self.hub = Hub()
        self._socket, self._told = listening, told
        self._door = Door(token, host, lambda: len(self.hub.pages) >= MOST_PAGES, folder)
        self._address = {"type": "address", "url": url, "shared": host != ADDRESS}
        self._ended = asyncio.Event()

    async def serve(self, session: BinaryIO) -> None:
        """Pass on what the session sends, until its end."""
        self.hub.loop = asyncio.get_running_loop()
        threading.Thread(target=self._hear, args=(session,), daemon=True).start()
        counting = asyncio.create_task(self._count())
        server = await serve(
            self._serve_page,
            sock=self._socket,
            process_request=self._door,
            create_connection=Bounded,
            compression=None,
            server_header=None,
            open_timeout=OPEN_S,
            close_timeout=1.0,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=LARGEST_MESSAGE,
            max_queue=MOST_FRAMES,
        )
        await self._ended.wait()
        counting.cancel()
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 0.5)

    def _hear(self, session: BinaryIO) -> None:
        while len(head := session.read(HEAD.size)) == HEAD.size:
            kind, size = HEAD.unpack(head)
            content = session.read(size)
            if kind == b"c":
                self.hub.columns(content)
            else:
                {b"a": self.hub.axes, b"m": self.hub.message, b"s": self.hub.status}[kind](content.decode())
        self.hub.message(json.dumps({"type": "end"}))
        assert self.hub.loop is not None
        self.hub.loop.call_soon_threadsafe(self.hub.loop.call_later, COUNT_S, self._ended.set)

    async def _count(self) -> None:
        before: dict[str, object] = {}
        while True:
            now: dict[str, object] = {"pages": len(self.hub.pages), "skipped": self.hub.skipped}
            if now != before:
                self._told(now)
            before = now
            await asyncio.sleep(COUNT_S)

    async def _serve_page(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Bounded)
        connection.let_in()
        page = self.hub.join()
        page.message(json.dumps({**self._address, "here": connection.from_here}))
        sending = asyncio.create_task(_send(connection, page))
        try:
            async for request in connection:
                self._heard(page, json.loads(request), connection.from_here)
        except (ConnectionClosed, ValueError, TypeError, RecursionError):
            pass  # gone, or not one of our pages
        finally:
            sending.cancel()
            self.hub.leave(page)

    def _heard(self, page: Page, request: object, from_here: bool) -> None:
        if not isinstance(request, dict):
            raise TypeError
        if "ack" in request:
            page.acknowledge(int(str(request["ack"])))
        if "keep" in request:
            if from_here:
                self._told({"keep": True})
            else:
                page.refuse("files are kept on the machine that listens: from elsewhere a page looks on")
        if "notes" in request:
            folder, kind = str(request["notes"]), str(request.get("kind"))
            tuning = {"a4_hz": float(str(request.get("a4"))), "temperament": str(request.get("temperament"))}
            if kind in NOTE_FILES and NUMBER.fullmatch(folder):
                self._told({"notes": folder, "kind": kind, "tuning": tuning})
        if "preset" in request:
            name = str(request["preset"])
            if not from_here:
                page.refuse("the preset is chosen on the machine that listens: from elsewhere a page looks on")
            elif name in preset_names():
                self._told({"preset": name})
            else:
                page.refuse(f"there is no preset {name!r}: choose one of {', '.join(preset_names())}")


async def _send(connection: ServerConnection, page: Page) -> None:
    with suppress(ConnectionClosed):
        while True:
            await connection.send(await page.next())


def bound(host: str, port: int | None) -> socket.socket:
    """A socket that listens at this address; at any port where the usual one is taken and none was asked for.

    Raises:
        UsageError: it cannot.
    """
    try:
        family = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: expected an address of this machine ({error})") from error
    # Only where a socket names its protocol does asyncio send small packets at once: else 40 ms pass now and then.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listening.bind((host, USUAL_PORT if port is None else port))
        except OSError:
            if port is not None:
                raise
            listening.bind((host, 0))
        listening.listen()
    except (OSError, OverflowError) as error:
        listening.close()
        wrong = f"--view-port {port}" if port is not None and host == ADDRESS else f"--host {host}"
        raise UsageError(f"{wrong}: cannot be used ({error}): choose another") from error
    return listening


def _shown(host: str) -> str:
    """The address to type: of all addresses, the one by which others reach this machine."""
    if stands_for_all(host):
        six = ":" in host
        with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as asked:
            try:
                asked.connect(("2001:db8::1" if six else "192.0.2.1", 9))  # sends nothing
                host = str(asked.getsockname()[0])
            except OSError:
                host = "::1" if six else ADDRESS
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    main()
