"""Networks: what each cell receives, against loops; nesting, parameters, rest, and the compiled pair as one of them."""

from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from presets import ADAM, CIRCUIT, RMS
from scipy import sparse

from sharpear.dynamics import (
    BandedWeights,
    Cell,
    Divisive,
    Flow,
    Layer,
    Lca,
    LcAdam,
    LcAdamWta,
    LcaRms,
    Network,
    Wta,
    WtaCircuit,
    WtaConv,
    convolution,
)  # fmt: skip

UNITS, STREAMS = 7, 2
GENTLE = WtaCircuit(alpha=0.5, beta1=2.0, beta2=0.3, conductance=1.0)


def lateral(units: int = UNITS) -> BandedWeights:
    return BandedWeights.from_dense(0.3 * (np.eye(units, k=1) + np.eye(units, k=-1)))


def drives(frames: int = 60, units: int = UNITS, streams: int = STREAMS) -> np.ndarray:
    return np.random.default_rng(20).random((frames, streams, units)).astype(np.float32)


def lca(units: int = UNITS, **options: Any) -> Lca:
    return Lca(lateral(units), 0.1, tau_s=0.01, step_s=0.003, **{"streams": STREAMS} | options)


def lcadam(units: int = UNITS, **options: Any) -> LcAdam:
    return LcAdam(lateral(units), 0.05, frame_s=0.003, **{"streams": STREAMS} | ADAM | options)


def wta_conv(units: Any = UNITS, **options: Any) -> WtaConv:
    return WtaConv(units, 1, tau_s=0.01, step_s=0.002, **{"circuit": GENTLE, "streams": STREAMS} | options)


LAYERS = {
    "Lca": lambda: lca(iterations=3, retention=0.8),
    "Lca, hard": lambda: lca(rule="hard"),
    "LcaRms": lambda: LcaRms(lateral(), 0.05, frame_s=0.003, streams=STREAMS, level_half_width=2, **RMS),
    "LcAdam": lambda: lcadam(iterations=2, retention=np.linspace(0.5, 1, UNITS)),
    "Wta": lambda: Wta(UNITS, tau_s=0.01, step_s=0.003, circuit=CIRCUIT, streams=STREAMS, threshold=0.1),
    "WtaConv": wta_conv,
    "WtaConv, centres": lambda: wta_conv(inhibits="centre", circuit=CIRCUIT, inhibition_threshold=0.02),
    "WtaConv, a plane": lambda: WtaConv((1, UNITS), (0, 2), tau_s=0.01, step_s=0.001, circuit=GENTLE, streams=STREAMS),
}


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


def two_layers(streams: int = STREAMS) -> tuple[dict[str, Cell], list[Flow]]:
    down = 0.2 * np.random.default_rng(5).random((UNITS, 4))
    cells: dict[str, Cell] = {"low": lca(streams=streams), "high": wta_conv(4, streams=streams)}
    return cells, [Flow("y", "low", np.eye(UNITS, 5)), Flow("low", "high", down.T), Flow("high", "low", down, delay=2)]


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


def fields() -> np.ndarray:
    W = np.abs(np.random.default_rng(9).standard_normal((6, 4)))
    return np.asarray(W / np.linalg.norm(W, axis=0))


def test_a_layer_over_receptive_fields_makes_its_own_drive() -> None:
    W = fields()
    over = Lca.over(W, 0.1, tau_s=0.01, step_s=0.003, iterations=2000)
    y = W @ np.array([1.0, 0.0, 0.5, 0.0])
    a = over(y)
    np.testing.assert_allclose(a, naive.lasso(W.tolist(), y.tolist(), [0.1] * 4), rtol=0, atol=1e-4)
    over.reset()
    np.testing.assert_array_equal(over.process(y[None, None])[0, 0], a)
    over.replace({"receptive_fields": W[:, ::-1]})
    over.reset()
    np.testing.assert_allclose(over(y), a[::-1], rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match=r"norms from 2 to 2: divide by"):
        Lca.over(2 * W, 0.1, tau_s=0.01, step_s=0.003)
    with pytest.raises(ValueError, match=r"inputs of shape \(frames, 1, 6\), received \(1, 1, 4\)"):
        over(a)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_settled_network_is_at_the_exact_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W = fields()
    network = Network({"lca": Lca.over(W, 0.1, tau_s=0.01, step_s=0.003)}, [Flow("input", "lca", W.T)])
    y = W @ (rng.random(4) * (rng.random(4) < 0.5))
    settled = network.settle(y, 1e-7)
    assert settled.residual < 1e-7
    assert settled.iterations < 10_000
    expected = naive.lasso(W.tolist(), y.tolist(), [0.1] * 4)
    np.testing.assert_allclose(settled.activity[0], expected, rtol=0, atol=1e-4)
    assert network.settle(y, 1e-6).iterations == 1  # at 1e-7 the last bit of a state decides


def test_a_network_that_does_not_settle_says_so() -> None:
    network = Network({"lca": lca(streams=1)}, [Flow("input", "lca")])
    settled = network.settle(np.ones(UNITS), 1e-7, limit=3)
    assert settled.iterations.tolist() == [3]
    assert settled.residual[0] > 1e-3


@pytest.mark.parametrize("make", [lambda: Network(*two_layers()), lca, wta_conv, lambda: Divisive(fields(), streams=2)])
def test_steps_are_pure(make: Any) -> None:
    cell, whole = make(), make()
    width = next(iter(cell.ports.values()))
    before = cell.state
    state = first = cell.init()
    for frame in drives(units=width):
        kept = state.copy()
        state = cell.step(cell.params, state, frame)
        expected = whole(frame)
        name = {"Network": "low.a", "Lca": "a", "WtaConv": "x", "Divisive": "a"}[type(cell).__name__]
        np.testing.assert_allclose(cell.read(state)[name], expected, rtol=0, atol=1e-7)
    assert expected.any()
    assert state.tobytes() != kept.tobytes()
    assert first.tobytes() == cell.init().tobytes()
    assert before.tobytes() == cell.state.tobytes()
    drawn = cell.init(rng=np.random.default_rng(0))
    assert drawn.tobytes() != first.tobytes()


def test_the_loop_gain_is_told() -> None:
    cells = {"lca": lca(), "wta": wta_conv()}
    gain = 1 / (1 + 2 * 0.6 - 0.5)
    flows = [Flow("input", "lca"), Flow("lca.u", "wta", gain=0.5), Flow("wta", "lca", gain=0.4)]
    assert Network(cells, flows).loop_gain == pytest.approx((0.5 * 0.4 * gain) ** 0.5)
    with pytest.warns(UserWarning, match="loop gain below 1, .*received 1\\.53"):
        Network(cells, [*flows[:2], Flow("wta", "lca", gain=8.0)])
    with pytest.warns(UserWarning, match="loop gain below 1, .*received 3"):
        alone = Network({"lca": lca(streams=1)}, [Flow("input", "lca"), Flow("lca", "lca", gain=3.0)])
    assert alone.settle(np.ones(UNITS), limit=500).residual == np.inf
    with pytest.warns(UserWarning, match="loop gain below 1, .*received inf"):
        Network({"wta": wta_conv()}, [Flow("input", "wta"), Flow("wta", "wta", gain=2.0)])
    with pytest.warns(UserWarning, match="loop gain below 1, .*received"):
        LcAdamWta(lcadam(), wta_conv(), [[0.5, 4.0], [2.0, 0.0]])


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
