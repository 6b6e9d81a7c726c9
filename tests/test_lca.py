"""Locally competitive layers: what they settle on, how they scale, how they remember."""

from typing import Any

import naive
import numpy as np
import pytest
from presets import ADAM, RMS
from sklearn.linear_model import Lasso

from sharpear.dynamics import BandedWeights, Lca, LcAdam, LcaRms

STEP: dict[Any, dict[str, Any]] = {Lca: {}, LcaRms: RMS, LcAdam: ADAM}
INPUTS, UNITS = 10, 16


def dictionary(complex_valued: bool) -> np.ndarray:
    """(inputs, units), unit columns, more of them than inputs."""
    rng = np.random.default_rng(10)
    W = rng.standard_normal((INPUTS, UNITS)) + complex_valued * 1j * rng.standard_normal((INPUTS, UNITS))
    W = W if complex_valued else W.real
    return W / np.linalg.norm(W, axis=0)


def mixture(W: np.ndarray) -> np.ndarray:
    """A few atoms and some noise."""
    rng = np.random.default_rng(11)
    a = np.zeros(UNITS, W.dtype)
    a[[2, 7, 12]] = [1.0, 0.6, 0.8] * (np.exp(2j * np.pi * rng.random(3)) if np.iscomplexobj(W) else np.ones(3))
    return W @ a + 0.05 * rng.standard_normal(INPUTS)


def settled(layer: Any, drive: np.ndarray, frames: int = 1500) -> np.ndarray:
    return layer.process(np.broadcast_to(drive.astype(layer.dtype), (frames, 1, UNITS)))[-1, 0]


def problem(complex_valued: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, BandedWeights]:
    """W, y, b and G."""
    W = dictionary(complex_valued)
    y = mixture(W)
    return W, y, W.conj().T @ y, BandedWeights.from_receptive_fields(W)


def assert_optimal(W: np.ndarray, y: np.ndarray, a: np.ndarray, threshold: np.ndarray, tolerance: float) -> None:
    """Subgradient conditions of min ½‖y − Wa‖² + Σ λ_j |a_j|, over a ≥ 0 where W is real."""
    pull, active = W.conj().T @ (y - W @ a), a != 0
    assert 0 < active.sum() < UNITS
    np.testing.assert_allclose(pull[active], (threshold * a / np.abs(a + ~active))[active], rtol=0, atol=tolerance)
    held = np.abs(pull[~active]) if np.iscomplexobj(W) else pull[~active]
    assert (held <= threshold[~active] + tolerance).all()


@pytest.mark.parametrize("threshold", [0.02, 0.1, 0.3])
def test_lca_settles_on_the_nonnegative_lasso(threshold: float) -> None:
    W, y, b, G = problem(False)
    a = settled(Lca(G, threshold, tau_s=0.01, step_s=0.001), b)
    model = Lasso(alpha=threshold / INPUTS, positive=True, fit_intercept=False, tol=1e-12, max_iter=100000)
    exact = model.fit(W, y).coef_  # scikit-learn divides the squared error by the number of inputs
    assert 0 < np.count_nonzero(exact) < UNITS
    np.testing.assert_allclose(a, exact, rtol=0, atol=2e-5)
    assert (a[exact == 0] == 0).all()


@pytest.mark.parametrize("complex_valued", [False, True])
@pytest.mark.parametrize("per_unit", [False, True])
def test_lca_settles_on_the_lasso(complex_valued: bool, per_unit: bool) -> None:
    W, y, b, G = problem(complex_valued)
    threshold = np.linspace(0.05, 0.2, UNITS) if per_unit else np.full(UNITS, 0.1)
    exact = np.array(naive.lasso(W.tolist(), y.tolist(), threshold.tolist()))
    assert_optimal(W, y, exact, threshold, 1e-10)
    a = settled(Lca(G, threshold, tau_s=0.01, step_s=0.001), b)
    np.testing.assert_allclose(a, exact, rtol=0, atol=2e-5)
    assert_optimal(W, y, a, threshold, 1e-5)


@pytest.mark.parametrize("kind", [LcaRms, LcAdam])
@pytest.mark.parametrize("complex_valued", [False, True])
def test_adaptive_steps_settle_on_the_lasso_of_the_scaled_threshold(kind: Any, complex_valued: bool) -> None:
    W, y, b, G = problem(complex_valued)
    threshold = np.full(UNITS, 0.05 * np.linalg.norm(b))
    exact = np.array(naive.lasso(W.tolist(), y.tolist(), threshold.tolist()))
    assert_optimal(W, y, exact, threshold, 1e-10)
    a = settled(kind(G, 0.05, frame_s=0.003, **STEP[kind]), b, 4000)
    np.testing.assert_allclose(a, exact, rtol=0, atol=5e-5)


