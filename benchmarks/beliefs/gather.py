"""Which scenes train and which validate, and their examples, kept in a folder from run to run."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import sharpear.dsp
import sharpear.dynamics
import sharpear.voices
from benchmarks.beliefs import examples, presets, scenes, voice_examples
from benchmarks.beliefs.examples import Examples, examples_of, load, save
from benchmarks.beliefs.presets import Preset
from benchmarks.beliefs.voice_examples import VoiceReader, voice_examples_of
from benchmarks.sharpness import bundled, lines, partials, signals, singing, sources, sung
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.sources import Sources, Voices
from sharpear.dynamics import beliefs_kernel
from sharpear.sharpening import judge, voiced_judge

PARTS = {"recorded": (1.0, 0.07), "synthetic": (3.55, 0.2), "chord": (0.74, 0.06)}
"""Scenes that train and that validate, as multiples of those of each recorded kind that train: synthetic ones are of
seven kinds, and cost no voices."""

VOICES = "voices"
"""Stands for the belief in voices where else the name of a preset does."""

FIRST_CHORD = 300_000
FIRST_BUNDLED = 1_000_000
"""First seeds. The bundled voices belong to no split and are the benchmark's own, whose scenes have small seeds."""


@dataclass(frozen=True)
class Origin:
    """Where recorded voices come from: a folder of them and one of what was measured, or the bundled ones."""

    folder: Path | None
    cache: Path | None

    def voices(self, split: str) -> Voices:
        """The voices of a split; the bundled ones have no splits."""
        if self.folder is None or self.cache is None:
            return Bundled()
        return Sources(self.folder, self.cache, split)

    def speakers(self) -> dict[str, list[str]]:
        """Kind -> those who train, whom nothing else may be judged by."""
        voices = self.voices("train")
        found = {kind: voices.speakers(kind) for kind in sources.KINDS}
        return {kind: names for kind, names in found.items() if names}


@dataclass(frozen=True)
class Wanted:
    """A scene of which examples are wanted. Its name says all of it."""

    part: str
    kind: str
    split: str
    seed: int

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.part}{self.seed}" if self.part == self.kind else f"{self.split}_{self.kind}{self.seed}"


def wanted(count: int, split: str, is_bundled: bool) -> list[Wanted]:
    """The scenes of "train" or "validation".

    Args:
        count: how many of each recorded kind train.
        split: which.
        is_bundled: there are no other recorded voices than the bundled ones.

    >>> len(wanted(200, "train", False)), len(wanted(200, "validation", False))
    (2058, 136)
    """
    validates = split == "validation"
    found = []
    for part, shares in PARTS.items():
        trained, held_back = (max(1, round(share * count)) for share in shares)
        number = held_back if validates else trained
        own_split = part == "recorded" and not is_bundled
        # Without voices of a split's own, seeds are: those that validate come first.
        first = {"recorded": FIRST_BUNDLED if is_bundled else 0, "synthetic": 0, "chord": FIRST_CHORD}[part]
        first += 0 if validates or own_split else held_back
        for kind in sung.SCENES if part == "recorded" else [part]:
            found += [Wanted(part, kind, split, seed) for seed in range(first, first + number)]
    return found


def gathered(scenes_wanted: Iterable[Wanted], origin: Origin, learner: str, folder: Path, jobs: int) -> list[Examples]:
    """Examples of the scenes, by name, made where they are not in the folder; scenes that hardly sound are left out.

    learner: a preset's name, whose windows are judged, or `VOICES`.
    """
    where = folder / f"{learner}-{fingerprint(origin, learner)}"
    where.mkdir(parents=True, exist_ok=True)
    ordered = sorted(scenes_wanted, key=lambda scene: scene.name)
    missing = [scene for scene in ordered if not _paths(where, scene)]
    tasks = [(scene, origin, learner, where) for scene in missing]
    if jobs == 1:
        for task in tasks:
            make(*task)
    elif tasks:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            list(pool.map(make, *zip(*tasks, strict=True), chunksize=8))
    paths = [path for scene in ordered for path in _paths(where, scene)]
    return [load(path) for path in paths if path.suffix == ".npz"]


def _paths(where: Path, scene: Wanted) -> list[Path]:
    """The scene's file, or the empty one that says that there is none."""
    candidates = (where / f"{scene.name}.npz", where / f"{scene.name}.none")
    return [path for path in candidates if path.exists()]


def make(scene: Wanted, origin: Origin, learner: str, where: Path) -> None:
    """Draw a scene, and keep its examples or that it has none."""
    found = None
    try:
        kind, (audio, truth) = _drawn(scene, origin)
    except ValueError as error:  # voices that are missing
        print(f"{scene.name}: left out: {error}", file=sys.stderr)
    else:
        if learner == VOICES:
            found = voice_examples_of(kind, audio, truth, scene.seed, _voice_reader())
        else:
            found = examples_of(kind, audio, truth, scene.seed, _preset(learner))
    if found is None:
        (where / f"{scene.name}.none").touch()
    else:
        save(found, where / f"{scene.name}.npz")


def _drawn(scene: Wanted, origin: Origin) -> tuple[str, signals.Signal]:
    if scene.part == "synthetic":
        return scenes.synthetic(scene.seed)
    if scene.part in ("chord", "bell"):
        return scene.part, getattr(scenes, scene.part)(scene.seed)
    return scene.kind, sung.scene(scene.seed, scene.kind, _voices(origin, scene.split))


@cache
def _voices(origin: Origin, split: str) -> Voices:
    return origin.voices(split)


@cache
def _preset(name: str) -> Preset:
    return Preset(name)


@cache
def _voice_reader() -> VoiceReader:
    return VoiceReader()


@cache
def fingerprint(origin: Origin, learner: str) -> str:
    """Eight hexadecimal digits of all that examples follow from: the code, and which voices there are."""
    digest = hashlib.sha256(str(origin.folder and origin.folder.resolve()).encode())
    for split in ("train", "validation"):
        voices = origin.voices(split)
        for kind in sources.KINDS:
            counts = [(speaker, voices.count(kind, speaker)) for speaker in voices.speakers(kind)]
            digest.update(repr((split, kind, counts)).encode())
    code = [*sorted(_folder(sharpear.dsp).glob("*.py")), *map(_path, DRAWN_BY)]
    code += HEARD_BY if learner == VOICES else []
    for path in code:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


DRAWN_BY = (bundled, examples, lines, partials, presets, scenes, signals, singing, sources, sung)
"""Modules, beside those of sharpear.dsp, with which examples change."""


def _path(module: ModuleType) -> Path:
    return Path(str(module.__file__))


def _folder(package: ModuleType) -> Path:
    return _path(package).parent


HEARD_BY = [
    *sorted(_folder(sharpear.voices).glob("*.py")),
    *map(_path, (voice_examples, judge, voiced_judge, beliefs_kernel)),
    _folder(sharpear.dynamics) / "beliefs_music.npz",
]
"""Files with which examples of voices change besides: how voices are found, and how windows are judged."""
