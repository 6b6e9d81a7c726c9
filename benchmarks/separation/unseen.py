"""Mixtures of notes and drums that nothing here was fitted to, nor chosen by.

No soundfont, kit or recording of theirs plays a piece of `training_pieces`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

from .instruments import DRUMKITS, RATE, RECORDINGS, SOUNDFONTS, looped, played, struck
from .training_pieces import drum_pattern, melodies

SECONDS = 8.0
LOUDEST = 0.7
TIM = SOUNDFONTS / "sf2/TimGM6mb.sf2"
PEARL, FORZEE, MILLO = (DRUMKITS / name for name in ("The Black Pearl 1.0", "ForzeeStereo", "Millo_MultiLayered3"))

Drums = Path | tuple[Path, int]
"""A drumkit's folder, a soundfont and the number of its kit, or a recording."""


@dataclass(frozen=True)
class Unseen:
    """One mixture: who plays, bass, chords and two tunes (General MIDI's numbers, -1 for none) or a recording."""

    name: str
    tonal: tuple[int, int, int, int] | Path
    drums: Drums
    drums_db: float
    seed: int


MIXTURES = (
    Unseen("nylon guitar", (-1, 24, 24, -1), PEARL, 0, 1),
    Unseen("steel guitar and bass", (33, 25, -1, -1), FORZEE, 6, 2),
    Unseen("saxophone and piano", (0, 0, 66, -1), MILLO, 6, 3),
    Unseen("vibraphone, guitar and bass", (32, 27, 11, -1), PEARL, 0, 4),
    Unseen("piano", (0, 0, 0, -1), FORZEE, 0, 5),
    Unseen("strings", (43, 48, 40, -1), (TIM, 0), -6, 6),
    Unseen("trumpet, organ and bass", (33, 16, 56, -1), MILLO, 0, 7),
    Unseen("harpsichord and flute", (-1, 6, 73, -1), (TIM, 25), -6, 8),
    Unseen("marimba and bass", (34, -1, 12, 12), MILLO, 0, 9),
    Unseen("distorted guitars and bass", (34, 30, 30, -1), PEARL, 6, 10),
    Unseen("electric piano and slap bass", (36, 4, 4, -1), FORZEE, -6, 11),
    Unseen("harp and oboe", (-1, 46, 68, -1), PEARL, -6, 12),
    Unseen("synthesizers", (38, 89, 81, -1), (TIM, 16), 6, 13),
    Unseen("choir and clarinet", (-1, 52, 71, -1), MILLO, 6, 14),
    Unseen("recorded guitar, fifths", RECORDINGS / "guit_e_fifths.flac", PEARL, 0, 15),
    Unseen("recorded guitar, chord", RECORDINGS / "guit_em9.flac", FORZEE, -6, 16),
    Unseen(
        "recorded guitar, slide, recorded break", RECORDINGS / "guit_e_slide.flac", RECORDINGS / "loop_breakbeat.flac",
        0, 17,
    ),
    Unseen("piano, guitar and bass, recorded break", (33, 25, 0, -1), RECORDINGS / "loop_amen_full.flac", 6, 18),
)  # fmt: skip

REAL_DRUMS, REAL_DB = (PEARL, FORZEE, MILLO), (0.0, 6.0, -6.0)
"""What is played beside the recordings of a folder, in turn, and how loud."""


def mixtures() -> Iterator[tuple[str, NDArray[np.float64], int]]:
    """Name, (tonal, drums) (2, samples) and sample rate of each."""
    for unseen in MIXTURES:
        rng = np.random.default_rng(unseen.seed)
        if isinstance(unseen.tonal, Path):
            tonal = looped(unseen.tonal, SECONDS)
        else:
            tonal = played(melodies(rng, SECONDS, unseen.tonal), TIM, SECONDS)
        yield f"{unseen.name}, {unseen.drums_db:+.0f} dB", mixed(tonal, RATE, unseen.drums, unseen.drums_db, rng), RATE


def with_drums(audio: Path) -> Iterator[tuple[str, NDArray[np.float64], int]]:
    """The same of the recordings in a folder that have no drums, with some.

    audio: NAME/stem_*.flac or NAME/mix.wav.
    """
    folders = sorted(path for path in audio.iterdir() if path.is_dir())
    for n, folder in enumerate(folders):
        paths = sorted(folder.glob("stem_*.flac")) or list(folder.glob("mix.wav"))
        if paths and folder / "stem_drums.flac" not in paths:
            rate = soundfile.info(paths[0]).samplerate
            tonal = np.sum([soundfile.read(path)[0][: round(SECONDS * rate)] for path in paths], axis=0)
            drums, drums_db = REAL_DRUMS[n % len(REAL_DRUMS)], REAL_DB[n % len(REAL_DB)]
            pair = mixed(tonal, rate, drums, drums_db, np.random.default_rng(n))
            yield f"{folder.name}, {drums_db:+.0f} dB", pair, rate


def mixed(
    tonal: NDArray[np.float64], rate: int, drums: Drums, drums_db: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(tonal, drums) (2, samples): the drums so much louder than the rest, as mean squares."""
    seconds = tonal.size / rate
    if isinstance(drums, Path) and drums.is_file():
        hit = looped(drums, seconds)
    else:
        hit = struck(drum_pattern(rng, seconds), drums, seconds)
    hit = librosa.util.fix_length(librosa.resample(hit, orig_sr=RATE, target_sr=rate), size=tonal.size)
    pair = np.array([tonal / tonal.std(), 10 ** (drums_db / 20) * hit / hit.std()])
    return np.asarray(LOUDEST * pair / np.abs(pair.sum(axis=0)).max())