@pytest.mark.parametrize("kind", [Lca, LcaRms, LcAdam])
@pytest.mark.parametrize("rule", ["soft", "hard"])
@pytest.mark.parametrize("complex_valued", [False, True])
def test_silent_units_emit_exactly_zero(kind: Any, rule: str, complex_valued: bool) -> None:
    _, _, b, G = problem(complex_valued)
    options = {"tau_s": 0.01, "step_s": 0.001} if kind is Lca else {"frame_s": 0.003, **STEP[kind]}
    layer = kind(G, 0.1, rule=rule, **options)
    assert not settled(layer, np.zeros(UNITS)).any()
    a = settled(layer, b)
    level = 1.0 if kind is Lca else np.linalg.norm(b)
    u = np.abs(layer.potential[0]) if complex_valued else layer.potential[0]
    below = u <= 0.1 * level * (1 - 1e-6)
    assert 0 < below.sum() < UNITS
    assert (a[below] == 0).all()
    assert (a[u > 0.1 * level * (1 + 1e-6)] != 0).all()


@pytest.mark.parametrize("kind", [LcaRms, LcAdam])
@pytest.mark.parametrize("complex_valued", [False, True])
@pytest.mark.parametrize("half_width", [None, 2])
def test_output_scales_with_the_input_over_80_db(kind: Any, complex_valued: bool, half_width: int | None) -> None:
    """x ↦ cx gives a ↦ ca within 0.1 % of the largest output, while the drive keeps changing."""
    _, _, b, G = problem(complex_valued)
    rng = np.random.default_rng(12)
    drive = (b * rng.random((300, 1, 1)) + 0.05 * rng.standard_normal((300, 1, UNITS))).astype(G.band.dtype)
    layer = kind(G, 0.05, frame_s=0.003, **STEP[kind], level_half_width=half_width)
    full = layer.process(drive)
    assert 0 < np.count_nonzero(full) < full.size
    for c in (1e-1, 1e-2, 1e-3, 1e-4):
        layer.reset()
        scaled = layer.process(drive * np.float32(c)) / np.float32(c)
        assert np.abs(scaled - full).max() < 1e-3 * np.abs(full).max()


def test_lone_units_do_the_same_at_any_hop() -> None:
    """Without neighbours the step is exact: the time constant is one of physics, not of the frame rate."""
    G, b = BandedWeights.from_dense(np.zeros((UNITS, UNITS))), np.linspace(0, 1, UNITS)
    slow = settled(Lca(G, 0.1, tau_s=0.02, step_s=0.008), b, 3)
    fast = settled(Lca(G, 0.1, tau_s=0.02, step_s=0.001), b, 24)
    np.testing.assert_allclose(slow, fast, rtol=0, atol=1e-6)
    np.testing.assert_allclose(fast, np.maximum(b * (1 - np.exp(-24 / 20)) - 0.1, 0), rtol=0, atol=1e-6)


def test_competing_units_do_nearly_the_same_at_two_hops() -> None:
    _, _, b, G = problem(False)
    slow = settled(Lca(G, 0.1, tau_s=0.02, step_s=0.0004), b, 25)
    fast = settled(Lca(G, 0.1, tau_s=0.02, step_s=0.0001), b, 100)
    np.testing.assert_allclose(slow, fast, rtol=0, atol=0.02 * fast.max())


def test_the_level_falls_at_the_same_speed_at_any_hop() -> None:
    G = BandedWeights.from_dense(np.zeros((UNITS, UNITS)))
    levels = []
    for frame_s, frames in ((0.008, 10), (0.002, 40)):
        layer = LcAdam(G, 0.1, frame_s=frame_s, **ADAM | {"level_tau_s": 0.05})
        settled(layer, np.ones(UNITS), 1)
        settled(layer, np.zeros(UNITS), frames)
        levels.append(layer.state["level"])
    np.testing.assert_allclose(levels[0], levels[1], rtol=1e-5)
    np.testing.assert_allclose(levels[0], np.sqrt(UNITS) * np.exp(-0.08 / 0.05), rtol=1e-5)


@pytest.mark.parametrize("off_hz", [0.0, 5.0, 20.0, 60.0])
def test_a_turned_memory_stays_in_phase_with_its_tone_only(off_hz: float) -> None:
    """u[n] = (1−r) ρ e^{iω₀} u[n−1] + r e^{iωn}: a tone at the atom adds up coherently, one beside it does not."""
    hop_s, atom_hz, leak = 0.003, 440.0, 0.95
    retention = leak * np.exp(2j * np.pi * atom_hz * hop_s)
    layer = Lca(BandedWeights.from_dense(np.zeros((1, 1)) + 0j), 0.0, tau_s=0.05, step_s=hop_s, retention=retention)
    n = np.arange(600)
    drive = np.exp(2j * np.pi * (atom_hz + off_hz) * hop_s * n).astype(np.complex64)[:, None, None]
    a = layer.process(drive)[:, 0, 0]
    rate = 1 - np.exp(-hop_s / 0.05)
    memory = (1 - rate) * leak * np.exp(-2j * np.pi * off_hz * hop_s)
    np.testing.assert_allclose(a, rate * drive[:, 0, 0] * (1 - memory ** (n + 1)) / (1 - memory), rtol=0, atol=1e-4)
    if off_hz == 0:
        assert np.abs(a[-1]) > 0.5
    else:
        assert np.abs(a[-1]) < 0.9 * rate / (1 - np.abs(memory))


