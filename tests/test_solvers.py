"""Networks that solve, share or remember, against exact solvers, direct solutions and closed forms."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.sparse import csr_array

from sharpear.dynamics import (
    Divisive,
    Flow,
    HarmonicDivisive,
    Network,
    ProjectionNetwork,
    WtaCircuit,
    ZeroingNetwork,
    persistent_maps,
)
from sharpear.dynamics.harmonic_fields import HarmonicFields
from sharpear.dynamics.network_tables import Room
from sharpear.dynamics.solvers_kernel import eliminate

SIZE, UNITS = 8, 5


def least_squares(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((SIZE, UNITS)), rng.standard_normal(SIZE)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_projection_onto_the_cone_is_nnls(seed: int) -> None:
    A, b = least_squares(seed)
    settled = ProjectionNetwork.over(A).settle(b @ A, 1e-8, 50_000)
    np.testing.assert_allclose(settled.activity[0], optimize.nnls(A, b)[0], rtol=0, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_projection_onto_a_box_is_lsq_linear(seed: int) -> None:
    A, b = least_squares(seed)
    bounds = (np.linspace(-0.3, 0.1, UNITS), np.full(UNITS, 0.25))
    network = ProjectionNetwork.over(A, lower=bounds[0], upper=bounds[1], tau_s=1.0, step_s=0.5)
    settled = network.settle(b @ A, 1e-8, 50_000)
    expected = optimize.lsq_linear(A, b, bounds, tol=1e-12).x
    np.testing.assert_allclose(settled.activity[0], expected, rtol=0, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_projection_onto_simplices_is_the_quadratic_program(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, c = rng.standard_normal((SIZE, 6)), rng.standard_normal(6)
    network = ProjectionNetwork(A.T @ A, simplex=3, total=2.0)
    x = network.settle(c, 1e-8, 50_000).activity[0].astype(float)
    sums = [{"type": "eq", "fun": lambda x, i=i: x[3 * i : 3 * i + 3].sum() - 2} for i in range(2)]
    energy = lambda x: 0.5 * x @ A.T @ A @ x - c @ x  # noqa: E731
    start = np.full(6, 2 / 3)
    options = {"ftol": 1e-12, "maxiter": 1000}
    expected = optimize.minimize(energy, start, bounds=[(0, None)] * 6, constraints=sums, options=options, tol=1e-12)
    np.testing.assert_allclose(x.reshape(2, 3).sum(axis=1), 2, atol=1e-5)
    assert x.min() >= 0
    assert energy(x) <= expected.fun + 1e-4 * abs(expected.fun) + 1e-5


def test_a_step_of_the_projection_network_is_its_equation() -> None:
    A, b = least_squares(3)
    network = ProjectionNetwork.over(A, alpha=0.07, tau_s=1.0, step_s=0.5, upper=0.4)
    x, rate = np.zeros(UNITS), 1 - np.exp(-0.5)
    for _ in range(10):
        x += rate * (np.clip(x - 0.07 * (A.T @ A @ x - A.T @ b), 0, 0.4) - x)
        np.testing.assert_allclose(network((b @ A)[None])[0], x, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"Q": np.ones((2, 3))}, "symmetric Q"),
        ({"Q": -np.eye(2)}, "without negative eigenvalues, received -1"),
        ({"lower": 1.0, "upper": 0.0}, "lower <= upper"),
        ({"simplex": 2}, "together are 3, received 2"),
        ({"alpha": -1.0}, "positive alpha, received -1"),
    ],
)
def test_impossible_projections_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ProjectionNetwork(**{"Q": np.eye(3)} | options)


def moving(frames: int, size: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Matrices and right sides that change smoothly, none singular."""
    t = 0.02 * np.arange(frames)[:, None, None]
    A = np.sin(t * np.arange(1, size * size + 1).reshape(size, size)) + 3 * np.eye(size)
    return A, np.cos(t * np.arange(1, 2 * size + 1).reshape(size, 2))


def stack(A: np.ndarray, B: np.ndarray) -> dict[str, np.ndarray]:
    return {"A": A.reshape(len(A), 1, -1).astype(np.float32), "B": B.reshape(len(B), 1, -1).astype(np.float32)}


def test_a_known_matrix_is_followed_as_the_direct_solution() -> None:
    A, B = moving(200)
    X = ZeroingNetwork(3, 2, gamma=20.0, step_s=0.02).process(stack(A, B))[:, 0].reshape(B.shape)
    np.testing.assert_allclose(X, np.linalg.solve(A, B), rtol=0, atol=2e-5)


def test_inverses_are_followed() -> None:
    A = moving(100)[0]
    X = ZeroingNetwork(3, 3, gamma=20.0, step_s=0.02).process(stack(A, np.tile(np.eye(3), (100, 1, 1))))[:, 0]
    np.testing.assert_allclose(X.reshape(A.shape), np.linalg.inv(A), rtol=0, atol=2e-5)


