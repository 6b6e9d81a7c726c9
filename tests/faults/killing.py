"""Killed at any moment: nothing is missing, and nothing is left, once it is recovered."""

import random
from collections.abc import Iterator

from .checks import lost, tidied, too_much_lost, wrong_ending
from .failing import fresh
from .scenes import Scene
from .theatre import Fault, Theatre


def killed_at(scene: Scene, theatre: Theatre, kills: int, chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Kill so many runs at random moments, and as many before random calls; what is wrong with each."""
    for _ in range(kills):
        kill_s = chance.uniform(0, 1.05 * scene.clean.spent_s)
        yield f"at {kill_s:.4f} s", killed(scene, theatre, kill_s=kill_s)
    for _ in range(kills):
        fault = Fault("any", chance.randrange(scene.clean.counts["any"]), "kill")
        yield str(fault), killed(scene, theatre, fault=fault)


def killed(scene: Scene, theatre: Theatre, fault: Fault | None = None, kill_s: float | None = None) -> list[str]:
    """What is wrong after a run that was killed, and recovered."""
    wrong = []
    folder = fresh(scene, theatre)
    ran = theatre.run(scene.play.words, folder, fault, kill_s)
    if ran.code == -9:
        wrong += tidied(scene, folder)
        if scene.play.recording:
            wrong += too_much_lost(scene, folder, ran.heard)
        wrong += lost(scene, folder)
    else:
        wrong += wrong_ending(scene, ran)
    return wrong
