"""A state of something else is refused with one line, and changes nothing."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from presets import ADAM, FLOOR

import sharpear
from sharpear.dsp import NoiseFloor
from sharpear.dynamics import BandedWeights, Flow, LcAdam, Network
from sharpear.errors import UsageError
from sharpear.pitch import Transcriber
from sharpear.separation.separator import Separator
from sharpear.separation.voices import PitchVoices
from sharpear.sharpening.composite import Memory

RATE = 8000
FEW = {"bank.channels": 24, "bank.low_hz": 200.0, "bank.high_hz": 3000.0, "atoms.count": 40}


def sharpener(rate: float = RATE, preset: str = "low-latency", streams: int = 2, **settings: Any) -> Any:
    return sharpear.Sharpener(rate, preset, streams, FEW | {key.replace("__", "."): x for key, x in settings.items()})


def transcriber(rate: float = RATE, streams: int = 2, **settings: Any) -> Any:
    return Transcriber(rate, "low-latency", streams, FEW | {key.replace("__", "."): x for key, x in settings.items()})


FOREIGN = {
    "another rate": (sharpener(), sharpener(8001), "sample_rate = 8000.0", "8001"),
    "another number of streams": (sharpener(), sharpener(streams=3), "streams = 2", "3"),
    "another preset": (sharpener(), sharpener(preset="speech"), "configuration", ""),
    "another mode": (sharpener(), sharpener(preset="coherent"), "configuration", ""),
    "a setting that changes no shape": (sharpener(), sharpener(network__eta=0.2), "configuration", ""),
    "a transcriber's of another setting": (transcriber(), transcriber(pitch__onset=0.3), "configuration", ""),
    "a transcriber's of another rate": (transcriber(), transcriber(8001), "sample_rate = 8000.0", "8001"),
    "a sharpener's for a transcriber": (transcriber(), sharpener(), "sharpener, layer", "path"),
    "a separator's of another rate": (Separator(RATE), Separator(8001), "sample_rate = 8000.0", "8001"),
    "a separator's of other groups": (Separator(RATE, streams=2), Separator(RATE, streams=2, linked=1), "linked", "1"),
    "a separator's of other stems": (Separator(RATE), Separator(RATE, PitchVoices.of(1)), "tonal", "voice1"),
}


@pytest.mark.parametrize(("ours", "theirs", "expected", "received"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_state_is_told_from_our_own(ours, theirs, expected, received):
    before = pickle.dumps(ours.state)
    with pytest.raises(UsageError) as told:
        ours.state = theirs.state
    wanted, got = str(told.value).split("received", 1)
    assert expected in wanted
    assert received in got
    assert len(str(told.value)) < 400
    assert pickle.dumps(ours.state) == before


def damaged(state: Any, change: str) -> Any:
    """A state in which one part, the last, is not what it was."""
    broken = copy.copy(state)
    name = list(broken)[-1]
    part = broken[name]
    changes = {
        "missing": lambda: broken.pop(name),
        "more": lambda: broken.update(more=part),
        "a number": lambda: broken.update({name: 3}),
        "text": lambda: broken.update({name: "state"}),
        "plain numbers": lambda: broken.update({name: np.zeros(9)}),
        "nothing": lambda: broken.update({name: None}),
        "several": lambda: broken.update({name: np.stack([part, part])}),
        "of nobody": lambda: broken.update(of=None),
    }
    changes[change]()
    return broken


@pytest.mark.parametrize(
    "change", ["missing", "more", "a number", "text", "plain numbers", "nothing", "several", "of nobody"]
)
@pytest.mark.parametrize("preset", ["low-latency", "music", "coherent"])
def test_a_damaged_state_is_refused_and_changes_nothing(preset, change):
    ours, other = sharpener(preset=preset), sharpener(preset=preset)
    sound = 0.1 * np.random.default_rng(0).standard_normal((3000, 2))
    other.process(sound)
    before = pickle.dumps(ours.state)
    with pytest.raises(UsageError, match=r"expected .*received"):
        ours.state = damaged(other.state, change)
    assert pickle.dumps(ours.state) == before
    ours.state = other.state
    assert np.array_equal(ours.process(sound).amplitude, other.process(sound).amplitude)


@pytest.mark.parametrize("state", [None, 3, "state", [], {}, np.zeros(3), {"of": {}}], ids=repr)
@pytest.mark.parametrize("make", [sharpener, transcriber, lambda: Separator(RATE)])
def test_what_is_no_state_is_refused(make, state):
    ours = make()
    with pytest.raises(UsageError, match=r"expected the state of a .*received"):
        ours.state = state


@pytest.mark.parametrize("state", [None, 3, "state", np.zeros(3), np.zeros(2, [("floor", "f4")]), {}], ids=repr)
def test_parts_refuse_what_is_no_state(state):
    lateral = BandedWeights.from_dense(np.zeros((3, 3)))
    for part in (NoiseFloor(30, 0.003, **FLOOR), LcAdam(lateral, 0.1, frame_s=0.003, **ADAM)):
        with pytest.raises(ValueError, match=r"expected a state.*received"):
            part.state = state
    network = Network({"layer": LcAdam(lateral, 0.1, frame_s=0.003, **ADAM)}, [Flow("input", "layer")])
    with pytest.raises(ValueError, match=r"expected a state.*received"):
        network.state = state


def test_a_field_that_differs_is_named():
    one, two = NoiseFloor(30, 0.003, **FLOOR), NoiseFloor(45, 0.003, **FLOOR)
    with pytest.raises(ValueError, match=r"floor float32 \(1, 2\), received floor float32 \(1, 3\)"):
        one.state = two.state


@pytest.mark.parametrize(
    ("preset", "part", "field", "place"),
    [
        ("low-latency", "bank", "filled", -1),
        ("low-latency", "bank", "filled", 10**6),
        ("music", "bank", "filled", -1),
        ("music", "bank", "filled", 10**6),
        ("", "splitter", "filled", -78),
        ("", "mixer", "filled", 2**31 - 1),
        ("", "mixer", "row", 10**6),
    ],
)
def test_places_that_no_kernel_may_go_to_are_refused(preset, part, field, place):
    ours = sharpener(preset=preset) if preset else Separator(RATE)
    state = ours.state
    (state["path"] if preset else state)[part][field] = place
    with pytest.raises(
        UsageError, match=f"state of .*{part}: expected a state with {field} of 0 to .*, received {place}"
    ):
        ours.state = state


def test_a_copy_has_a_state_of_its_own_whose_fields_are_views_of_it() -> None:
    memory = Memory([("level", np.float32, (2,)), ("frames", np.int64)])
    twin = copy.deepcopy(memory)
    twin.fields["level"][:] = 1.0
    twin.fields["frames"] += 3
    assert (twin.state["level"].tolist(), int(twin.state["frames"])) == ([1.0, 1.0], 3)
    assert (memory.state["level"].tolist(), int(memory.state["frames"])) == ([0.0, 0.0], 0)
    memory.state = twin.state
    assert memory.fields["level"].tolist() == [1.0, 1.0]