@pytest.mark.parametrize(("activation", "kappa"), [("linear", 0.0), ("sign-bi-power", 0.0), ("linear", 30.0)])
def test_errors_fall_as_the_equation_says(activation: Any, kappa: float) -> None:
    """A solution that is put far off comes back: E ← E − h(γΦ(E) + κ∫E), whatever A does meanwhile."""
    A, B = moving(60)
    h, gamma, r = 0.02, 10.0, 0.4
    network = ZeroingNetwork(3, 2, gamma=gamma, step_s=h, activation=activation, power=r, kappa=kappa)
    inputs = stack(A, B)
    network.process({name: part[:1] for name, part in inputs.items()})
    state = network.state
    state["cell"]["x"] += np.linspace(-1, 1, 6, dtype=np.float32)
    network.state = state
    X = network.process({name: part[1:] for name, part in inputs.items()})[:, 0].reshape(-1, 3, 2)
    E, integral = A[0] @ state["cell"]["x"].reshape(3, 2) - B[0], np.zeros((3, 2))
    for n, x in enumerate(X, 1):
        power = 0.5 * np.sign(E) * (np.abs(E) ** r + np.abs(E) ** (1 / r))
        E, integral = E - h * (gamma * (power if activation != "linear" else E) + kappa * integral), integral + h * E
        np.testing.assert_allclose(A[n] @ x - B[n], E, rtol=0, atol=2e-5)
    assert np.abs(E).max() < 0.1


def test_a_singular_matrix_leaves_the_solution_as_it_is() -> None:
    A, B = moving(20)
    A[10] = np.outer([1, 2, 3], [1, 1, 1])
    X = ZeroingNetwork(3, 2, gamma=50.0, step_s=0.02).process(stack(A, B))[:, 0]
    np.testing.assert_array_equal(X[10], X[9])
    np.testing.assert_allclose(X[12:].reshape(-1, 3, 2), np.linalg.solve(A[12:], B[12:]), rtol=0, atol=2e-5)


def test_elimination_takes_the_largest_pivot_whatever_its_sign() -> None:
    A, right = np.array([[1e-17, 1.0], [-1.0, 1.0]]), np.array([[1.0], [2.0]])
    expected = np.linalg.solve(A, right)
    assert eliminate(A, right)
    np.testing.assert_allclose(right, expected, rtol=1e-12)


def test_what_is_singular_but_for_rounding_is_not_solved() -> None:
    A = np.arange(1.0, 10.0).reshape(3, 3) / 10
    assert np.linalg.matrix_rank(A) == 2
    assert not eliminate(A, np.ones((3, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gamma": 0.0}, "positive gamma, received 0"),
        ({"gamma": 300.0}, r"gamma \* step_s below 2, .*received 3"),
        ({"power": 2.0}, "power from 0 to 1"),
        ({"activation": "cubic"}, "linear, sign-bi-power, received 'cubic'"),
    ],
)
def test_impossible_zeroing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ZeroingNetwork(2, **{"gamma": 10.0, "step_s": 0.01} | options)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_divisive_units_reach_the_least_divergence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W, truth = rng.random((SIZE, UNITS)), rng.random(UNITS)
    cell = Divisive(W, rest=1e-9, epsilon=1e-9)
    settled = cell.settle((W @ truth).astype(np.float32), 1e-7, 200_000)
    np.testing.assert_allclose(settled.activity[0] @ W.T, W @ truth, rtol=2e-3)
    np.testing.assert_allclose(cell.state["cell"]["expected"][0], settled.activity[0] @ W.T, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"fields": np.full((3, 2), np.inf)}, "finite weights"),
        ({"fields": np.full((3, 2), np.nan)}, "finite weights"),
        ({"fields": np.full((3, 2), 1 + 0j)}, "real weights, received complex"),
        ({"fields": csr_array(np.full((3, 2), 1 + 0j))}, "real weights, received complex"),
        ({"fields": np.ones((3, 2)), "total": [1j, 1.0]}, "real totals, received complex"),
        ({"fields": np.ones((3, 2)), "total": [np.inf, 1.0]}, "finite totals"),
        ({"fields": np.ones((3, 2)), "rest": 1e-16}, "rest from 1e-15 to inf, received 1e-16"),
        ({"fields": np.ones((3, 2)), "rate": 1.5}, "rate from .* to 1, received 1.5"),
    ],
)
def test_impossible_weights_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Divisive(**wrong)


COMBS = {
    "low": HarmonicFields.over(100.0, 300.0, per_octave=24, harmonics=4, rolloff=0.7, tolerance_cents=40.0),
    "high": HarmonicFields.over(200.0, 900.0, per_octave=12, harmonics=3, rolloff=1.0, tolerance_cents=70.0),
}


