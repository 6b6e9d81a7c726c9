"""A headless Chromium, driven over its DevTools protocol."""

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
from live_rig import wait_until

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)

KEY_CODES = {
    "Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip
"""Keys to which the browser itself answers, which knows them by these numbers."""

AXE = """
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(", ")}`))
"""


def missing() -> str:
    """Why there can be no browser here; empty if there can."""
    if not shutil.which("chromium"):
        return "chromium is not installed: apt-get install chromium"
    return ""


class Tab:
    """One page of the browser."""

    def __init__(self, target: str) -> None:
        from websockets.sync.client import connect  # noqa: PLC0415

        self._connection = connect(target, max_size=None, compression=None)
        self._socket = self._connection.__enter__()
        self._number = 0
        self.call("Runtime.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """One command, and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=30))
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]

    def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, condition: str, timeout_s: float = 20.0) -> bool:
        """Whether an expression came to hold; a page that is still being opened has no place to evaluate it."""

        def holds() -> bool:
            with suppress(RuntimeError):
                return bool(self.evaluate(condition))
            return False

        return wait_until(holds, timeout_s)

    def sized(self, width: int, height: int) -> None:
        """As large as that, until it is sized anew."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def overflows(self) -> bool:
        """Whether something reaches beyond the right edge."""
        inside = (
            "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('body *')].every("
            "(each) => !each.offsetParent || each.getBoundingClientRect().right < innerWidth + 1)"
        )
        return not self.wait(inside)

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical, dark and light: rule, and the elements that break it."""
        self.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text() + "; 0")
        found = []
        for scheme in ("dark", "light"):
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            assert self.wait(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
            found += self.evaluate(AXE)
        self.call("Emulation.setEmulatedMedia", features=[])
        return found

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key, which does what it does to a control that has the focus."""
        typed = key if len(key) == 1 else {"Enter": "\r"}.get(key, "")
        pressed = {"key": key, "windowsVirtualKeyCode": KEY_CODES.get(key, 0), "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=typed, **pressed)
        self.call("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def point(self, x: float, y: float) -> None:
        """Move the pointer."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, clip: dict[str, float] | None = None) -> bytes:
        """A PNG of the page, or of a part: x, y, width, height."""
        part = {"clip": {**clip, "scale": 1}} if clip else {}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **part)["data"])

    def portray(self, path: Path) -> None:
        """The page as a small PNG, of 64 colours."""
        from PIL import Image  # noqa: PLC0415

        path.parent.mkdir(parents=True, exist_ok=True)
        shot = Image.fromarray(self.pixels())
        shot.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)

    def pixels(self, clip: dict[str, float] | None = None) -> np.ndarray:
        """(height, width, 3) of the page, or of a part."""
        from PIL import Image  # noqa: PLC0415

        return np.asarray(Image.open(BytesIO(self.screenshot(clip))).convert("RGB"))

    def close(self) -> None:
        """Close the page as a user would."""
        self.call("Page.close")
        self._connection.__exit__(None, None, None)

    def kill(self) -> None:
        """Let the page crash, which answers nothing."""
        self._socket.send(json.dumps({"id": 0, "method": "Page.crash"}))
        self._connection.__exit__(None, None, None)


class Browser:
    """The process and its pages."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        words = ["chromium", *FLAGS, f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}", "about:blank"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = folder / "DevToolsActivePort"
        if not wait_until(lambda: told.exists() and "\n" in told.read_text(), 40):
            self.process.kill()
            raise RuntimeError("Chromium does not start")
        self._port = told.read_text().splitlines()[0]

    def open(self, url: str) -> Tab:
        """A new page, loaded."""
        request = Request(f"http://127.0.0.1:{self._port}/json/new?{url}", method="PUT")
        with urlopen(request, timeout=20) as answer:
            tab = Tab(json.load(answer)["webSocketDebuggerUrl"])
        assert tab.wait(f"document.readyState === 'complete' && location.protocol === '{url.partition(':')[0]}:'"), url
        return tab


@contextmanager
def browser(size: tuple[int, int] = (1280, 800)) -> Iterator[Browser]:
    """One that ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = Browser(Path(folder), size)
        try:
            yield started
        finally:
            started.process.terminate()
            try:
                started.process.wait(5)
            except subprocess.TimeoutExpired:
                started.process.kill()
                started.process.wait()
