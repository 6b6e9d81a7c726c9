"""Networks at rest and step by step: the exact optimum, what does not settle, pure steps, the loop gain."""

from typing import Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_parts import UNITS, drives, fields, lca, lcadam, two_layers, wta_conv

from sharpear.dynamics import Divisive, Flow, Lca, LcAdamWta, Network


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
