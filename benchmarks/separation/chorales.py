"""Chorales of J. S. Bach with an instrument a voice: notes from music21's corpus, sounds by fluidsynth.

Three sets, disjoint in chorale and in soundfont: pieces to learn from, to choose by, and that neither saw. Which
chorale, from where, how fast, moved by how much, which voices of it, who plays them and how loud is drawn at random.
"""

import random
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .instruments import SOUNDFONTS, TICKS_PER_S, Event, played
from .training_pieces import FLUID

LASTING_S = 10.0
SMALL_FONT = SOUNDFONTS / "sf2/TimGM6mb.sf2"
FM_FONT, BANK_FONT = SOUNDFONTS / "sf2/OPL-3_FM_128M.sf2", SOUNDFONTS / "sf2/sf_GMbank.sf2"
MUSESCORE = SOUNDFONTS / "sf3/MuseScore_General_Full.sf3"
TAKEN = "bwv66.6"
"""Recorded: it is in no set."""

FEWEST_NOTES, MOST_MOVED = 4, 3
"""Notes that each voice has within a piece, and semitones by which it is moved at most."""

ENSEMBLES = (
    (40, 41, 42, 43), (48, 49, 40, 42), (52, 53, 54, 52), (52, 53, 52, 53), (53, 53, 53, 53), (56, 57, 58, 60),
    (60, 61, 57, 58), (64, 65, 66, 67), (68, 69, 70, 71), (71, 70, 68, 69), (72, 73, 74, 75), (16, 19, 19, 20),
    (19, 19, 19, 19), (68, 71, 70, 60), (73, 68, 71, 70), (40, 71, 66, 70), (21, 22, 20, 23),
)  # fmt: skip
"""General MIDI's programs of four voices, the highest first: what plays together more often than chance has it."""

PROGRAMS = (
    40, 41, 42, 43, 48, 52, 53, 56, 57, 58, 60, 61, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 19, 20, 21, 22,
)  # fmt: skip
"""Those that hold their notes."""

PART_BOOKS = 4
Note = tuple[float, float, int, int]
"""From and to, s; key and velocity."""


class Collection(NamedTuple):
    """Pieces drawn alike: their number among the seeds, their part of the chorales, and soundfonts by their chance."""

    number: int
    share: tuple[float, float]
    soundfonts: tuple[Path, ...]


LEARNED = Collection(0, (0.0, 0.6), (FLUID, FLUID, BANK_FONT, FM_FONT))
CHOSEN_BY = Collection(1, (0.6, 0.8), (SMALL_FONT,))
UNSEEN = Collection(2, (0.8, 1.0), (MUSESCORE,))
UNUSUAL = range(300, 340)
"""Pieces of `LEARNED` that have one voice, five or six; the others have two to four."""


class Piece(NamedTuple):
    """The notes of each voice, the lowest first, and its sound at 44.1 kHz, (voices, samples)."""

    name: str
    notes: list[list[Note]]
    stems: NDArray[np.float64]


@cache
def works() -> list[str]:
    """All chorales, in an order drawn at random.

    Raises:
        SystemExit: music21 is missing.
    """
    try:
        from music21 import corpus  # noqa: PLC0415  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise SystemExit("the notes of chorales are music21's: pip install music21") from error
    files = (str(path) for path in corpus.getComposer("bach"))
    names = sorted({Path(file).name.rsplit(".", 1)[0] for file in files if file.endswith((".mxl", ".xml"))})
    names = [name for name in names if name.startswith("bwv") and name != TAKEN]
    random.Random(5).shuffle(names)
    return names