def wandering(frames: int = 12, partials: int = 6, streams: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Partials that stand elsewhere every frame, some of them, anywhere among the others, nowhere."""
    rng = np.random.default_rng(6)
    hz = 100 * 2 ** rng.uniform(0, 3.3, (frames, streams, partials)) * (rng.random((frames, streams, partials)) < 0.8)
    return rng.random(hz.shape).astype(np.float32), hz.astype(np.float32)


@pytest.mark.parametrize(("feedback", "rate"), [(1.0, 1.0), (0.4, 0.7)])
def test_harmonic_units_share_partials_wherever_they_stand(feedback: float, rate: float) -> None:
    """Two sorts of pitches in one network, each as its equation says with the weights of that frame."""
    y, hz = wandering()
    gains = {"feedback": feedback, "rate": rate, "epsilon": 0.05, "rest": 1e-3}
    cells = {name: HarmonicDivisive(fields, y.shape[2], streams=2, **gains) for name, fields in COMBS.items()}
    flows = [Flow(port, f"{name}{to}") for name in COMBS for port, to in (("partials", ""), ("hz", ".hz"))]
    network = Network(cells, flows, iterations=3)
    a = {name: np.zeros((2, fields.pitch_hz.size)) for name, fields in COMBS.items()}
    for frame in range(len(y)):
        network({"partials": y[frame], "hz": hz[frame]})
        for (name, fields), stream in itertools.product(COMBS.items(), range(2)):
            weight = np.array([[fields.weight(f, f0) if f else 0 for f0 in fields.pitch_hz] for f in hz[frame, stream]])
            for _ in range(3):
                own = weight * a[name][stream]
                told = own.sum(axis=1, keepdims=True)
                claims = weight * y[frame, stream][:, None] / (0.05 + feedback * told + (1 - feedback) * own)
                grown = a[name][stream] * (claims.sum(axis=0) / fields.tooth.sum() + 1e-4) ** rate
                a[name][stream] = np.maximum(grown, 1e-3)
            state = network.state[name]
            np.testing.assert_allclose(state["a"][stream], a[name][stream], rtol=2e-4)
            np.testing.assert_allclose(state["expected"][stream], told[:, 0], rtol=2e-4)
    assert max(part.max() for part in a.values()) > 0.01


def test_what_is_wrong_with_harmonic_units_is_told() -> None:
    fields = COMBS["low"]
    with pytest.raises(ValueError, match="at least 1, received partials=0"):
        HarmonicDivisive(fields, 0)
    with pytest.raises(ValueError, match=f"expected {fields.pitch_hz.size} totals, received \\(2,\\)"):
        HarmonicDivisive(fields, 3, total=[1.0, 2.0])
    cell = HarmonicDivisive(fields, 3)
    for name, value in (("sigma_octaves", 2.0), ("per_octave", 0.0), ("tooth", -cell.params["tooth"]), ("epsilon", 0)):
        with pytest.raises(ValueError, match="expected"):
            cell.replace({name: value})
    before = cell(dict.fromkeys(("drive", "hz"), np.full((1, 3), 200.0)))
    cell.replace({"sigma_octaves": 1.0})  # fields as wide as an octave reach nearly all pitches
    assert np.isfinite(cell(dict.fromkeys(("drive", "hz"), np.full((1, 3), 200.0)))).all()
    assert before.any()


def test_fields_that_reach_farther_have_room_for_their_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the very next step of a network that was made before."""
    cell = HarmonicDivisive(COMBS["low"], 3)
    network = Network({"pitches": cell}, [Flow("partials", "pitches"), Flow("hz", "pitches.hz")])
    narrow, given = cell.links[1], []
    monkeypatch.setattr(network, "_process", lambda *arguments: given.extend(arguments))
    cell.replace({"sigma_octaves": 1.0})
    network(dict.fromkeys(("partials", "hz"), np.full((1, 3), 200.0)))
    (room,) = (argument for argument in given if isinstance(argument, Room))
    assert narrow < cell.links[1] == room.links.unit.size == room.links.weight.size


def choosing(*evidence: tuple[int, list[float]], **options: Any) -> np.ndarray:
    rows = [np.tile(np.float32(values), (frames, 1, 1)) for frames, values in evidence]
    return persistent_maps(3, **options).process(np.concatenate(rows))[:, 0]


def test_a_choice_outlives_its_evidence_until_more_overturns_it() -> None:
    none = [0.0, 0.0, 0.0]
    held = (3 * 0.25 - 0.1) / (1 + 0.75 - 1.4)
    enough = 0.1 + 3 * (0.25 * held - 0.25)
    weak, strong = [0.95 * enough, 0.0, 0.0], [0.0, 0.0, 1.05 * enough]
    x = choosing((300, [0.2, 1.0, 0.3]), (700, none), (300, weak), (700, none), (800, strong), (800, none))
    for frame in (999, 1999):
        np.testing.assert_allclose(x[frame], [0, held, 0], rtol=1e-3)
    np.testing.assert_allclose(x[-1], [0, 0, held], rtol=1e-3)


def test_without_a_choice_nothing_is_remembered() -> None:
    assert not choosing((400, [0.05, 0.09, 0.0]), (2000, [0.0] * 3))[-1].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coupling": 1.0}, "where choices stay, received 2 and 2.1"),
        ({"circuit": WtaCircuit(0.5, 3.0, 0.25, 1.0), "coupling": 0.1}, "received 2 and 0.6"),
        ({"maps": 1}, "received 1"),
        ({"inhibition_threshold": 0.01}, "above threshold"),
    ],
)
def test_maps_that_remember_nothing_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        persistent_maps(3, **options)
