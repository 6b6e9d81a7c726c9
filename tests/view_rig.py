"""What tests of both pages share: a recording, its tiles, and a live session that is shown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from conftest import SMALL
from live_rig import wait_until
from live_session import Running

from sharpear.config import load_config
from sharpear.live.sources import Replay
from sharpear.view.sheet import Sheets
from sharpear.view.view import View

RATE = 16000
LOW_HZ, HIGH_HZ = 300.0, 1200.0
"""The range of the small preset."""
VIBRATO_HZ, DEPTH_CENTS = 5.5, 40.0
LENGTH_S = 4.0
TONE_HZ = 440.0


def vibrato_at(seconds: np.ndarray) -> np.ndarray:
    """Hz: A4, with vibrato."""
    return 440.0 * 2 ** (DEPTH_CENTS / 1200 * np.sin(2 * np.pi * VIBRATO_HZ * seconds))


def recording(folder: Path, name: str = "sung.wav") -> Path:
    """A tone with vibrato that begins after half a second, with clicks at 1 and 2 s."""
    t = np.arange(round(LENGTH_S * RATE)) / RATE
    wave = 0.2 * np.cos(2 * np.pi * np.cumsum(vibrato_at(t)) / RATE) * (t >= 0.5)
    wave[[RATE, 2 * RATE]] = 0.9
    soundfile.write(folder / name, wave, RATE, "PCM_16")
    return folder / name


@contextmanager
def sheets_of(paths: list[Path], folder: Path) -> Iterator[tuple[Sheets, list[dict]]]:
    """All drawn, and all that was told."""
    told: list[dict] = []
    sheets = Sheets(paths, folder, load_config(str(SMALL)), lambda text: told.append(json.loads(text)), None)
    sheets.start()
    try:
        assert wait_until(lambda: sheets.wait(0.01), 60)
        yield sheets, told
    finally:
        sheets.stop()


@contextmanager
def shown(path: Path, **options: Any) -> Iterator[tuple[View, Running]]:
    """A live session of a recording, with its page."""
    with View() as view:
        running = Running(Replay(path, 256), listeners=[view.picture], watchers=[view.status], **options)
        view.choose_preset = running.session.choose_preset
        with running:
            yield view, running
