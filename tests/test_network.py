"""Networks of layers: what each hears, and the compiled pair as one of them."""

from typing import Any

import numpy as np
import pytest
from presets import ADAM, CIRCUIT

from sharpear.dynamics import BandedWeights, Lca, LcAdam, LcAdamWta, Network, Wta, WtaConv

UNITS, STREAMS = 7, 2


def lateral(complex_valued: bool = False) -> BandedWeights:
    G = 0.4 * (np.eye(UNITS, k=1) + np.eye(UNITS, k=-1))
    return BandedWeights.from_dense(G + 0j if complex_valued else G)


def drives(complex_valued: bool = False, frames: int = 80) -> np.ndarray:
    rng = np.random.default_rng(20)
    b = rng.random((frames, STREAMS, UNITS))
    if complex_valued:
        return (b * np.exp(2j * np.pi * rng.random(b.shape))).astype(np.complex64)
    return b.astype(np.float32)


def lca(complex_valued: bool = False, **options: Any) -> Lca:
    return Lca(lateral(complex_valued), 0.1, tau_s=0.01, step_s=0.003, streams=STREAMS, **options)


def lcadam(complex_valued: bool = False, **options: Any) -> LcAdam:
    return LcAdam(lateral(complex_valued), 0.05, frame_s=0.003, streams=STREAMS, **ADAM | options)


def wta_conv() -> WtaConv:
    return WtaConv(UNITS, 1, tau_s=0.01, step_s=0.003, circuit=CIRCUIT, inhibits="centre", streams=STREAMS)


@pytest.mark.parametrize(
    ("make", "drive"),
    [
        (lca, drives()),
        (lambda: lca(True), drives(True)),
        (lambda: lca(True), drives()),
        (lambda: lcadam(True, retention=0.9j), drives(True)),
        (wta_conv, drives()),
        (lambda: Wta(UNITS, tau_s=0.01, step_s=0.003, circuit=CIRCUIT, streams=STREAMS), drives()),
    ],
    ids=["Lca", "Lca, complex", "Lca, complex, real drive", "LcAdam, complex", "WtaConv", "Wta"],
)
def test_a_network_of_one_layer_is_the_layer(make: Any, drive: np.ndarray) -> None:
    network, layer = Network([make()], [[0.0]]), make()
    expected = layer.process(drive)
    assert expected.any()
    np.testing.assert_array_equal(network.process(drive), expected)


@pytest.mark.parametrize("complex_valued", [False, True])
def test_the_pair_is_a_network(complex_valued: bool) -> None:
    """Where no memory turns and the level is the same: a first loud frame that hardly fades sets it for both."""
    flow = [[0.1, -0.2], [0.5, 0.1]]
    drive = drives(complex_valued)
    drive[0] *= 3

    def slow_level() -> LcAdam:
        # Small steps, after which no potential is below zero: there the pair's flow has the potential's sign.
        return lcadam(complex_valued, level_tau_s=1e9, eta=0.05, epsilon=0.2)

    pair, network = LcAdamWta(slow_level(), wta_conv(), flow), Network([slow_level(), wta_conv()], flow)
    expected = network.process(drive)
    np.testing.assert_allclose(pair.process(drive), expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    np.testing.assert_allclose(pair.state["wta"]["x"], network.layers[1].activation, rtol=0, atol=2e-5)
    assert network.layers[1].activation.any()


def test_the_pair_without_flows_is_its_first_layer() -> None:
    pair = LcAdamWta(lcadam(True, retention=0.9j), wta_conv(), np.zeros((2, 2)), iterations=3)
    layer = lcadam(True, retention=0.9j, iterations=3)
    drive = drives(True)
    np.testing.assert_allclose(pair.process(drive), layer.process(drive), rtol=0, atol=1e-6)


def test_a_real_layer_hears_the_modulus_of_a_complex_one() -> None:
    gain = 0.7
    network = Network([lca(True), wta_conv()], [[0.0, 0.0], [gain, 0.0]])
    complex_layer, real_layer = lca(True), wta_conv()
    for frame in drives(True):
        network(frame)
        expected = real_layer(gain * np.abs(complex_layer.potential))
        complex_layer(frame)
        np.testing.assert_allclose(network.layers[1].activation, expected, rtol=0, atol=1e-6)
    assert expected.any()


def test_a_complex_layer_hears_a_real_one_in_its_own_phase() -> None:
    gain = 0.7
    network = Network([lca(True), wta_conv()], [[0.0, gain], [0.5, 0.0]])
    complex_layer = lca(True)
    for frame in drives(True):
        complex_layer.state = network.layers[0].state
        u, x = complex_layer.potential, network.layers[1].activation
        phase = np.divide(u, np.abs(u), out=np.zeros_like(u), where=u != 0)
        expected = complex_layer(frame + gain * x * phase)
        np.testing.assert_allclose(network(frame), expected, rtol=0, atol=1e-6)
    assert x.any()


def test_a_layer_hears_its_own_activation_and_the_others_potential() -> None:
    flow = np.array([[0.2, -0.1], [0.3, 0.4]])
    network = Network([lca(), lca()], flow, drive_gain=[1.0, 0.5])
    first, second = lca(), lca()
    for frame in drives():
        inputs = (
            frame + 0.2 * first.activation - 0.1 * second.potential,
            0.5 * frame + 0.3 * first.potential + 0.4 * second.activation,
        )
        first(inputs[0])
        second(inputs[1])
        np.testing.assert_allclose(network(frame), first.activation, rtol=0, atol=1e-5)
        np.testing.assert_allclose(network.layers[1].activation, second.activation, rtol=0, atol=1e-5)


def test_iterations_are_steps_with_the_same_drive() -> None:
    flow = [[0.1, 0.1], [0.2, 0.0]]
    thrice, once = Network([lca(), wta_conv()], flow, iterations=3), Network([lca(), wta_conv()], flow)
    drive = drives()
    np.testing.assert_array_equal(thrice.process(drive), once.process(drive.repeat(3, axis=0))[2::3])


def test_sizes_must_agree() -> None:
    other = Wta(UNITS + 1, tau_s=0.01, step_s=0.003, circuit=CIRCUIT, streams=STREAMS)
    with pytest.raises(ValueError, match=r"received \[\(7, 2\), \(8, 2\)\]"):
        Network([lca(), other], np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"received \[\(7, 2\), \(8, 2\)\]"):
        LcAdamWta(lcadam(), other, np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"flow of shape \(2, 2\), received \(2,\)"):
        LcAdamWta(lcadam(), wta_conv(), [0.1, 0.1])
    with pytest.raises(ValueError, match=r"flow of shape \(1, 1\), received \(2, 2\)"):
        Network([lca()], np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"1 drive gains, received shape \(3,\)"):
        Network([lca()], [[0.0]], drive_gain=[1, 2, 3])
    with pytest.raises(ValueError, match="iteration, received 0"):
        Network([lca()], [[0.0]], iterations=0)
    with pytest.raises(ValueError, match="received \\[\\]"):
        Network([], [])
    with pytest.raises(ValueError, match="2 layers, received 1"):
        Network([lca(), lca()], np.zeros((2, 2))).state = [lca().state]