def test_an_adam_step_prefers_the_tone_of_its_memory() -> None:
    """The turn carries the momentum too: only the tone at the atom keeps its phase in it."""
    hop_s, atom_hz = 0.003, 440.0
    retention = np.exp(2j * np.pi * atom_hz * hop_s)
    size = []
    for off_hz in (0.0, 40.0, 120.0):
        alone = BandedWeights.from_dense(np.zeros((1, 1)) + 0j)
        layer = LcAdam(alone, 0.0, frame_s=hop_s, retention=retention, **ADAM)
        turn = np.exp(2j * np.pi * (atom_hz + off_hz) * hop_s * np.arange(400)).astype(np.complex64)
        size.append(np.abs(layer.process(turn[:, None, None])[-100:, 0, 0]).mean())
    assert size[0] == pytest.approx(1.0, abs=1e-3)
    assert size[0] > 1.5 * size[1] > 1.5 * size[2]


def test_memory_decays_after_the_tone() -> None:
    layer = LcAdam(BandedWeights.from_dense(np.zeros((1, 1)) + 0j), 0.05, frame_s=0.003, retention=0.9j, **ADAM)
    layer.process(np.exp(0.5j * np.pi * np.arange(100)).astype(np.complex64)[:, None, None])
    tail = np.abs(layer.process(np.zeros((200, 1, 1), np.complex64))[:, 0, 0])
    assert tail[0] > 0
    assert (np.diff(tail) <= 0).all()
    assert tail[-1] == 0


@pytest.mark.parametrize(
    ("kind", "options", "received"),
    [
        (Lca, {"tau_s": 0.0, "step_s": 0.001}, "tau_s=0"),
        (Lca, {"tau_s": 0.01, "step_s": -1.0}, "step_s=-1"),
        (Lca, {"tau_s": 0.01, "step_s": 0.001, "rule": "firm"}, "'firm'"),
        (Lca, {"tau_s": 0.01, "step_s": 0.001, "retention": 1.1}, "1.1"),
        (Lca, {"tau_s": 0.01, "step_s": 0.001, "retention": 1j}, "complex"),
        (Lca, {"tau_s": 0.01, "step_s": 0.001, "iterations": 0}, "iterations=0"),
        (LcaRms, {"frame_s": 0.003, "beta2": 1.0}, "received 1"),
        (LcAdam, {"frame_s": 0.003, "beta1": 0.0}, "received 0"),
        (LcAdam, {"frame_s": 0.003, "epsilon": 0.0}, "received 0"),
        (LcAdam, {"frame_s": 0.003, "level_half_width": -1}, "received -1"),
    ],
    ids=str,
)
def test_errors_name_what_was_received(kind: Any, options: dict[str, Any], received: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        kind(BandedWeights.from_dense(np.zeros((3, 3))), 0.1, **STEP[kind] | options)
    assert received in str(raised.value)


def test_a_layer_keeps_its_own_constants() -> None:
    threshold, retention = np.full(3, 0.1, np.float32), np.full(3, 0.5, np.float32)
    layer = Lca(BandedWeights.from_dense(np.zeros((3, 3))), threshold, tau_s=0.01, step_s=0.01, retention=retention)
    drive = np.ones((4, 1, 3), np.float32)
    expected = layer.process(drive)
    threshold[:], retention[:] = 9.0, 0.0
    layer.reset()
    np.testing.assert_array_equal(layer.process(drive), expected)


def test_thresholds_and_drives_must_fit() -> None:
    G = BandedWeights.from_dense(np.zeros((3, 3)))
    for threshold in (-0.1, [0.1, 0.2], float("nan")):
        with pytest.raises(ValueError, match="expected threshold to be one value or 3"):
            Lca(G, threshold, tau_s=0.01, step_s=0.001)
    layer = Lca(G, 0.1, tau_s=0.01, step_s=0.001)
    with pytest.raises(ValueError, match=r"received \(5, 1, 4\)"):
        layer.process(np.zeros((5, 1, 4), np.float32))
    with pytest.raises(ValueError, match="real drive for a real layer"):
        layer.process(np.zeros((5, 1, 3), np.complex64))
    with pytest.raises(ValueError, match="float64"):
        layer.process(np.zeros((5, 1, 3), np.float32), out=np.zeros((5, 1, 3)))
