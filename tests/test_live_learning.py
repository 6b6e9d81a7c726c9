"""A network that learns while it listens."""

import pickle
from typing import Any

import numpy as np
import pytest

from sharpear.dynamics import Flow, Lca, Network, random_fields
from sharpear.dynamics.hebbian import Learner
from sharpear.dynamics.live_learning import Hebbian

INPUTS, UNITS = 12, 4


def truth(seed: int = 0) -> np.ndarray:
    W = np.random.default_rng(seed).random((UNITS, INPUTS)) ** 4
    return np.asarray(W / np.linalg.norm(W, axis=1, keepdims=True))


def heard(frames: int, atoms: np.ndarray, streams: int = 1, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = rng.random((frames, streams, len(atoms))) * (rng.random((frames, streams, len(atoms))) < 0.35)
    return (codes @ atoms).astype(np.float32)


def learner(streams: int = 1, **options: Any) -> Hebbian:
    W = random_fields(INPUTS, UNITS, np.random.default_rng(3))
    layer = Lca.over(W, 0.05, tau_s=0.01, step_s=0.002, streams=streams)
    return Hebbian(Network({"parts": layer}, [Flow("y", "parts", W.T)], iterations=60), "y->parts", **options)


def likeness(fields: np.ndarray, atoms: np.ndarray) -> float:
    """Of the least well known atom, the cosine with the field most like it."""
    return float((atoms @ fields).max(axis=1).min())


def test_it_finds_what_sounds_are_made_of_and_goes_on_learning() -> None:
    live = learner()
    live.process(heard(3000, truth()))
    assert likeness(live.fields, truth()) > 0.97
    live.process(heard(4000, truth(1)))
    assert likeness(live.fields, truth(1)) > 0.97
    np.testing.assert_allclose(np.linalg.norm(live.fields, axis=0), 1, atol=1e-6)
    cell = live.network.cells["parts"]
    expected = live.fields.T @ live.fields - np.eye(UNITS)
    np.testing.assert_allclose(cell.lateral.dense(), expected, atol=1e-5)  # type: ignore[attr-defined]


def test_the_rule_is_the_learners() -> None:
    """A block of frames moves the fields as a batch of the same codes does."""
    live = learner(frames=50, rate=0.3)
    before, sound = live.fields, heard(50, truth())
    codes = live.process(sound)[:, 0].astype(float)
    left = sound[:, 0] - codes @ before.T
    after = before + 0.3 * (left.T @ codes) / np.square(codes).sum(axis=0)
    after = np.maximum(after, 1e-9)
    np.testing.assert_allclose(live.fields, after / np.linalg.norm(after, axis=0), atol=1e-6)
    assert Learner(INPUTS, UNITS).learn(sound[:, 0]) < 1


def test_what_it_learned_is_saved_and_resumed() -> None:
    live, other, sound = learner(2), learner(2), heard(400, truth(), 2)
    live.process(sound[:170])
    saved = pickle.loads(pickle.dumps(live.state))
    expected = live.process(sound[170:])
    other.process(sound[::-1])
    other.state = saved
    np.testing.assert_array_equal(other.process(sound[170:]), expected)
    np.testing.assert_array_equal(other.fields, live.fields)
    live.reset()
    whole = np.concatenate([live.process(sound[:33]), live.process(sound[33:])])
    np.testing.assert_array_equal(whole[170:], expected)
    with pytest.raises(ValueError, match=r"expected a state with network, .*received another"):
        live.state = {"network": live.network.state}
    with pytest.raises(ValueError, match=r"atoms float64 \(4, 12\), received float64 \(3, 12\)"):
        live.state = saved | {"atoms": saved["atoms"][:3]}


def test_silence_and_damage_teach_nothing() -> None:
    live = learner()
    live.process(heard(640, truth()))
    live.process(np.zeros((32, 1, INPUTS), np.float32))  # in which the last sound dies away
    before = live.fields
    live.process(np.zeros((2000, 1, INPUTS), np.float32))
    np.testing.assert_allclose(live.fields, before, atol=1e-6)
    live.process(np.full((40, 1, INPUTS), np.nan, np.float32))
    assert np.isfinite(live.fields).all()


def test_a_unit_without_use_begins_anew() -> None:
    live = learner(frames=16)
    state = live.state
    state["use"][2] = 1e-6
    state["atoms"][2] = np.eye(INPUTS)[0] * (1 - 1e-6) + 1e-6
    live.state = state
    sound = heard(16, truth())
    sound[..., 0] = 0
    live.process(sound)
    assert live.fields[0, 2] < 0.5


@pytest.mark.parametrize(
    ("flow", "options", "message"),
    [
        ("x->parts", {}, "among y->parts, received 'x->parts'"),
        ("y->parts", {"rate": 0.0}, "rate from 0 to 1"),
        ("y->parts", {"frames": 0}, "1 frame or more"),
    ],
)
def test_what_cannot_learn_is_refused(flow: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Hebbian(learner().network, flow, **options)
    network = learner().network
    network.replace({"y->parts": -np.ones((UNITS, INPUTS))})
    with pytest.raises(ValueError, match="nowhere negative"):
        Hebbian(network, "y->parts")
    network.replace({"y->parts": np.ones((UNITS, INPUTS))})
    with pytest.raises(ValueError, match="rows of norm 1"):
        Hebbian(network, "y->parts")
