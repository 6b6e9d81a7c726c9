"""Winner-take-all circuits against their closed forms."""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from presets import CIRCUIT

from sharpear.dynamics import Wta, WtaCircuit, WtaConv

UNITS = 24
STEADY = {"tau_s": 0.01, "step_s": 0.001, "circuit": WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)}
"""A circuit whose winners settle in windows of up to seven units."""


def settled(layer: Wta | WtaConv, drive: np.ndarray, frames: int = 3000) -> np.ndarray:
    return layer.process(np.broadcast_to(drive.astype(np.float32), (frames, 1, layer.units)))[-1, 0]


def one_hot(unit: int, size: float = 1.0, units: int = UNITS) -> np.ndarray:
    return size * np.eye(units)[unit]


@pytest.mark.parametrize(
    "circuit",
    [
        CIRCUIT,
        WtaCircuit(alpha=0.5, beta1=2.0, beta2=0.2, conductance=1.0),
        WtaCircuit(alpha=1.5, beta1=3.0, beta2=0.3, conductance=1.5),
        WtaCircuit(alpha=0.9, beta1=1.2, beta2=0.7, conductance=0.8),
    ],
    ids=str,
)
@pytest.mark.parametrize("drive", [0.3, 2.0])
def test_a_lone_winner_settles_on_the_closed_form(circuit: WtaCircuit, drive: float) -> None:
    expected = drive / (circuit.conductance + circuit.beta1 * circuit.beta2 / circuit.conductance - circuit.alpha)
    assert circuit.winner(drive) == pytest.approx(expected)
    for layer in (
        Wta(UNITS, tau_s=0.01, step_s=0.001, circuit=circuit),
        WtaConv(UNITS, 3, tau_s=0.01, step_s=0.001, circuit=circuit, inhibits="centre"),
    ):
        x = settled(layer, one_hot(5, drive))
        assert x[5] == pytest.approx(expected, rel=1e-4)
        assert not np.delete(x, 5).any()
        assert layer.gain() * drive == pytest.approx(expected)


@pytest.mark.parametrize(("unit", "loops"), [(9, 7), (0, 4), (2, 6)])
def test_a_lone_winner_inhibits_itself_through_every_window_that_holds_it(unit: int, loops: int) -> None:
    layer = WtaConv(UNITS, 3, **STEADY)
    x = settled(layer, one_hot(unit))
    assert x[unit] == pytest.approx(1 / (1 + loops * 0.75 - 0.5), rel=1e-4)
    assert not np.delete(x, unit).any()
    assert layer.gain() == pytest.approx(1 / (1 + 4 * 0.75 - 0.5))
    assert layer.gain(0.3) == pytest.approx(1 / (1 + 4 * 0.75 - 0.8))


def test_a_smooth_bump_becomes_narrower_around_its_middle() -> None:
    """Where only centres are inhibited it is the middle that falls silent."""
    bump = np.exp(-0.5 * ((np.arange(UNITS) - 12) / 3) ** 2)
    x = settled(WtaConv(UNITS, 3, **STEADY), bump)
    assert x.argmax() == 12
    assert np.flatnonzero(x > 0.2 * x.max()).tolist() == [10, 11, 12, 13, 14]
    at_centres = settled(WtaConv(UNITS, 1, **STEADY | {"circuit": CIRCUIT}, inhibits="centre"), bump)
    assert at_centres[[11, 12, 13]].tolist() == [pytest.approx(1.72, rel=0.01), 0, pytest.approx(1.72, rel=0.01)]


@pytest.mark.parametrize(("units", "half_width"), [((6, 8), (1, 2)), ((3, 4, 5), 1)])
def test_windows_are_boxes(units: tuple[int, ...], half_width: Any) -> None:
    drive = np.zeros(units)
    middle = tuple(side // 2 for side in units)
    drive[middle] = 1.0
    layer = WtaConv(units, half_width, **STEADY | {"step_s": 0.0002})
    layer.process(np.tile(drive.ravel().astype(np.float32), (5000, 1, 1)))
    fed = layer.state["x_n"][0].reshape(units)
    reach = np.broadcast_to(half_width, len(units))
    inside = np.all([np.abs(g - m) <= h for g, m, h in zip(np.indices(units), middle, reach, strict=True)], axis=0)
    np.testing.assert_array_equal(fed > 0, inside)
    assert layer.activation.reshape(units)[middle] == pytest.approx(1 / (1 + inside.sum() * 0.75 - 0.5), rel=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"circuit": WtaCircuit(1.9, 0.5, 0.5, 1.0)}, r"alpha below 1\.75, .*received 1\.9"),
        ({"circuit": WtaCircuit(2.5, 2.0, 2.0, 1.0)}, r"alpha below 2, .*received 2\.5"),
        ({"step_s": 0.01}, r"below 0\.353, .*received 0\.632"),
        ({"half_width": 1.5}, "whole units, none negative, received 1.5"),
        ({"half_width": -1}, "whole units, none negative, received -1"),
        ({"half_width": [1, 2]}, "one half_width or 24, one per unit, received"),
        ({"units": (4, 6), "half_width": [1, 2, 3]}, "one for each of 2 axes, received"),
        ({"inhibits": "all"}, "'window' or 'centre', received 'all'"),
        ({"inhibits": "centre", "circuit": WtaCircuit(0.5, 1.0, 1.0, 1.0)}, "contraction, received 1"),
    ],
)
def test_what_cannot_settle_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WtaConv(**{"units": UNITS, "half_width": 2} | STEADY | options)


