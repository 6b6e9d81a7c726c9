"""Recordings of single voices in a folder: which there are, whose they are, and which split each belongs to.

A folder holds sub-folders by kind (`KINDS`), each with audio files of one voice. Whose voice it is stands in the
file's name up to the first `-`, or is the name of a further sub-folder. A speaker or player belongs to one split
alone: to that named in `splits.csv` beside the kinds (rows `speaker,split`), otherwise by the hash of the name.
"""

from __future__ import annotations

import csv
import importlib
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.partials import Partials, measured

KINDS = ("speech", "singing", "strings", "winds", "plucked", "piano", "drums")
SPLITS = ("train", "validation", "test")
RANGES_HZ = {
    "speech": (60.0, 500.0),
    "singing": (70.0, 1100.0),
    "strings": (50.0, 1500.0),
    "winds": (50.0, 1500.0),
    "plucked": (60.0, 1100.0),
    "piano": (50.0, 1200.0),
}
"""Fundamentals looked for in each kind, in Hz."""
STRETCHED = ("plucked", "piano")
"""Kinds whose partials are stretched."""
SUFFIXES = (".flac", ".wav", ".ogg")
SIXTH = 6
"""Of speakers without a listing a sixth validates and a sixth tests."""


@dataclass(frozen=True)
class Source:
    """A file of one voice.

    Attributes:
        path: where it is.
        kind: one of `KINDS`.
        speaker: whose voice it is.
    """

    path: Path
    kind: str
    speaker: str


def split_of(speaker: str, listed: dict[str, str]) -> str:
    """The split of a speaker: the listed one, otherwise by the hash of the name.

    >>> split_of("anna", {"anna": "test"}), split_of("bert", {})
    ('test', 'train')
    """
    if speaker in listed:
        return listed[speaker]
    return {0: "validation", 1: "test"}.get(zlib.crc32(speaker.encode()) % SIXTH, "train")


def listing(folder: Path) -> dict[str, str]:
    """Speaker -> split, as `splits.csv` has it; empty where there is none."""
    path = folder / "splits.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = {row["speaker"]: row["split"] for row in csv.DictReader(file)}
    wrong = sorted(set(rows.values()) - set(SPLITS))
    if wrong:
        raise ValueError(f"expected splits {', '.join(SPLITS)} in {path}, received {', '.join(wrong)}")
    return rows


def find(folder: Path) -> list[Source]:
    """Every source in a folder, in the order of the paths."""
    found = []
    for kind in KINDS:
        for path in sorted((folder / kind).rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                inner = path.relative_to(folder / kind).parts
                found.append(Source(path, kind, inner[0] if len(inner) > 1 else path.stem.split("-")[0]))
    return found


class Voices(Protocol):
    """What scenes are drawn from: `Sources`, or the voices that come with the benchmark."""

    split: str

    def speakers(self, kind: str) -> list[str]:
        """The speakers or players of a kind, sorted."""

    def count(self, kind: str, speaker: str) -> int:
        """How many recordings a speaker has."""

    def partials(self, kind: str, speaker: str, index: int) -> Partials:
        """A speaker's recording, taken apart."""

    def noise(self, speaker: str, index: int) -> tuple[Floats, float]:
        """A recording without pitch (kind `drums`) and its rate in Hz."""


class Sources:
    """The voices of one split of a folder, taken apart when they are asked for.

    Args:
        folder: folder of recordings, see above.
        cache: folder where voices taken apart are kept; they are the slow part.
        split: "train", "validation" or "test".
    """

    def __init__(self, folder: Path, cache: Path, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"expected a split of {', '.join(SPLITS)}, received {split!r}")
        listed = listing(folder)
        chosen = [source for source in find(folder) if split_of(source.speaker, listed) == split]
        self.split = split
        self._cache = cache
        self._by_kind: dict[str, dict[str, list[Source]]] = {kind: {} for kind in KINDS}
        for source in chosen:
            self._by_kind[source.kind].setdefault(source.speaker, []).append(source)

    def speakers(self, kind: str) -> list[str]:
        """The speakers or players of a kind, sorted."""
        return sorted(self._by_kind[kind])

    def count(self, kind: str, speaker: str) -> int:
        """How many recordings a speaker has."""
        return len(self._by_kind[kind][speaker])

    def partials(self, kind: str, speaker: str, index: int) -> Partials:
        """A speaker's recording, taken apart."""
        low, high = RANGES_HZ[kind]
        return _measured(self._by_kind[kind][speaker][index].path, self._cache, low, high, kind in STRETCHED)

    def noise(self, speaker: str, index: int) -> tuple[Floats, float]:
        """A recording without pitch (kind `drums`) and its rate in Hz."""
        return _read(self._by_kind["drums"][speaker][index].path)


@lru_cache(maxsize=4096)
def _measured(path: Path, cache: Path, low_hz: float, high_hz: float, stretched: bool) -> Partials:
    return measured(path, cache, low_hz, high_hz, stretched)


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[Floats, float]:
    samples, rate = importlib.import_module("soundfile").read(path, always_2d=True)
    return np.asarray(samples.mean(axis=1), float), float(rate)
