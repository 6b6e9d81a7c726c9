"""What must hold of a folder after a run that something went wrong with."""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from sharpear.sinks import tidy
from sharpear.sinks.sound import salvage
from sharpear.sinks.staging_folder import COMMIT, REPLACED

from .scenes import RATE, Scene, tree
from .theatre import Ran

LARGEST_LOSS_S = 0.5
RECOVERED = re.compile(r"(?P<stem>.+)\.recovered(-\d+)?(?P<suffix>\.\w+)")


def wrong_ending(scene: Scene, ran: Ran) -> Iterator[str]:
    """It ends with 0 or 1, says why, a line for each thing that fails, and never a traceback."""
    lines = ran.said.splitlines()
    # A report is written even where what it reports has failed, and a batch says at its end how much of it has.
    apart = 2 if "--report" in scene.play.words else 1
    apart = len(scene.play.inputs) + 1 if len(scene.play.inputs) > 1 else apart
    if ran.code not in (0, 1):
        yield f"ended with {ran.code}"
    if "Traceback" in ran.said or not all(line.startswith("sharpear: ") for line in lines):
        yield "said more than its own lines"
    failures = [line for line in lines if "outputs are left there" not in line]
    if ran.code == 1 and (not failures or (len(failures) > apart and not scene.play.recording)):
        yield f"failed with {len(failures)} lines"


def unfounded_success(scene: Scene, folder: Path, ran: Ran) -> Iterator[str]:
    """Who says that all is well has made all of it."""
    for name, wanted in scene.new.items():
        made = name in scene.play.loose or tree(folder / name) == wanted or _holds_all(scene, folder, name)
        if ran.code == 0 and not made:
            yield f"ended with 0, and {name} is not what it should be"


def _holds_all(scene: Scene, folder: Path, name: str) -> bool:
    """A recording holds every sample, whatever its header could not be told (a FLAC's checksum)."""
    return name == scene.play.recording and np.array_equal(
        soundfile.read(folder / name, dtype="float32")[0], samples_of(scene, name)
    )


def left_behind(scene: Scene, folder: Path, memory: Path) -> Iterator[str]:
    """Nothing unfinished is left, except sound that could not get its name, and what could not get it back."""
    for part in folder.rglob("*.part"):
        kept = [REPLACED, *(Path(name).name for name in scene.play.audio)]
        if not (part.is_dir() and any(next(part.rglob(name), None) for name in kept)):
            yield f"left {part.relative_to(folder)}"
    yield from left_at_all(memory)


def left_at_all(*folders: Path) -> Iterator[str]:
    """Nothing that grows is left, no ring either."""
    for folder in folders:
        for part in folder.rglob("*.part"):
            yield f"left {part.relative_to(folder)}"


def aged(*folders: Path) -> None:
    """A minute passes: a folder that is empty is then not about to be filled."""
    for folder in folders:
        for part in folder.rglob("*.part"):
            os.utime(part, (time.time() - 60,) * 2)


def tidied(scene: Scene, folder: Path) -> Iterator[str]:
    """What is left can be recovered, at once."""
    aged(folder)
    for place in {(folder / name).parent for name in scene.play.outputs}:
        if tidy(place).alive:
            yield f"left {place} locked"
    yield from left_at_all(folder)


def grown(scene: Scene, folder: Path) -> dict[str, int]:
    """The sound that a killed run was writing and had not yet declared whole: samples, by the output's name."""
    found = {}
    for name in scene.play.audio:
        path = Path(name)
        for place in (folder / path.parent).glob(f".sharpear.*.part/*/{path.name}"):
            if not (place.parents[1] / COMMIT).exists():
                copy = Path(shutil.copy(place, folder.with_name(path.name)))
                found[name] = soundfile.info(copy).frames if salvage(copy) is not None else 0
                copy.unlink()
    return {name: samples for name, samples in found.items() if samples}


def not_recovered(folder: Path, grown: dict[str, int]) -> Iterator[str]:
    """What had grown is there as recovered, beside what the next run made."""
    for name, samples in grown.items():
        path = Path(name)
        there = [
            soundfile.info(each).frames for each in (folder / path.parent).glob(f"{path.stem}.recovered*{path.suffix}")
        ]
        if samples not in there:
            yield f"{name} had grown to {samples} samples, of which {there or 'nothing'} is recovered"


def lost(scene: Scene, folder: Path) -> Iterator[str]:
    """Inputs are as they were, outputs are the old ones or the new ones, and nothing else is there."""
    for name, data in scene.inputs.items():
        if not (folder / name).is_file() or (folder / name).read_bytes() != data:
            yield f"{name}, an input, has changed"
    for name in scene.play.outputs:
        now = tree(folder / name)
        if now not in (scene.old[name], scene.new[name]) and not _is_whole(scene, folder, name):
            yield f"{name} is neither the old one nor the new one{'' if now else ': it is gone'}"
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        found = RECOVERED.fullmatch(name)
        if found and found["stem"] + found["suffix"] in scene.play.audio:
            yield from _recovered_badly(scene, path, found["stem"] + found["suffix"])
        elif not any(name == each or name.startswith(f"{each}/") or f"{name}/" in each for each in _known(scene)):
            yield f"{name} was not there, and is no output"


def _known(scene: Scene) -> list[str]:
    folders = [f"{Path(each).parent.as_posix()}/" for each in scene.play.outputs if "/" in each]
    return [*scene.play.inputs, *scene.play.outputs, *folders]


def _is_whole(scene: Scene, folder: Path, name: str) -> bool:
    """An output that differs from run to run, or a recording that ended early, can be read."""
    path = folder / name
    if name == scene.play.recording:
        return path.exists() and not list(_recovered_badly(scene, path, name))
    if name not in scene.play.loose:
        return False
    try:
        if path.suffix == ".json":
            return bool(json.loads(path.read_bytes()))
        with np.load(path) as held:
            return all(held[each].size for each in held.files)
    except (OSError, ValueError):
        return False


def _recovered_badly(scene: Scene, path: Path, name: str) -> Iterator[str]:
    """What is recovered begins as what it is recovered from would have."""
    told = f"{path.name}, recovered,"
    try:
        samples, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        yield f"{told} cannot be read: {error}"
        return
    wanted = samples_of(scene, name)[: len(samples)]
    if rate != RATE or not len(samples) or len(wanted) < len(samples):
        yield f"{told} holds {len(samples)} samples at {rate} Hz"
    elif np.abs(samples - wanted).max() > 2**-14:
        yield f"{told} holds other samples"


def samples_of(scene: Scene, name: str) -> np.ndarray:
    """What an output holds after an undisturbed run."""
    after = scene.before.with_name(f"{scene.name}.after")
    samples: np.ndarray = soundfile.read(after / name, dtype="float32")[0]
    return samples


def recorded(scene: Scene, folder: Path) -> int:
    """Samples of a recording that a run has made, or that are recovered."""
    recording = Path(scene.play.recording)
    held = [folder / recording] if tree(folder / recording) != scene.old[scene.play.recording] else []
    held += folder.glob(f"{recording.stem}.recovered*{recording.suffix}")
    return max([soundfile.info(path).frames for path in held], default=0)


def too_much_lost(there: int, heard: int) -> Iterator[str]:
    """Of `heard` samples at most half a second is missing."""
    if heard - there > LARGEST_LOSS_S * RATE:
        yield f"{heard / RATE:.2f} s were heard, and {there / RATE:.2f} s are there"
