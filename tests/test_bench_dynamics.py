"""The dynamics benchmark against closed forms and its solvers against one another."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.dynamics import up_and_down
from benchmarks.dynamics.claims import over_draws
from benchmarks.dynamics.dca import PITCHES, SLOPES, patterns
from benchmarks.dynamics.measure import Trace, checkpoints, likeness, middle
from benchmarks.dynamics.problem import Frame, Problem, duality_gap, objective, support, support_distance
from benchmarks.dynamics.solvers import Fista, Setting, build, lars
from sharpear.dsp import GammatoneDesign


@pytest.fixture
def small() -> tuple[Problem, Frame]:
    rng = np.random.default_rng(5)
    W = np.abs(rng.standard_normal((20, 30)))
    W /= np.linalg.norm(W, axis=0)
    design = GammatoneDesign.from_scale(44100.0, low_hz=200, high_hz=800, channels=20)
    y = W[:, [3, 17]] @ [1.0, 0.6] + 0.01 * rng.standard_normal(20)
    drive = W.T @ y
    frame = Frame(y, drive, 0.003 * float(np.linalg.norm(drive)), np.array([3.0, 17.0]))
    return Problem("small", W, W.T @ W, np.eye(20), design), frame


def test_fista_agrees_with_lars_and_both_are_optimal(small: tuple[Problem, Frame]) -> None:
    problem, frame = small
    exact, _ = lars(problem, frame)
    solver = Fista(problem)
    solver.load(frame)
    a = solver.advance(3000)
    assert duality_gap(problem, frame, exact) < 1e-10
    assert duality_gap(problem, frame, a) < 1e-8
    np.testing.assert_allclose(a, exact, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [Setting("Lca", rate=0.02), Setting("LcaRms", eta=0.02, epsilon=1), Setting("LcAdam", eta=0.02, epsilon=1)],
)
def test_layers_reach_the_same_optimum(small: tuple[Problem, Frame], setting: Setting) -> None:
    problem, frame = small
    optimum = objective(problem, frame, lars(problem, frame)[0])
    solver = build(setting, problem)
    solver.load(frame)
    assert objective(problem, frame, solver.advance(4000)) == pytest.approx(optimum, rel=1e-3)


def test_the_duality_gap_bounds_what_is_missing(small: tuple[Problem, Frame]) -> None:
    problem, frame = small
    optimum = objective(problem, frame, lars(problem, frame)[0])
    for a in (np.zeros(30), np.eye(30)[3], np.full(30, 0.1)):
        value = objective(problem, frame, a)
        assert value * (1 - duality_gap(problem, frame, a)) <= optimum <= value


@pytest.mark.parametrize(
    ("active", "tones", "distance"),
    [
        ([5, 20], [5.0, 20.0], 0),
        ([5, 6, 20], [5.4, 20.0], 1),
        ([5], [5.0, 20.0], 15),
        ([5, 12, 20], [5.0, 20.0], 7),
        ([], [5.0], math.inf),
    ],
)
def test_support_distance(active: list[int], tones: list[float], distance: float) -> None:
    assert support_distance(np.array(active, np.intp), np.array(tones)) == distance


def test_support_leaves_out_what_is_small() -> None:
    assert support(np.array([0.0, 1.0, 0.019, 0.021])).tolist() == [1, 3]
    assert support(np.zeros(3)).size == 0


def test_reached_means_from_then_on() -> None:
    run = Trace([1, 2, 3, 4], [0.5, 0.005, 0.02, 0.001], [0.0, 2.0, 1.0, 0.0], np.zeros(1))
    assert run.close() == 4
    assert run.near() == 3
    assert Trace([1, 2], [0.5, 0.5], [2.0, 3.0], np.zeros(1)).close() is None


def test_likeness_is_blind_to_scale_and_says_it() -> None:
    best = np.array([3.0, 4.0, 0.0])
    assert likeness(best / 2, best) == pytest.approx((1, 2, 0), abs=1e-7)
    assert likeness(np.array([3.0, 0.0, 0.0]), best) == pytest.approx((0.6, 1, 0.8))


def test_draws_that_never_come_are_told() -> None:
    assert over_draws([3, 5, 4]) == "4 (3 to 5)"
    assert over_draws([3, None, None]) == "never (3 to never)"


def test_codes_are_as_far_from_partials_as_they_stand() -> None:
    """Half of the amplitude one grid step of 25 cents too high; and nothing off where the code is the partials."""
    a = np.zeros(up_and_down.ATOMS)
    a[[48, 97]] = 2.0, 2.0
    hz = up_and_down.grid_hz(np.array([48.0, 96.0]))
    assert up_and_down.distance_cents(a, hz, np.ones(2)) == pytest.approx(12.5)
    assert up_and_down.distance_cents(a, up_and_down.grid_hz(np.array([48.0, 97.0])), np.ones(2)) < 1e-6


def test_patterns_of_codes_are_the_same_at_every_pitch() -> None:
    rng = np.random.default_rng(0)
    codes = np.zeros((40, PITCHES, len(SLOPES)))
    codes[np.arange(40), rng.integers(10, 80, 40)] = [0.6, 0.8, 0.0]
    upper = patterns([codes.reshape(40, -1)])
    np.testing.assert_allclose(np.linalg.norm(upper, axis=0), 1)
    columns = upper.reshape(PITCHES, len(SLOPES), PITCHES, -1)
    np.testing.assert_allclose(columns[8:13, :, 10], columns[58:63, :, 60])
    assert pytest.approx(1, abs=1e-3) == columns[60, :, 60].T @ [0.6, 0.8, 0.0]


def test_checkpoints_and_medians() -> None:
    points = checkpoints(1000)
    assert points[0] == 1
    assert points[-1] == 1000
    assert middle([3, None, 5]) == 5
    assert middle([3, None, None]) is None
