"""Tiles of a recording, the page of two in a browser, and what the live page shows: a plugin of tests of both pages."""

from collections.abc import Iterator
from pathlib import Path

import browser
import numpy as np
import pytest
import soundfile
from conftest import SMALL
from view_rig import RATE, TONE_HZ, recording, sheets_of

from sharpear.config import load_config
from sharpear.view.sheet import Sheets
from sharpear.view.view import View


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Iterator[tuple[Path, list[dict]]]:
    folder = tmp_path_factory.mktemp("tiles")
    with sheets_of([recording(tmp_path_factory.mktemp("sound"))], folder) as (_, told):
        yield folder / "0", told


@pytest.fixture(scope="module")
def tab(tmp_path_factory) -> Iterator[browser.Tab]:
    """The page of two recordings, opened in a browser, all of it drawn."""
    sound, folder = tmp_path_factory.mktemp("sound"), tmp_path_factory.mktemp("tiles")
    paths = [recording(sound), recording(sound, "again.wav")]
    with View(folder=folder) as view, browser.browser((1280, 800)) as started:
        sheets = Sheets(paths, folder, load_config(str(SMALL)), view.axes, None)
        view.write_notes = sheets.write_notes
        sheets.start()
        try:
            page = started.open(view.url)
            assert page.wait(
                "window.page && page.sheets.length === 2 && page.sheets.every((s) => s.complete && s.notes)", 60
            )
            assert page.wait("page.player.ready && page.notesOf.get('0')")
            yield page
        finally:
            sheets.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    with browser.browser((1000, 700)) as started:
        yield started


@pytest.fixture
def tone(folder: Path) -> Path:
    """A minute of it: the sessions end when the tests do."""
    wave = 0.25 * np.cos(2 * np.pi * TONE_HZ / RATE * np.arange(60 * RATE))
    soundfile.write(folder / "tone.wav", wave, RATE, "PCM_16")
    return Path("tone.wav")
