import logging
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import browser
import host_gpu
import live_rig
import numpy as np
import pytest
import soundfile
from hypothesis import settings

from sharpear.__main__ import main
from sharpear.config import load_config
from sharpear.dynamics.hebbian import Learner
from sharpear.live import separated, session
from sharpear.separation.tonal import TonalTransient

SMALL = Path(__file__).parent / "data" / "small.toml"
"""Mode beliefs; `SMALL_COMPLEX` runs as `coherent` does."""

SMALL_COMPLEX = Path(__file__).parent / "data" / "small_complex.toml"


# On a busy machine any example may take long, and the first one compiles.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

NEEDS: dict[str, Callable[[], str]] = {
    "browser": browser.missing,
    "compiler": host_gpu.missing,
    "sound_server": live_rig.missing,
}
"""What a test that is marked so needs, and why it is not there; empty if it is."""


APART = (
    *("test_cli", "test_configurations", "test_doctests", "test_documents", "test_examples", "test_gpu_source"),
    "test_stream_contract",
)
"""Modules whose tests share nothing that is costly to make: any worker takes any of them."""


def pytest_configure() -> None:
    """Programs that tests start answer Ctrl-C, also where a shell runs the tests in the background, ignoring it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What workers take: a module at once, and last the tests that fill what is left of anybody's time.

    What waits for the clock comes first, all of it to one worker: it leaves the machine to the others, and none of
    it has to share the sound system and the time with its like.
    """
    order = {"real time": 0, "": 2}
    groups = {item: _group(item) for item in items}
    for item, group in groups.items():
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: order.get(groups[item], 1))


def _group(item: pytest.Item) -> str:
    if any(item.get_closest_marker(name) for name in ("real_time", "sound_server", "browser")):
        return "real time"
    return "" if item.path.stem in APART else item.path.stem


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, missing in NEEDS.items():
        if item.get_closest_marker(name) and (why := missing()):
            pytest.skip(why)


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sharpear(folder: Path, capsys, monkeypatch) -> Callable[..., Finished]:
    """Run the command line in the current folder, in process."""

    def run(*words: str | Path) -> Finished:
        # Which test is the first to compile something is chance: only what is wrong with the cache is heard.
        monkeypatch.setattr(logging.getLogger("sharpear.compiler"), "info", lambda *_: None)
        monkeypatch.setattr(sys, "argv", ["sharpear", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        heard = capsys.readouterr()
        return Finished(int(ended.value.code or 0), heard.out, heard.err)

    return run


@pytest.fixture(scope="session")
def compiled() -> None:
    """What `sharpen` with the small preset, `separate` and `learn` run: no process has to say that it compiles it."""
    for channels in (1, 2):
        for phases in (False, True):
            session.warmed_up(16000, load_config(str(SMALL)), channels, phases).flush()
        separated.warmed_up(16000, TonalTransient, channels).flush()
    Learner(channels=2, atoms=1).learn(np.ones((2, 2)))


@pytest.fixture
def sharpen(sharpear) -> Callable[..., Finished]:
    """``sharpear sharpen`` with the small preset."""
    return lambda *words: sharpear("sharpen", "--preset", SMALL, *words)


def tone(seconds: float = 0.3, rate: int = 16000, hz: float = 440.0, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.cos(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))
    return np.stack([wave / (1 + i) for i in range(channels)], axis=1) if channels > 1 else wave


@pytest.fixture
def wav(folder: Path) -> Callable[..., Path]:
    """Write a tone: ``wav("a.flac", 0.3, channels=2)``; soundfile's options pass through."""

    def write(name: str = "tone.wav", seconds: float = 0.3, rate: int = 16000, channels: int = 1, **options) -> Path:
        path = folder / name
        soundfile.write(path, tone(seconds, rate, channels=channels), rate, **options)
        return Path(name)

    return write


def one_line(text: str) -> bool:
    return text.startswith("sharpear: ") and text.count("\n") == 1


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))
