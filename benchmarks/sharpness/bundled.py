"""A few voices, taken apart, that come with the benchmark, so that it always has real sound.

They are kept coarser than they were measured, half as many rows, levels in steps of half a decibel: scenes are sung
from what is kept, so their truth is as exact. `python -m benchmarks.sharpness.bundled SOURCES CACHE` writes them
anew from a folder of `sung_sources`; where they are from stands in `voices/README.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness.lines import SAMPLE_RATE, Floats
from benchmarks.sharpness.partials import FLOOR_DB, HOP, Partials
from benchmarks.sharpness.sources import STRETCHED, Sources

PATH = Path(__file__).parent / "voices" / "voices.npz"
ROW = 2
"""Every second measured row is kept."""
STEP_DB = 0.5
STEP_CENTS, STEP_STRETCHED_CENTS = 0.5, 2.5
"""Deviations are kept in a byte: up to 63 cents, more than 3 %; for stiff strings up to 317 cents."""
QUIET_DB = 75.0
"""What is weaker than this below the loudest of a recording is not kept."""
LONGEST_S = 15.0
CHOSEN = {
    "speech": ("asteriskcoresoundsfr_fr", "asteriskcoresoundsru_ru", "festvoxru_ru"),
    "strings": ("fluid_viola",),
    "winds": ("fluid_oboe", "fluid_trombone"),
    "plucked": ("fluid_nylon_guitar",),
    "piano": ("fluid_grand_piano",),
}
"""Kind -> who is bundled, with the first `LONGEST_S` of each of two recordings; all of them are for testing alone."""
RECORDINGS = 2


class Bundled:
    """The bundled voices; what `Sources` is for a folder.

    >>> Bundled().speakers("piano")
    ['fluid_grand_piano']
    """

    split = "bundled"

    def speakers(self, kind: str) -> list[str]:
        """The speakers or players of a kind, sorted."""
        return sorted({name.split("/")[1] for name in _archive() if name.startswith(f"{kind}/")})

    def count(self, kind: str, speaker: str) -> int:
        """How many recordings a speaker has."""
        return sum(name.startswith(f"{kind}/{speaker}/") and name.endswith("/level") for name in _archive())

    def partials(self, kind: str, speaker: str, index: int) -> Partials:
        """A speaker's recording, taken apart."""
        return _unpacked(kind, f"{kind}/{speaker}/{index}")

    def noise(self, speaker: str, index: int) -> tuple[Floats, float]:
        """No drums are bundled: scenes have bursts of noise in their place."""
        raise ValueError(f"expected no drums in the bundled voices, received a request for {speaker} {index}")


@cache
def _archive() -> dict[str, NDArray[np.generic]]:
    with np.load(PATH) as stored:
        return dict(stored)


@cache
def _unpacked(kind: str, name: str) -> Partials:
    stored = _archive()
    level, cents = (np.cumsum(stored[f"{name}/{part}"], axis=1, dtype=np.uint8).T for part in ("level", "cents"))
    step = STEP_STRETCHED_CENTS if kind in STRETCHED else STEP_CENTS
    fundamental = np.asarray(stored[f"{name}/fundamental"], float)
    # A row between a voiced and an unvoiced one belongs to the voiced one.
    between = np.where(np.minimum(fundamental[1:], fundamental[:-1]) > 0, 0.5, 1.0)
    fundamental = _doubled(fundamental, between * (fundamental[1:] + fundamental[:-1]))
    deviation = np.asarray(cents.astype(np.int8), float) * step
    decibels = np.asarray(level, float) * STEP_DB + FLOOR_DB
    return Partials(
        fundamental.astype(np.float32),
        _doubled(deviation, 0.5 * (deviation[1:] + deviation[:-1])).astype(np.float16),
        _doubled(decibels, 0.5 * (decibels[1:] + decibels[:-1])).astype(np.float16),
    )


def _doubled(rows: Floats, between: Floats) -> Floats:
    out = np.empty((2 * len(rows) - 1, *rows.shape[1:]))
    out[::2], out[1::2] = rows, between
    return out


def packed(partials: Partials, step_cents: float) -> dict[str, NDArray[np.generic]]:
    """The first seconds of a recording in bytes: differences along time, which compress well."""
    rows = slice(0, int(LONGEST_S * SAMPLE_RATE / HOP), ROW)
    level = partials.level_db[rows].astype(float)
    heard = level > max(float(level.max()) - QUIET_DB, FLOOR_DB)
    used = max(1, int(np.flatnonzero(heard.any(axis=0)).max(initial=0)) + 1)
    steps = np.where(heard, np.clip(np.rint((level - FLOOR_DB) / STEP_DB), 0, 255), 0)[:, :used].astype(np.uint8)
    cents = np.where(heard, np.clip(np.rint(partials.cents[rows].astype(float) / step_cents), -127, 127), 0)
    signed = cents[:, :used].astype(np.int8).view(np.uint8)
    return {
        "fundamental": partials.fundamental_hz[rows],
        "level": np.diff(steps.T, axis=1, prepend=np.uint8(0)),
        "cents": np.diff(signed.T, axis=1, prepend=np.uint8(0)),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the bundled voices from a folder of sources and its cache."""
    folder, cache_folder = map(Path, arguments)
    kept: dict[str, NDArray[np.generic]] = {}
    sources = Sources(folder, cache_folder, "test")
    for kind, speakers in CHOSEN.items():
        step = STEP_STRETCHED_CENTS if kind in STRETCHED else STEP_CENTS
        for speaker in speakers:
            for index in range(min(RECORDINGS, sources.count(kind, speaker))):
                parts = packed(sources.partials(kind, speaker, index), step)
                kept |= {f"{kind}/{speaker}/{index}/{part}": values for part, values in parts.items()}
    PATH.parent.mkdir(exist_ok=True)
    np.savez_compressed(PATH, allow_pickle=False, **kept)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
