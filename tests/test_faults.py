"""A short share of `make faults` and `make kill`, the same every time."""

import random
from pathlib import Path

import pytest
from faults.failing import faults_of, played
from faults.killing import killed, killed_at
from faults.scenes import Scene, prepare
from faults.theatre import Fault, Theatre

pytestmark = pytest.mark.compiler
SEED = 20
SHARE = 6
KILLS = 3


@pytest.fixture(scope="module")
def theatre(tmp_path_factory):
    with Theatre(tmp_path_factory.mktemp("theatre")) as theatre:
        yield theatre


@pytest.fixture(scope="module")
def scenes(theatre: Theatre):
    made: dict[str, Scene] = {}

    def scene(name: str) -> Scene:
        if name not in made:
            made[name] = prepare(name, theatre, theatre.scratch)
        return made[name]

    return scene


@pytest.mark.parametrize("name", ["npz", "separate", "learn"])
def test_whatever_fails_nothing_is_lost_and_one_line_says_why(name, theatre, scenes):
    scene = scenes(name)
    for fault in random.Random(SEED).sample(list(faults_of(scene.clean.counts)), SHARE):
        assert not played(scene, theatre, fault), fault


@pytest.mark.parametrize("name", ["npz", "separate"])
def test_a_killed_run_leaves_nothing_unfinished(name, theatre, scenes):
    for told, wrong in killed_at(scenes(name), theatre, KILLS, random.Random(SEED)):
        assert not wrong, told


def test_a_recording_survives_a_full_disk_and_a_kill(theatre, scenes):
    scene = scenes("record")
    assert not played(scene, theatre, Fault("write", scene.clean.counts["write"] // 2, "half"))
    assert not killed(scene, theatre, kill_s=scene.clean.spent_s / 2)


def test_what_is_lost_is_seen(theatre, scenes, monkeypatch):
    """The harness itself: an input that has changed, and an output that is only half there."""
    scene = scenes("npz")
    here: list[Path] = []
    run = theatre.run

    def spoilt(words, folder, *others):
        ran = run(words, folder, *others)
        here.append(folder)
        (folder / "in.npz").write_bytes((folder / "in.npz").read_bytes()[:-1])
        (folder / "in.wav").write_bytes(b"")
        return ran

    monkeypatch.setattr(theatre, "run", spoilt)
    wrong = played(scene, theatre, Fault("read", 10**9))
    assert any("in.npz is neither" in each for each in wrong)
    assert any("in.wav, an input" in each for each in wrong)


def test_a_recording_that_is_not_recovered_is_seen(theatre, scenes, monkeypatch):
    """The harness itself: the run after the killed one removes what it should have kept."""
    scene, run = scenes("record"), theatre.run

    def careless(words, folder, *others):
        ran = run(words, folder, *others)
        for path in folder.glob("*.recovered.wav"):
            path.unlink()
        return ran

    monkeypatch.setattr(theatre, "run", careless)
    wrong = killed(scene, theatre, kill_s=scene.clean.spent_s / 2)
    assert any("nothing is recovered" in each for each in wrong)
