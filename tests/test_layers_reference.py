"""Kernels against loops: each frame from the layer's own state, so that single precision cannot drift apart."""

from functools import partial
from math import exp
from typing import Any

import naive
import numpy as np
import pytest
from presets import ADAM, RMS

from sharpear.dynamics import (
    BandedWeights,
    Divisive,
    Layer,
    Lca,
    LcAdam,
    LcAdamWta,
    LcaRms,
    Wta,
    WtaCircuit,
    WtaConv,
)
from sharpear.dynamics.solo import SoloCell

UNITS, STREAMS, FRAMES, ITERATIONS = 8, 2, 60, 3
TAU_S, STEP_S, FRAME_S, LEVEL_TAU_S, LEVEL_HALF_WIDTH = 0.01, 0.003, 0.009, 0.02, 2

VARIANTS = {
    "real, soft": (False, "soft", False),
    "real, hard": (False, "hard", False),
    "real, soft, per unit": (False, "soft", True),
    "complex, soft": (True, "soft", False),
    "complex, hard, per unit": (True, "hard", True),
}


def weights(complex_valued: bool, rng: np.random.Generator) -> np.ndarray:
    """Hermitian, zero on the diagonal, three neighbours wide."""
    G = rng.standard_normal((UNITS, UNITS)) + complex_valued * 1j * rng.standard_normal((UNITS, UNITS))
    G = 0.2 * (np.triu(np.tril(G, 3), 1))
    return (G + G.conj().T) if complex_valued else (G + G.T).real


def drives(complex_valued: bool, rng: np.random.Generator) -> np.ndarray:
    b = rng.standard_normal((FRAMES, STREAMS, UNITS)) * rng.random((FRAMES, 1, 1))
    if complex_valued:
        return (b * np.exp(2j * np.pi * rng.random(b.shape))).astype(np.complex64)
    return b.astype(np.float32)


def competitive(kind: type, variant: str, rng: np.random.Generator, **more: Any) -> tuple[Layer, naive.Rule]:
    """A layer of `kind` and the same constants for the loops."""
    complex_valued, threshold_rule, per_unit = VARIANTS[variant]
    G = weights(complex_valued, rng)
    threshold = 0.2 * rng.random(UNITS) if per_unit else 0.1
    retention = 0.9 * np.exp(1j * rng.random(UNITS)) if complex_valued else (0.9 * rng.random(UNITS) if per_unit else 1)
    lateral = BandedWeights.from_dense(G)
    layer = kind(
        lateral, threshold, rule=threshold_rule, retention=retention, iterations=ITERATIONS, streams=STREAMS, **more
    )
    rule = naive.Rule(
        G=lateral.dense().tolist(), threshold=layer.threshold.tolist(), hard=threshold_rule == "hard",
        retention=layer.retention.tolist(), iterations=ITERATIONS, rate=1 - exp(-STEP_S / TAU_S),
        level_decay=exp(-FRAME_S / LEVEL_TAU_S), level_half_width=LEVEL_HALF_WIDTH,
        beta1=ADAM["beta1"], beta2=ADAM["beta2"], eta=ADAM["eta"], epsilon=ADAM["epsilon"],
    )  # fmt: skip
    return layer, rule


LEVEL = {"frame_s": FRAME_S, "level_tau_s": LEVEL_TAU_S, "level_half_width": LEVEL_HALF_WIDTH}


def circuit(
    kind: type, rng: np.random.Generator, *size: Any, beta1: float = 2.5, **more: Any
) -> tuple[Any, naive.Rule]:
    gains = WtaCircuit(alpha=0.6, beta1=beta1, beta2=0.3, conductance=0.9)
    layer = kind(
        *(size or (UNITS,)), tau_s=TAU_S, step_s=STEP_S, circuit=gains, threshold=0.1 * rng.random(UNITS),
        inhibition_threshold=0.02, iterations=ITERATIONS, streams=STREAMS, **more,
    )  # fmt: skip
    shape, half_width = (size[0] if isinstance(size[0], tuple) else (size[0],), size[1]) if size else ((UNITS,), 0)
    rule = naive.Rule(
        threshold=layer.threshold.tolist(), iterations=ITERATIONS, rate=1 - exp(-STEP_S / TAU_S), alpha=0.6,
        beta1=beta1, beta2=0.3, conductance=0.9, inhibition_threshold=0.02, shape=shape,
        half_width=np.broadcast_to(half_width, UNITS if len(shape) == 1 else len(shape)).tolist(),
        whole_window=more.get("inhibits", "window") == "window",
    )  # fmt: skip
    return layer, rule


def of_stream(state: Any, stream: int) -> dict[str, Any]:
    """A stream's part of a structured state, as lists."""
    names = state.dtype.names
    return {n: of_stream(state[n], stream) if state[n].dtype.names else state[n][stream].tolist() for n in names}