def drawn(collection: Collection, number: int) -> Piece:
    """One of a collection's pieces, always the same."""
    rng = np.random.default_rng((collection.number, number))
    first, last = (int(part * len(works())) for part in collection.share)
    names = works()[first:last]
    many = collection is LEARNED and number in UNUSUAL
    for _ in count():
        name = names[int(rng.integers(len(names)))]
        parts = drawn_parts(name, rng)
        if parts:
            break
    ensemble = rng.random() < 0.6
    programs = ENSEMBLES[int(rng.integers(len(ENSEMBLES)))] if ensemble else drawn_programs(PART_BOOKS, rng)
    soundfont = collection.soundfonts[int(rng.integers(len(collection.soundfonts)))]
    voices: tuple[int, ...] = (4, 4, 4, 3, 3, 2) if collection is LEARNED or number % 4 == 0 else ()
    if many:
        others = drawn_parts(names[int(rng.integers(len(names)))], rng)
        parts, programs, voices = parts + others, programs + drawn_programs(len(others), rng), (1, 5, 6)
    most = int(rng.choice(voices)) if voices else PART_BOOKS
    kept = sorted(rng.choice(len(parts), min(most, len(parts)), replace=False))[::-1]
    stems = [played_part(parts[part], programs[part], soundfont, rng) for part in kept]
    height = [np.mean([key for _, _, key, _ in parts[part]]) for part in kept]
    order = [int(voice) for voice in np.argsort(height, kind="stable")]
    name = f"{name}, {soundfont.stem}, {', '.join(str(programs[kept[voice]]) for voice in order)}"
    return Piece(name, [parts[kept[voice]] for voice in order], np.array([stems[voice] for voice in order]))


def drawn_programs(number: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Instruments that need not belong together."""
    return tuple(int(program) for program in rng.choice(PROGRAMS, number))


def drawn_parts(work: str, rng: np.random.Generator) -> list[list[Note]]:
    """Ten seconds of the notes of four parts, from anywhere in a work; none where it has not four that all play."""
    from music21 import corpus  # noqa: PLC0415  # type: ignore[import-not-found]

    parts = list(corpus.parse(f"bach/{work}").parts)
    if len(parts) != PART_BOOKS:
        return []
    beats = max(float(part.duration.quarterLength) for part in parts)
    beat_s = rng.uniform(0.45, 0.85)
    first = int(rng.integers(0, max(1, int(beats - LASTING_S / beat_s) + 1))) if rng.random() < 0.7 else 0
    moved = int(rng.integers(-MOST_MOVED, MOST_MOVED + 1))
    notes = [notes_of(part, first, beat_s, moved, rng) for part in parts]
    return notes if min(len(part) for part in notes) >= FEWEST_NOTES else []


def notes_of(part: object, first: int, beat_s: float, moved: int, rng: np.random.Generator) -> list[Note]:
    """A part's notes from a beat on, tied ones as one, with jitter and velocities drawn at random."""
    notes: list[Note] = []
    for note in part.flatten().notes:  # type: ignore[attr-defined]
        written_s = (float(note.offset) - first) * beat_s + 0.1
        if not note.isNote or written_s < 0.05 or written_s > LASTING_S:
            continue
        begin_s = max(0.0, written_s + 0.012 * rng.normal())
        end_s = begin_s + rng.uniform(0.9, 1.0) * float(note.quarterLength) * beat_s
        key = int(note.pitch.midi) + moved
        if note.tie is not None and note.tie.type in ("stop", "continue") and notes and notes[-1][2] == key:
            notes[-1] = (notes[-1][0], end_s, *notes[-1][2:])
        else:
            notes.append((begin_s, end_s, key, int(rng.integers(75, 110))))
    return notes


def played_part(notes: list[Note], program: int, soundfont: Path, rng: np.random.Generator) -> NDArray[np.float64]:
    """(samples,) at 44.1 kHz, -26 dBFS, give or take 4 dB."""
    events: list[Event] = [(0, (0xC0, program))]
    for begin_s, end_s, key, velocity in notes:
        events += [(int(begin_s * TICKS_PER_S), (0x90, key, velocity)), (int(end_s * TICKS_PER_S), (0x80, key, 0))]
    sound = played(events, soundfont, LASTING_S)
    level = 0.05 * 10 ** (rng.uniform(-4, 4) / 20)
    return np.asarray(level * sound / (np.std(sound) + 1e-9), np.float64)
