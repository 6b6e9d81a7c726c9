import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sharpear.__main__ import main

SMALL = Path(__file__).parent / "data" / "small.toml"


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