def test_gains_beyond_the_single_circuits_condition_are_allowed_in_windows() -> None:
    x = settled(WtaConv(UNITS, 3, **STEADY | {"circuit": WtaCircuit(0.5, 1.0, 1.0, 1.0)}), one_hot(9))
    assert x[9] == pytest.approx(1 / 7.5, rel=1e-4)


def test_the_strongest_drive_wins() -> None:
    drive = np.random.default_rng(0).uniform(0.1, 0.5, UNITS)
    drive[11] = 1.0
    x = settled(Wta(UNITS, tau_s=0.01, step_s=0.001, circuit=CIRCUIT), drive)
    assert x[11] == pytest.approx(CIRCUIT.winner(1.0), rel=1e-4)
    assert np.delete(x, 11).max() == 0


@given(alpha=st.floats(0.01, 3), beta1=st.floats(0.1, 4), beta2=st.floats(0.1, 2))
def test_only_contracting_circuits_are_accepted(alpha: float, beta1: float, beta2: float) -> None:
    contracts = 0.25 < beta1 * beta2 < 1 and alpha < 2 * sqrt(beta1 * beta2)
    circuit = WtaCircuit(alpha, beta1, beta2, 1.0)
    if contracts:
        assert circuit.winner(1.0) > 0
        circuit.check_contraction()
    else:
        with pytest.raises(ValueError, match=r"expected .*received"):
            Wta(UNITS, tau_s=0.01, step_s=0.001, circuit=circuit)


@pytest.mark.parametrize(
    ("gains", "received"),
    [
        ({"beta1": 1.0, "beta2": 0.25}, "received 0.25"),
        ({"beta1": 2.0, "beta2": 0.5}, "received 1"),
        ({"alpha": 0.0}, "received 0"),
        ({"alpha": 2.0}, "received 2"),
        ({"conductance": 0.0}, "received 0"),
    ],
)
def test_errors_name_what_was_received(gains: dict[str, float], received: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        replace(CIRCUIT, **gains).check_contraction()
    assert received in str(raised.value)


def test_a_window_over_all_units_is_the_plain_circuit() -> None:
    rng = np.random.default_rng(1)
    drive = rng.random((400, 1, UNITS)).astype(np.float32)
    threshold = 0.2 * rng.random(UNITS)
    plain = Wta(UNITS, tau_s=0.01, step_s=0.001, circuit=CIRCUIT, threshold=threshold, inhibition_threshold=0.05)
    for half_width in (UNITS - 1, 10 * UNITS):
        windows = WtaConv(
            UNITS, half_width, tau_s=0.01, step_s=0.001, circuit=CIRCUIT, threshold=threshold,
            inhibition_threshold=0.05, inhibits="centre",
        )  # fmt: skip
        np.testing.assert_allclose(windows.process(drive), plain.process(drive), rtol=0, atol=1e-5)
        plain.reset()


def test_distant_units_do_not_know_of_each_other() -> None:
    near, far = one_hot(3) + one_hot(4, 0.6), one_hot(18, 0.2) + one_hot(19, 0.5)
    parts = [settled(WtaConv(UNITS, 3, **STEADY), drive) for drive in (near, far, near + far)]
    np.testing.assert_allclose(parts[2], parts[0] + parts[1], rtol=0, atol=1e-6)
    assert parts[2][[3, 19]].min() > 0.05
    shared = settled(Wta(UNITS, tau_s=0.01, step_s=0.001, circuit=CIRCUIT), near + far)
    assert shared[19] == 0


def test_neighbors_compete_inside_their_window_only() -> None:
    for distance, survives in ((1, False), (3, False), (4, True)):
        x = settled(
            WtaConv(UNITS, 3, **STEADY | {"circuit": CIRCUIT}, inhibits="centre"),
            one_hot(8) + one_hot(8 + distance, 0.3),
        )
        assert (x[8 + distance] > 0.1) == survives


def test_windows_that_overlap_let_units_compete_over_twice_their_width() -> None:
    for distance, survives in ((1, False), (6, False), (7, True)):
        x = settled(WtaConv(UNITS, 3, **STEADY), one_hot(8) + one_hot(8 + distance, 0.1))
        assert (x[8 + distance] > 0) == survives


def test_the_same_at_two_hops() -> None:
    drive = np.linspace(0, 1, UNITS)
    for make in (
        lambda step_s: Wta(UNITS, tau_s=0.02, step_s=step_s, circuit=CIRCUIT),
        lambda step_s: WtaConv(UNITS, 1, tau_s=0.02, step_s=step_s, circuit=STEADY["circuit"]),
    ):
        slow, fast = settled(make(0.0004), drive, 50), settled(make(0.0001), drive, 200)
        np.testing.assert_allclose(slow, fast, rtol=0, atol=0.02 * fast.max())


def test_activity_ends_in_exact_zeros() -> None:
    layer = WtaConv(UNITS, 2, **STEADY)
    assert settled(layer, np.ones(UNITS), 200).any()
    assert not settled(layer, np.zeros(UNITS), 4000).any()
    assert not layer.state["x_n"].any()
