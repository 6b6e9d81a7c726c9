"""Killed at any moment: nothing is missing, and nothing is left, after one more run."""

import random
from collections.abc import Iterator

from .checks import (
    aged,
    grown,
    left_at_all,
    lost,
    not_recovered,
    recorded,
    too_much_lost,
    unfounded_success,
    wrong_ending,
)
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
    """What is wrong after a run that was killed, and one more of the same command."""
    folder = fresh(scene, theatre)
    ran = theatre.run(scene.play.words, folder, fault, kill_s)
    if ran.code != -9:  # it was over before
        return list(wrong_ending(scene, ran))
    sound = grown(scene, folder)
    there = max(recorded(scene, folder), sound.get(scene.play.recording, 0)) if scene.play.recording else 0
    aged(folder, theatre.memory)
    again = theatre.run(scene.play.words, folder)
    wrong = [*wrong_ending(scene, again), *left_at_all(folder, theatre.memory), *not_recovered(folder, sound)]
    if again.code:
        wrong.append(f"the run after it ended with {again.code}")
    wrong += [*unfounded_success(scene, folder, again), *lost(scene, folder)]
    if scene.play.recording:
        wrong += too_much_lost(there, ran.heard)
    return [*wrong, f"it said: {again.said}"] if wrong else []
