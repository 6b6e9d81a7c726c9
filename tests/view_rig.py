"""What tests of `sharpear view` share: a recording, its tiles, and its page in a browser."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import browser
import numpy as np
import soundfile
from conftest import SMALL
from live_rig import wait_until

from sharpear.config import load_config
from sharpear.view.sheet import Sheets

RATE = 16000
LOW_HZ, HIGH_HZ = 300.0, 1200.0
"""The range of the small preset."""
VIBRATO_HZ, DEPTH_CENTS = 5.5, 40.0
LENGTH_S = 4.0


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


def press(tab: browser.Tab, key: str) -> None:
    tab.press(key, key if len(key) == 1 else "")
