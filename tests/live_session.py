"""A live session under test: run beside the test, with what it says and what it yields kept."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np
from conftest import SMALL
from live_rig import wait_until

from sharpear.config import load_config
from sharpear.live.file_outputs import FileOutputs
from sharpear.live.session import Session
from sharpear.live.sources import Source
from sharpear.live.status import Status
from sharpear.live.worker import Gap
from sharpear.sharpening.frames import Frames


class Collector:
    """A listener that keeps everything."""

    def __init__(self) -> None:
        self.pieces: list[Frames] = []
        self.gaps: list[Gap] = []
        self.presets: list[str] = []

    def begin(self, sharpener, preset) -> None:
        self.presets.append(preset)

    def frames(self, frames: Frames) -> None:
        self.pieces.append(frames)

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    @property
    def begun(self) -> str:
        """The newest preset."""
        return self.presets[-1]

    @property
    def all(self) -> Frames:
        return Frames.join(self.pieces)


class Running:
    """A session in a thread of its own, until the block ends."""

    def __init__(self, source: Source, outputs: list[Path] | None = None, **options) -> None:
        self.lines: list[str] = []
        self.statuses: list[Status] = []
        self.collector = Collector()
        self.error: BaseException | None = None
        self.good = False
        listeners, watchers = options.pop("listeners", []), options.pop("watchers", [])
        self.session = Session(
            source,
            load_config(str(SMALL)),
            "small",
            outputs=FileOutputs(outputs or [], source.name),
            listeners=[self.collector, *listeners],
            watchers=[self.statuses.append, *watchers],
            report=self.lines.append,
            **options,
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.good = self.session.run()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.session.stop()
        self.ended()

    def ended(self, timeout_s: float = 20.0) -> bool:
        """Whether it has come to its end by itself."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def said(self, words: str, timeout_s: float = 20.0) -> bool:
        """Whether a line with these words came."""
        return wait_until(lambda: any(words in line for line in self.lines), timeout_s)

    def heard(self, seconds: float, timeout_s: float = 20.0) -> bool:
        """Whether so much time has been sharpened."""
        worker = self.session.worker
        return wait_until(lambda: worker.clock >= seconds * worker.sharpener.sample_rate, timeout_s)


def interrupted(seconds: float, *words: str) -> str:
    """What ``sharpear live`` says that listens so long and then hears Ctrl-C, which it takes as a good end."""
    command = [sys.executable, "-m", "sharpear", "live", "--preset", str(SMALL), "--no-view", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C ends" in line:
            break
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 0, told
    return told


def place_of(needle: np.ndarray, haystack: np.ndarray) -> int:
    """Where the one begins in the other, sample for sample; -1 where it does not."""
    needle, haystack = needle.ravel(), haystack.ravel()
    for start in np.flatnonzero(haystack[: len(haystack) - len(needle) + 1] == needle[0]):
        if np.array_equal(haystack[start : start + len(needle)], needle):
            return int(start)
    return -1
