"""What must hold of a folder after a run that something went wrong with."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from sharpear.sinks import tidy

from .scenes import RATE, Scene, tree
from .theatre import Ran

LARGEST_LOSS_S = 0.5
RECOVERED = re.compile(r"(?P<stem>.+)\.recovered(-\d+)?(?P<suffix>\.\w+)")


def wrong_ending(scene: Scene, ran: Ran) -> Iterator[str]:
    """It ends with 0 or 1, says why in one line (live: a line for each thing that fails), and never a traceback."""
    lines = ran.said.splitlines()
    if ran.code not in (0, 1):
        yield f"ended with {ran.code}"
    if "Traceback" in ran.said or not all(line.startswith("sharpear: ") for line in lines):
        yield "said more than its own lines"
    if ran.code == 1 and (not lines or (len(lines) > 1 and not scene.play.recording)):
        yield f"failed with {len(lines)} lines"


def unfounded_success(scene: Scene, folder: Path, ran: Ran) -> Iterator[str]:
    """Who says that all is well has made all of it."""
    for name, wanted in scene.new.items():
        if ran.code == 0 and name not in scene.play.loose and tree(folder / name) != wanted:
            yield f"ended with 0, and {name} is not what it should be"


def left_behind(scene: Scene, folder: Path) -> Iterator[str]:
    """Nothing unfinished is left, except sound that could not get its name."""
    for part in folder.rglob("*.part"):
        if not (part.is_dir() and any(part.rglob(Path(name).name) for name in scene.play.audio)):
            yield f"left {part.relative_to(folder)}"


def tidied(scene: Scene, folder: Path) -> Iterator[str]:
    """What is left can be recovered, at once."""
    for part in folder.rglob("*.part"):
        os.utime(part, (time.time() - 60,) * 2)  # one that is empty could be about to be filled
    for place in {(folder / name).parent for name in scene.play.outputs}:
        if tidy(place).alive:
            yield f"left {place} locked"
    for part in folder.rglob("*.part"):
        yield f"left {part.relative_to(folder)} even by recover"


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


def too_much_lost(scene: Scene, folder: Path, heard: int) -> Iterator[str]:
    """Of `heard` samples at most half a second is missing."""
    recording = Path(scene.play.recording)
    held = [folder / recording] if tree(folder / recording) != scene.old[scene.play.recording] else []
    held += folder.glob(f"{recording.stem}.recovered*{recording.suffix}")
    there = max([soundfile.info(path).frames for path in held], default=0)
    if heard - there > LARGEST_LOSS_S * RATE:
        yield f"{heard / RATE:.2f} s were heard, and {there / RATE:.2f} s are there"
