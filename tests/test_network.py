"""Networks: what each cell receives, against loops; nesting, inputs, and the compiled pair as one of them."""

from typing import Any

import naive
import numpy as np
import pytest
from network_parts import LAYERS, STREAMS, UNITS, drives, lca, lcadam, two_layers, wta_conv
from presets import CIRCUIT
from scipy import sparse

from sharpear.dynamics import BandedWeights, Cell, Flow, Layer, Lca, LcAdamWta, Network, Wta, WtaConv, convolution


@pytest.mark.parametrize("name", LAYERS)
def test_a_network_of_one_layer_is_the_layer(name: str) -> None:
    """In silence after it, too, until what is left of all of its state is too small to be kept."""
    layer = LAYERS[name]()
    network = Network({"layer": LAYERS[name]()}, [Flow("input", "layer")], iterations=layer.iterations)
    silence = np.zeros((3000, STREAMS, UNITS), np.float32)
    for heard in (drives(), *np.array_split(silence, 60)):
        expected = layer.process(heard)
        assert expected.any() or not heard.any()
        np.testing.assert_array_equal(network.process(heard), expected)
        for field in layer.state_fields:
            np.testing.assert_array_equal(network.state["layer"][field], layer.state[field])


def test_the_pair_is_a_network() -> None:
    """Where no potential is below zero: there the pair's flow has the potential's sign."""
    slow = {"eta": 0.05, "epsilon": 0.2, "level_tau_s": 1e9}
    pair = LcAdamWta(lcadam(**slow), wta_conv(), [[0.1, -0.2], [0.5, 0.1]], iterations=2)
    flows = [
        Flow("input", "lcadam"), Flow("lcadam", "lcadam", gain=0.1), Flow("wta", "lcadam", gain=-0.2),
        Flow("lcadam.u", "wta", gain=0.5), Flow("wta", "wta", gain=0.1),
    ]  # fmt: skip
    network = Network({"lcadam": lcadam(**slow), "wta": wta_conv()}, flows, iterations=2)
    positive = 0.5 + 0.3 * drives()
    expected = network.process(positive)
    np.testing.assert_allclose(pair.process(positive), expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(pair.state["wta"]["x"], network.state["wta"]["x"], rtol=0, atol=2e-6)
    assert network.state["wta"]["x"].any()
    assert network.loop_gain < 1 > pair.loop_gain


def rule_of(layer: Any) -> naive.Rule:
    """A layer's constants for the loops."""
    params = {name: value.tolist() for name, value in layer.params.items()}
    if isinstance(layer, WtaConv):
        gains = {name: params[name] for name in ("alpha", "beta1", "beta2", "conductance", "inhibition_threshold")}
        return naive.Rule(
            threshold=params["threshold"], rate=params["rate"], shape=layer.shape, whole_window=True,
            half_width=layer.half_width[0].tolist(), **gains,
        )  # fmt: skip
    constants = {name: params[name] for name in ("beta1", "beta2", "eta", "epsilon", "level_decay") if name in params}
    return naive.Rule(
        G=layer.lateral.dense().tolist(), threshold=params["threshold"], retention=params["retention"],
        rate=params.get("rate", 0.0), level_half_width=int(params.get("level_half_width", 0)), **constants,
    )  # fmt: skip


def test_what_each_cell_receives() -> None:
    """Matrices of all kinds, up, down and sideways, some late, against loops over one stream."""
    rng = np.random.default_rng(3)
    up, down = 0.4 * rng.random((4, 5)), sparse.random_array((5, 3), density=0.5, rng=rng, format="csr")
    around = convolution([0.2, 0.5, 0.1], (4,))
    cells = {"a": lca(5, streams=1), "b": wta_conv(4, streams=1), "c": lcadam(3, streams=1, level_half_width=1)}
    into_a, into_c = rng.random((5, 6)), 0.5 * rng.random((3, 4))
    flows = [
        Flow("input", "a", into_a), Flow("a.u", "b", up), Flow("b", "b", around, gain=0.2),
        Flow("b", "c", into_c, delay=1), Flow("c", "a", down, gain=-0.3, delay=3), Flow("c", "c", gain=0.1),
    ]  # fmt: skip
    network = Network(cells, flows, read="c.u", iterations=2)
    rules = {name: rule_of(cell) for name, cell in cells.items()}
    states = {name: {f: [0.0] * n for f, n in cell.state_fields.items()} for name, cell in cells.items()}
    late = {"b": [[0.0] * 4], "c": [[0.0] * 3] * 3}
    outputs = []

    def received(y: np.ndarray) -> dict[str, list[float]]:
        a, b, c = states["a"]["u"], states["b"]["x"], states["c"]["a"]
        to_a = into_a @ y - 0.3 * (down @ np.array(late["c"][0]))
        to_b = up @ a + 0.2 * (around @ np.array(b))
        to_c = into_c @ np.array(late["b"][0]) + 0.1 * np.array(c)
        return {"a": to_a.tolist(), "b": to_b.tolist(), "c": to_c.tolist()}

    for y in drives(40, 6, 1)[:, 0].astype(float):
        states["a"].pop("level", None)  # an Lca has none
        naive.begin_frame(rules["a"], states["a"], received(y)["a"])
        naive.begin_frame(rules["c"], states["c"], received(y)["c"])
        for _ in range(2):
            inputs = received(y)
            naive.lca_step(rules["a"], states["a"], inputs["a"])
            naive.wtaconv_step(rules["b"], states["b"], inputs["b"])
            naive.lcadam_step(rules["c"], states["c"], inputs["c"])
        outputs.append(list(states["c"]["u"]))
        late["b"], late["c"] = [list(states["b"]["x"])], [*late["c"][1:], list(states["c"]["a"])]
    scale = np.abs(outputs).max()
    assert scale > 0.1
    np.testing.assert_allclose(network.process(drives(40, 6, 1))[:, 0], outputs, rtol=0, atol=2e-5 * scale)
    np.testing.assert_allclose(network.state["b"]["x"][0], states["b"]["x"], rtol=0, atol=2e-5)


def test_a_delay_is_in_frames() -> None:
    prompt = Wta(1, tau_s=1e-9, step_s=1.0, circuit=CIRCUIT)
    impulse = np.zeros((9, 1, 1), np.float32)
    impulse[1] = 1
    for delay in (1, 4):
        network = Network(
            {"first": prompt, "second": prompt},
            [Flow("input", "first"), Flow("first", "second", delay=delay)],
            read="second",
        )
        assert np.flatnonzero(network.process(impulse)[:, 0, 0])[0] == 1 + delay


def test_a_network_within_a_network_is_its_cells() -> None:
    cells, flows = two_layers()
    into, back = np.random.default_rng(6).random((5, 3)), 0.1 * np.ones((2, 4))
    outer = Network(
        {"in": Network(*two_layers(), read="high"), "top": lca(2)},
        [Flow("input", "in.y", into, gain=0.5), Flow("in", "top", back), Flow("in/low.u", "top", np.ones((2, UNITS)))],
        read="top",
    )
    flat = Network(
        cells | {"top": lca(2)},
        [
            *flows[1:], Flow("input", "low", 0.5 * np.eye(UNITS, 5) @ into), Flow("high", "top", back),
            Flow("low.u", "top", np.ones((2, UNITS))),
        ],
        read="top",
    )  # fmt: skip
    expected = flat.process(drives(units=3))
    assert expected.any()
    np.testing.assert_allclose(outer.process(drives(units=3)), expected, rtol=0, atol=1e-6)
    assert list(outer.cells) == ["in/low", "in/high", "top"]
    assert outer.ports == {"input": 3}


def of(*flows: Flow, **options: Any) -> Network:
    return Network({"lca": lca(), "wta": wta_conv()}, flows, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network({}, []), r"as many streams, received \[\]"),
        (lambda: Network({"a": lca(), "b": lca(streams=1)}, []), r"as many streams, received \[2, 1\]"),
        (lambda: Network({"a.b": lca()}, []), "names without"),
        (lambda: Network({"a": LcAdamWta(lcadam(), wta_conv(), np.zeros((2, 2)))}, []), "received LcAdamWta 'a'"),
        (lambda: Network({"a": Lca(BandedWeights.from_dense(1j * np.eye(3)), 0.1, tau_s=1, step_s=1)}, []), "complex"),
        (lambda: of(iterations=0), "at least 1, received iterations=0"),
        (lambda: of(Flow("input", "lcadam")), "a flow to one of lca, wta, received 'lcadam'"),
        (lambda: of(Flow("input", "lca.prior")), "a port of 'lca': drive, received 'lca.prior'"),
        (lambda: of(Flow("lca.x", "wta")), "a field of 'lca': u, a, received 'lca.x'"),
        (lambda: of(Flow("input", "lca", np.ones((3, 4)))), r"of shape \(7, 4\), received \(3, 4\)"),
        (lambda: of(Flow("lca", "wta", np.ones(4))), "finite real matrix"),
        (lambda: of(Flow("lca", "wta", np.full((7, 7), np.inf))), "finite real matrix"),
        (lambda: of(Flow("y", "lca"), Flow("y", "wta", np.ones((7, 3)))), "7 values of input 'y', received 3"),
        (lambda: of(Flow("y", "lca", delay=1)), "input without delay"),
        (lambda: of(Flow("lca", "wta", delay=-1)), "whole frames, none negative, received -1"),
        (lambda: of(Flow("lca", "wta", delay=0.5)), "whole frames, none negative, received 0.5"),  # type: ignore[arg-type]
        (lambda: of(Flow("input", "lca")).process(drives(units=6)), r"\(frames, 2, 7\), received float32 \(60, 2, 6\)"),
        (lambda: of(Flow("x", "lca"), Flow("y", "wta"))(drives()[0]), "inputs by name: x, y"),
        (lambda: of(Flow("x", "lca"), Flow("y", "wta"))({"x": drives()[0]}), "inputs x, y, received x"),
        (lambda: of(Flow("y", "lca")).settle(np.ones((2, 6))), r"\(2, 7\), received float64 \(2, 6\)"),
        (lambda: of(Flow("y", "lca"))(1j * drives()[0]), "received complex64"),
        (
            lambda: of(Flow("lca", "wta", sparse.csr_array(1j * np.eye(UNITS)))),
            "finite real matrix, received complex128",
        ),
        (lambda: of(Flow("lca", "wta", gain=np.nan)), "finite real gain, received nan"),
        (lambda: of(read="both"), "to read one of lca, wta, received 'both'"),
        (lambda: Network({"delayed": lca()}, []), "none 'delayed'"),
        (lambda: of().init(3), "2 streams, for which the network is, received 3"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_inputs_come_by_name() -> None:
    flows = [Flow("x", "lca"), Flow("y", "wta", np.ones((UNITS, 3)))]
    by_name, joined = of(*flows, read="wta"), of(*flows, read="wta")
    x, y = drives(), drives(units=3)
    np.testing.assert_array_equal(by_name.process({"x": x, "y": y}), joined.process(np.concatenate([x, y], axis=2)))


def test_layers_are_cells() -> None:
    for make in LAYERS.values():
        layer: Layer = make()
        assert isinstance(layer, Cell)
        assert layer.output in layer.state_fields
