"""Speakers who talk at once, whose pitches are learned from beside those of chorales.

Their sounds are those that ``python -m benchmarks.sharpness.sung_sources FOLDER`` fills a folder with, and which of
them are learned from, and which choose, is told there, too. Their pitches are Praat's, of each alone.
"""

from functools import cache
from pathlib import Path

import librosa
import numpy as np
import parselmouth
import soundfile
from numpy.typing import NDArray

from benchmarks.sharpness.sources import RANGES_HZ, Source, find, listing, split_of

from .chorales import LASTING_S

RATE = 16000
"""Sample rate at which they are heard, Hz."""

STEP_S = 0.01
LEVELS_DB = -4.0, 4.0
"""How loud each is, drawn at random."""

COUNTS, CHANCES = (2, 3), (0.8, 0.2)
"""How many talk, and how often."""


@cache
def of_split(folder: Path, split: str) -> dict[str, list[Source]]:
    """The files of each speaker that last long enough."""
    listed, found = listing(folder), dict[str, list[Source]]()
    for source in find(folder):
        lasts = soundfile.info(source.path).duration > LASTING_S
        if lasts and source.kind == "speech" and split_of(source.speaker, listed) == split:
            found.setdefault(source.speaker, []).append(source)
    return found


def drawn_talk(folder: Path, split: str, number: int) -> tuple[str, NDArray[np.float64]]:
    """A name, and (speakers, samples) at `RATE`, the lowest first, of ten seconds from anywhere in their files."""
    rng = np.random.default_rng((len(split), number))
    known = of_split(folder, split)
    names = rng.choice(sorted(known), int(rng.choice(COUNTS, p=CHANCES)), replace=False)
    clips = [clip_of(known[name][int(rng.integers(len(known[name])))], rng) for name in names]
    order = np.argsort([np.median(hz[hz > 0]) for hz in (pitch_of(clip, RATE)[1] for clip in clips)])
    return ", ".join(str(names[n]) for n in order), np.array([clips[n] for n in order])


def clip_of(source: Source, rng: np.random.Generator) -> NDArray[np.float64]:
    """-26 dBFS, give or take `LEVELS_DB`."""
    rate = soundfile.info(source.path).samplerate
    first = int(rng.integers(soundfile.info(source.path).frames - int(LASTING_S * rate)))
    sound, _ = soundfile.read(source.path, frames=int(LASTING_S * rate), start=first)
    sound = librosa.resample(sound, orig_sr=rate, target_sr=RATE)
    return np.asarray(0.05 * 10 ** (rng.uniform(*LEVELS_DB) / 20) * sound / np.std(sound), np.float64)


def pitch_of(sound: NDArray[np.float64], rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Praat's times, s, and pitch, Hz, 0 without one."""
    pitch = parselmouth.Sound(sound, rate).to_pitch(STEP_S, *RANGES_HZ["speech"])
    return pitch.xs(), pitch.selected_array["frequency"]


def pitches_at(stems: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(times, speakers) Hz, 0 without a pitch."""
    found = []
    for stem in stems:
        at, hz = pitch_of(stem, RATE)
        found.append(hz[np.abs(times[:, None] - at).argmin(axis=1)])
    return np.array(found).T