def assert_state(actual: Any, expected: dict[str, Any], where: str) -> None:
    for name, value in actual.items():
        if isinstance(value, dict):
            assert_state(value, expected[name], f"{where}, {name}")
        else:
            scale = max(1.0, np.abs(value).max())
            np.testing.assert_allclose(value, expected[name], rtol=0, atol=3e-6 * scale, err_msg=f"{where}, {name}")


def compare(layer: Layer | SoloCell, reference: Any, drive: np.ndarray) -> None:
    """`reference` turns a stream's state and drive into the state after the frame."""
    largest = np.zeros(FRAMES)
    for f, frame in enumerate(drive):
        before = layer.state
        output = layer(frame)
        told = layer.activation if isinstance(layer, Layer) else layer.state["cell"][layer.output]
        np.testing.assert_array_equal(output, told)
        largest[f] = np.abs(output).max()
        for stream in range(STREAMS):
            expected = reference(of_stream(before, stream), frame[stream].tolist())
            assert_state(of_stream(layer.state, stream), expected, f"frame {f}, stream {stream}")
    assert (largest > 0.1).mean() > 0.5, "the drive hardly wakes the layer"


@pytest.mark.parametrize("variant", VARIANTS)
def test_lca(variant: str) -> None:
    rng = np.random.default_rng(3)
    layer, rule = competitive(Lca, variant, rng, tau_s=TAU_S, step_s=STEP_S)
    compare(layer, partial(naive.lca_frame, naive.lca_step, rule), drives(VARIANTS[variant][0], rng))


@pytest.mark.parametrize("variant", VARIANTS)
def test_lca_rms(variant: str) -> None:
    rng = np.random.default_rng(4)
    layer, rule = competitive(LcaRms, variant, rng, **RMS | LEVEL)
    compare(layer, partial(naive.lca_frame, naive.lca_rms_step, rule), drives(VARIANTS[variant][0], rng))


@pytest.mark.parametrize("variant", VARIANTS)
def test_lcadam(variant: str) -> None:
    rng = np.random.default_rng(5)
    layer, rule = competitive(LcAdam, variant, rng, **ADAM | LEVEL)
    compare(layer, partial(naive.lca_frame, naive.lcadam_step, rule), drives(VARIANTS[variant][0], rng))


def test_wta() -> None:
    rng = np.random.default_rng(6)
    layer, rule = circuit(Wta, rng)
    compare(layer, partial(naive.wta_frame, naive.wta_step, rule), drives(False, rng))


@pytest.mark.parametrize("inhibits", ["window", "centre"])
@pytest.mark.parametrize(
    ("units", "half_width"),
    [
        (UNITS, 0),
        (UNITS, 2),
        (UNITS, 20),
        (UNITS, [0, 1, 2, 3, 4, 5, 6, 7]),
        ((UNITS,), [1]),
        ((2, 4), 1),
        ((4, 2), (2, 0)),
        ((2, 2, 2), (1, 0, 1)),
    ],
    ids=str,
)
def test_wtaconv(units: Any, half_width: Any, inhibits: str) -> None:
    """Against the equation with both sums written out."""
    rng = np.random.default_rng(7)
    layer, rule = circuit(
        WtaConv, rng, units, half_width, beta1=0.1 if inhibits == "window" else 2.5, inhibits=inhibits
    )
    compare(layer, partial(naive.wta_frame, naive.wtaconv_step, rule), drives(False, rng))


@pytest.mark.parametrize(("feedback", "rate"), [(1.0, 1.0), (0.6, 0.8), (0.0, 1.0)])
def test_divisive(feedback: float, rate: float) -> None:
    rng = np.random.default_rng(9)
    W = rng.random((6, UNITS)) * (rng.random((6, UNITS)) > 0.3)
    gains = {"feedback": feedback, "epsilon": 0.01, "rate": rate, "rest": 1e-3}
    layer = Divisive(W, iterations=ITERATIONS, streams=STREAMS, **gains)
    constants = gains | {"W": W.tolist(), "total": W.sum(axis=0).tolist()}
    drive = np.abs(rng.standard_normal((FRAMES, STREAMS, 6))).astype(np.float32)
    compare(layer, partial(naive.divisive_frame, ITERATIONS, constants), drive)


@pytest.mark.parametrize("inhibits", ["window", "centre"])
@pytest.mark.parametrize("variant", ["real, soft", "complex, soft", "complex, hard, per unit"])
def test_pair(variant: str, inhibits: str) -> None:
    rng = np.random.default_rng(8)
    lcadam, lca_rule = competitive(LcAdam, variant, rng, **ADAM | LEVEL)
    wta, wta_rule = circuit(WtaConv, rng, UNITS, 2, beta1=1.0, inhibits=inhibits)
    flow = [[0.1, 0.2], [0.6, -0.1]]
    pair = LcAdamWta(lcadam, wta, flow, iterations=2)
    compare(pair, partial(naive.pair_frame, lca_rule, wta_rule, flow, 2), drives(VARIANTS[variant][0], rng))
    assert pair.state["wta"]["x"].any(), "the second layer never woke up"
