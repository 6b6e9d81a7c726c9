"""Examples: what the product reads of a scene at some moments, and which lines are truly there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.beliefs.presets import HOP, Preset
from benchmarks.sharpness.lines import LINE_HOP, Floats, Lines
from benchmarks.sharpness.metrics import SOUNDING

MOMENTS = 40
"""Moments drawn from a scene: a frame in ten. Neighbours say the same."""
FEWEST_MOMENTS = 12
"""Scenes that sound for less are left out."""
WARM_UP_HOPS, COOL_DOWN_HOPS = 55, 24
"""Moments are at least so far from the ends of a scene: 0.16 s, after which memories are filled; and 70 ms, so that no
window for lines reaches past the end."""
LOWEST_HZ, HIGHEST_HZ = 100.0, 6500.0
"""True lines in this range are learned."""
HIGHEST_CANDIDATE_HZ = 7000.0
"""Candidates above this are left out: they are no true line's."""
FAINTEST_CANDIDATE = 3e-6
"""Candidates below this share (-55 dB) of a moment's energy are left out, too: no distance feels them."""
MOST_TRUE_LINES = 120
MIDDLE_WINDOW = 1
"""This one's lines, counted from 0, the shortest that has lines, sum up to a moment's energy."""


@dataclass(frozen=True)
class Examples:
    """The moments of one scene; lines of a moment after those of the moment before.

    kind: of the scene.
    bands: (moments, bands, band cues) float16.
    correction: (moments, bands, pairs of windows) float16.
    count: (moments,) int64, lines of each.
    lines: (lines, line cues) float16.
    hz, energy: (lines,) float32.
    window: (lines,) int8.
    true_hz, true_energy: (moments, 120) float32, the strongest first, zeros behind the last.
    """

    kind: str
    bands: NDArray[np.float16]
    correction: NDArray[np.float16]
    count: NDArray[np.int64]
    lines: NDArray[np.float16]
    hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    window: NDArray[np.int8]
    true_hz: NDArray[np.float32]
    true_energy: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.count)

    def lines_of(self, moments: Sequence[int] | NDArray[np.intp]) -> NDArray[np.intp]:
        """Which lines are of these moments, in their order."""
        first = np.concatenate([[0], np.cumsum(self.count)])
        return np.concatenate([np.arange(first[m], first[m + 1]) for m in moments])


def examples_of(kind: str, audio: NDArray[np.float32], lines: Lines, seed: int, preset: Preset) -> Examples | None:
    """Some moments of a scene, or nothing where it hardly sounds.

    Args:
        kind: of the scene.
        audio: (samples,) at 44.1 kHz.
        lines: the truth.
        seed: of the choice.
        preset: whose windows look at it.
    """
    chosen = true_lines(len(audio) // HOP, lines, seed)
    if chosen is None:
        return None
    moments, true_hz, true_energy = chosen
    return Examples(kind=kind, **_read(audio, moments, preset), true_hz=true_hz, true_energy=true_energy)


def true_lines(
    hops: int, lines: Lines, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]] | None:
    """Moments that are learned from, in hops, and their true lines, Hz and energy; nothing where it hardly sounds."""
    hz, energy = lines.merged()
    row = np.clip(HOP // LINE_HOP * np.arange(hops), 0, len(lines.times_s) - 1)
    hz, energy = hz[row], energy[row]
    energy = np.where((hz > LOWEST_HZ) & (hz < HIGHEST_HZ), energy, 0)
    moments = _chosen(energy.sum(axis=1), seed)
    if moments is None:
        return None
    return (moments, *_strongest(hz[moments], energy[moments]))


def _chosen(energy: Floats, seed: int) -> NDArray[np.intp] | None:
    """Hops that sound, within 40 dB of the loudest, away from the ends; drawn, ascending."""
    sounds = np.flatnonzero(energy > SOUNDING * energy.max())
    sounds = sounds[(sounds > WARM_UP_HOPS) & (sounds < len(energy) - COOL_DOWN_HOPS)]
    if len(sounds) < FEWEST_MOMENTS:
        return None
    rng = np.random.default_rng([5, seed])
    return np.sort(rng.choice(sounds, min(MOMENTS, len(sounds)), replace=False))


def _strongest(hz: Floats, energy: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = np.argsort(-energy, axis=1, kind="stable")[:, :MOST_TRUE_LINES]
    kept = np.take_along_axis(energy, order, axis=1)
    places = np.where(kept > 0, np.take_along_axis(hz, order, axis=1), 0)
    room = ((0, 0), (0, MOST_TRUE_LINES - order.shape[1]))
    return np.pad(places, room).astype(np.float32), np.pad(kept, room).astype(np.float32)


def _read(audio: NDArray[np.float32], moments: NDArray[np.intp], preset: Preset) -> dict[str, Any]:
    """The fields of `Examples` that are no truth."""
    lines, bands = preset.read(audio, moments)
    energy, window, hz = lines.energy[:, 0], lines.window[:, 0], lines.hz[:, 0]
    told = np.arange(energy.shape[1]) < lines.number[:, 0]
    loudness = np.where(told & (window == MIDDLE_WINDOW), energy, 0).sum(axis=1, keepdims=True)
    told &= (energy > FAINTEST_CANDIDATE * loudness) & (hz < HIGHEST_CANDIDATE_HZ)
    return {
        "bands": bands.cues[:, 0].astype(np.float16),
        "correction": bands.correction[:, 0].astype(np.float16),
        "count": told.sum(axis=1),
        "lines": lines.cues[:, 0][told].astype(np.float16),
        "hz": hz[told],
        "energy": energy[told],
        "window": window[told].astype(np.int8),
    }


def save(examples: Examples, path: Path) -> None:
    """Write examples; the file is whole as soon as it has its name."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **{field.name: getattr(examples, field.name) for field in fields(Examples)})
    unfinished.replace(path)


def load(path: Path) -> Examples:
    """Read what `save` wrote."""
    with np.load(path) as stored:
        arrays = dict(stored)
    return Examples(**(arrays | {"kind": str(arrays["kind"])}))
