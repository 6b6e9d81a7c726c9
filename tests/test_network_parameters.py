"""Parameters of cells and networks: replaced, set, saved, and refused where they are impossible."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from network_parts import LAYERS, UNITS, drives, fields, lateral, lca, two_layers, wta_conv
from presets import CIRCUIT

from sharpear.dynamics import BandedWeights, Flow, Lca, Network


def test_parameters_are_replaced_saved_and_loaded(tmp_path: Path) -> None:
    network, other = Network(*two_layers()), Network(*two_layers())
    assert {"low.threshold", "high.alpha", "low->high", "high->low.gain"} <= set(network.params)
    changes = {
        "low.threshold": np.full(UNITS, 0.3),
        "high.alpha": 0.2,
        "low->high": np.ones((4, UNITS)),
        "y->low.gain": 2,
    }
    before = other.process(drives(units=5))
    network.replace(changes)
    expected = network.process(drives(units=5))
    assert not np.allclose(expected, before)
    network.save(tmp_path / "network.npz")
    other.load(tmp_path / "network.npz")
    other.reset()
    np.testing.assert_array_equal(other.process(drives(units=5)), expected)
    for name, value in network.params.items():
        np.testing.assert_array_equal(other.params[name], value)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_parameters_take_effect(name: str, tmp_path: Path) -> None:
    layer, other = LAYERS[name](), LAYERS[name]()
    layer.replace({"threshold": np.linspace(0, 0.3, UNITS)})
    expected = layer.process(drives())
    assert not np.array_equal(other.process(drives()), expected)
    layer.save(tmp_path / "layer.npz")
    other.load(tmp_path / "layer.npz")
    other.reset()
    np.testing.assert_array_equal(other.process(drives()), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low.nothing": 1.0}, "received 'low.nothing'"),
        ({"low.threshold": np.zeros(3)}, r"float32 \(7,\), received float64 \(3,\)"),
        ({"low.threshold": np.full(UNITS, np.nan)}, "NaN"),
        ({"low.threshold": np.full(UNITS, -1.0)}, "none negative"),
        ({"low.rate": 2.0}, "between 0 and 1, received 2"),
        ({"high.alpha": 5.0}, "alpha below"),
        ({"high.half_width": [[2, 2, 2, 2]]}, "half_width that the layer was made with"),
        ({"low->high": np.zeros((2, 2))}, r"\(4, 7\), received float64 \(2, 2\)"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, Any], message: str) -> None:
    network, before = Network(*two_layers()), Network(*two_layers()).params
    with pytest.raises(ValueError, match=message):
        network.replace(change)
    for name, value in network.params.items():
        np.testing.assert_array_equal(before[name], value)


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lca, "threshold", 0.4),
        (lca, "retention", 0.5),
        (lca, "lateral", BandedWeights.from_dense(np.eye(UNITS, k=2) * 0.5)),
        (wta_conv, "threshold", np.full(UNITS, 0.2)),
    ],
)
def test_what_is_set_on_a_cell_takes_effect(make: Any, name: str, value: Any) -> None:
    """By itself and in a network that was made before, as in one that is made then."""
    layer, network = make(iterations=1), Network({"cell": make()}, [Flow("input", "cell")])
    before = layer.process(drives())
    for cell in (layer, network.cells["cell"]):
        setattr(cell, name, value)
    layer.reset()
    expected = layer.process(drives())
    assert not np.allclose(expected, before)
    np.testing.assert_array_equal(network.process(drives()), expected)
    changed = Network({"cell": network.cells["cell"]}, [Flow("input", "cell")])
    np.testing.assert_array_equal(changed.process(drives()), expected)


def test_what_cannot_be_set_is_refused() -> None:
    layer = lca()
    with pytest.raises(ValueError, match="lateral weights of 7 units, received float32 of 6"):
        layer.lateral = lateral(6)
    with pytest.raises(ValueError, match="expected BandedWeights"):
        layer.lateral = np.eye(UNITS)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="read-only"):
        layer.threshold[:] = 1
    with pytest.raises(ValueError, match="made by `over`"):
        layer.receptive_fields = np.eye(UNITS)
    for name, value in (("half_width", 2), ("inhibits", "centre"), ("circuit", CIRCUIT)):
        with pytest.raises(AttributeError, match="no setter"):
            setattr(wta_conv(), name, value)


def test_a_refused_replacement_changes_nothing() -> None:
    cells, flows = two_layers()
    network = Network(cells, flows)
    before = network.params
    with pytest.raises(ValueError, match="between 0 and 1"):
        network.replace({"high.alpha": 0.2, "low->high.gain": 0.5, "low.threshold": np.ones(UNITS), "low.rate": 2.0})
    for name, value in network.params.items():
        np.testing.assert_array_equal(before[name], value)


def test_receptive_fields_are_saved_with_the_layer(tmp_path: Path) -> None:
    options: dict[str, Any] = {"tau_s": 0.01, "step_s": 0.003, "iterations": 5}
    layer, other = Lca.over(fields(), 0.1, **options), Lca.over(np.eye(6, 4), 0.1, **options)
    layer.save(tmp_path / "layer")
    other.load(tmp_path / "layer")
    assert [path.name for path in tmp_path.iterdir()] == ["layer"]
    y = np.linspace(0, 1, 6)
    np.testing.assert_array_equal(other(y), layer(y))
