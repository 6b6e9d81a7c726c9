"""Every call fails in turn: nothing is lost, nothing is left, and one line says why."""

import errno
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from .checks import left_behind, lost, recorded, tidied, too_much_lost, unfounded_success, wrong_ending
from .scenes import Scene
from .theatre import Fault, Theatre

MANNERS: dict[str, list[dict[str, object]]] = {
    "open": [{"error": errno.EACCES}, {"error": errno.EMFILE}],
    "create": [{"error": errno.EACCES}, {"error": errno.ENOSPC, "lasting": True}],
    "read": [{"error": errno.EIO}, {"error": errno.EIO, "lasting": True}, {"manner": "half"}],
    "write": [
        {"error": errno.ENOSPC}, {"error": errno.ENOSPC, "lasting": True}, {"error": errno.EIO}, {"manner": "half"},
    ],
    "fsync": [{"error": errno.EIO}, {"error": errno.EIO, "lasting": True}],
    "rename": [{"error": errno.EACCES}, {"error": errno.EACCES, "lasting": True}],
    "mkdir": [{"error": errno.ENOSPC}],
    "unlink": [{"error": errno.EACCES}],
}  # fmt: skip
"""How each kind of call fails."""


def faults_of(counts: Mapping[str, int], every: bool = False) -> Iterable[Fault]:
    """The faults that a run with so many calls of each kind can meet: the first, second, middle and last call."""
    for kind, manners in MANNERS.items():
        count = counts[kind]
        chosen = range(count) if every else sorted({0, 1, count // 2, count - 2, count - 1} & set(range(count)))
        for manner in manners:
            for nth in chosen:
                yield Fault(kind, nth, **manner)  # type: ignore[arg-type]


def played(scene: Scene, theatre: Theatre, fault: Fault) -> list[str]:
    """What is wrong after a run with this fault."""
    folder = fresh(scene, theatre)
    ran = theatre.run(scene.play.words, folder, fault)
    wrong = [*wrong_ending(scene, ran), *unfounded_success(scene, folder, ran)]
    if fault.kind not in ("open", "unlink"):  # what cannot be removed stays until the next time
        wrong += left_behind(scene, folder, theatre.memory)
    wrong += [*tidied(scene, folder), *lost(scene, folder)]
    if scene.play.recording and ran.fired:
        wrong += too_much_lost(recorded(scene, folder), ran.heard_when_fired)
    return [*wrong, f"it said: {ran.said}"] if wrong else []


def fresh(scene: Scene, theatre: Theatre) -> Path:
    """The folder as it is before a run."""
    folder = theatre.scratch / "here"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scene.before, folder)
    return folder
