"""A fit of voices against plain linear algebra, with all products of partials, and finite differences."""

import numpy as np
import pytest

from sharpear.compiler.elementary import turned
from sharpear.dsp.cues import BANDS_PER_OCTAVE, LOWEST_BAND_HZ
from sharpear.voices.voice_algebra_kernel import Matrix, factor, invert, solve_lower, solve_real, solve_upper
from sharpear.voices.voice_atoms_kernel import lay_atoms
from sharpear.voices.voice_evidence_kernel import RowRoom
from sharpear.voices.voice_fit import APART, RIDGE, VoiceFit, VoiceTables
from sharpear.voices.voice_fit_kernel import (
    copy_outcome,
    find_gain,
    find_variances,
    fit_fewer,
    fit_voices,
    solve_amplitudes,
    step_on,
)
from sharpear.voices.voice_step_kernel import step
from sharpear.voices.voice_tracker import CARRIER_HOPS, VoiceTracker, tracker_tables

RATE, HOP = 44100, 128
HOP_S = HOP / RATE
BAND_HZ = LOWEST_BAND_HZ * 2 ** (np.arange(33) / BANDS_PER_OCTAVE)
TABLES = tracker_tables(RATE, HOP, BAND_HZ)
VOICES = ((196.0, 0.8, -6.0, 3.0, 0.0), (294.5, -1.5, 20.0, -8.0, 2e-4))
"""f0, slope, curvature, growth, stiffness."""


def room() -> RowRoom:
    return VoiceTracker(RATE, HOP, BAND_HZ).room()


def atoms(voices, partials: int, tables: VoiceTables = TABLES.whole) -> np.ndarray:
    """(samples, voices x partials) of the model, from its equation."""
    u = tables.time_s.astype(np.float64)
    columns = []
    for f, s, c, g, B in voices:
        for h in range(1, partials + 1):
            turns = h * f * (u + s * u**2 / 2 + c * u**3 / 6) + h * f * (np.sqrt(1 + B * h * h) - 1) * u
            columns.append(np.exp(2j * np.pi * (turns - CARRIER_HOPS / HOP_S * u) + g * u) * tables.window)
    return np.array(columns).T


def placed(fit: VoiceFit, voices, partials: int) -> None:
    fit.voices.number[0] = len(voices)
    fit.voices.used[:] = False
    fit.voices.stiff[:] = False
    for v, shared in enumerate(voices):
        fit.voices.shared[v] = shared
        fit.voices.used[v, :partials] = True
        fit.voices.stiff[v] = shared[4] > 0


def heard(seed: int = 0) -> np.ndarray:
    """Two voices with partials of their own, and noise."""
    rng = np.random.default_rng(seed)
    amplitude = rng.standard_normal(16) + 1j * rng.standard_normal(16)
    noise = rng.standard_normal(TABLES.whole.window.size) + 1j * rng.standard_normal(TABLES.whole.window.size)
    return atoms(VOICES, 8) @ amplitude + 0.05 * noise * TABLES.whole.window


def fitted(signal: np.ndarray, voices, steps: int = 0) -> RowRoom:
    found = room()
    found.real[:], found.imag[:] = signal.real, signal.imag
    placed(found.fit, voices, 8)
    solved(found, TABLES.whole)
    if steps:
        fit_voices(found.real, found.imag, steps, found.fit, TABLES.whole)
    return found


def solved(found: RowRoom, tables: VoiceTables) -> None:
    """Amplitudes, ready for a step."""
    lay_atoms(found.fit, tables)
    solve_amplitudes(found.real, found.imag, True, found.fit, tables)


def least_squares(signal: np.ndarray, A: np.ndarray) -> np.ndarray:
    ridge = RIDGE * TABLES.whole.window_power * np.eye(A.shape[1])
    return np.linalg.solve(A.conj().T @ A + ridge, A.conj().T @ signal)


def test_amplitudes_are_the_least_squares_of_the_equation():
    signal, A = heard(), atoms(VOICES, 8)
    fit = fitted(signal, VOICES).fit
    expected = least_squares(signal, A)
    received = fit.real[:16] + 1j * fit.imag[:16]
    assert abs(received - expected).max() < 5 * APART * abs(expected).max()
    left = signal - A @ received
    assert abs(fit.rest_real + 1j * fit.rest_imag - left).max() < 1e-4 * abs(signal).max()
    assert fit.energy[0] == pytest.approx(np.square(abs(signal - A @ expected)).sum(), rel=5e-3)


def test_a_fit_that_was_put_aside_is_taken_back_to_the_last_bit():
    found = fitted(heard(), VOICES, 2)
    fit, aside = found.fit, found.other
    kept = fitted(heard(), [list(shared) for shared in fit.voices.shared[:2]]).fit
    copy_outcome(fit, aside)
    placed(fit, VOICES[:1], 5)
    fit_voices(found.real, found.imag, 1, fit, TABLES.whole)
    copy_outcome(aside, fit)
    count = kept.partials[0]
    assert fit.partials[0] == count == 16
    assert fit.energy[0] == kept.energy[0]
    for name in ("partial_voice", "partial_number", "real", "imag"):
        np.testing.assert_array_equal(getattr(fit, name)[:count], getattr(kept, name)[:count])
    for name in ("rest_real", "rest_imag"):
        np.testing.assert_array_equal(getattr(fit, name), getattr(kept, name))
    for name in ("number", "shared", "used"):
        np.testing.assert_array_equal(getattr(fit.voices, name)[:2], getattr(kept.voices, name)[:2])


@pytest.mark.parametrize("goes", ["partials", "a voice"])
def test_what_is_left_out_leaves_what_a_fit_without_it_would(goes):
    """And a step from there is the same, too."""
    found, others = fitted(heard(), VOICES), fitted(heard(), VOICES)
    for fit in (found.fit, others.fit):
        if goes == "partials":
            fit.voices.used[0, 2:5] = fit.voices.used[1, 7] = False
        else:
            fit.voices.used[0] = False
    shift = 0 if goes == "partials" else 1
    kept = [(v - shift, h) for v, h in named(found.fit) if found.fit.voices.used[v, h - 1]]
    fit_fewer(found.real, found.imag, found.fit, TABLES.whole)
    assert named(found.fit) == kept
    if goes == "a voice":
        placed(others.fit, VOICES[1:], 8)
    solved(others, TABLES.whole)
    for _ in range(2):
        count = found.fit.partials[0]
        assert found.fit.real[:count] == pytest.approx(others.fit.real[:count], abs=2e-3)
        assert found.fit.imag[:count] == pytest.approx(others.fit.imag[:count], abs=2e-3)
        assert found.fit.energy[0] == pytest.approx(others.fit.energy[0], rel=1e-3)
        for each in (found, others):
            step_on(each.real, each.imag, False, each.fit, TABLES.whole)


def named(fit: VoiceFit) -> list[tuple[int, int]]:
    """Voice and number of each partial."""
    count = int(fit.partials[0])
    return list(zip(fit.partial_voice[:count].tolist(), fit.partial_number[:count].tolist(), strict=True))


def test_a_voice_gains_what_is_lost_without_it():
    signal, A = heard(), atoms(VOICES, 8)
    fit = fitted(signal, VOICES).fit
    find_variances(fit)
    for v in range(2):
        find_gain(v, fit, TABLES.whole)
    G = np.linalg.inv(A.conj().T @ A + RIDGE * TABLES.whole.window_power * np.eye(16))
    assert fit.variance[:16] == pytest.approx(np.diag(G).real, rel=1e-3)

    def explained(columns: np.ndarray) -> float:
        b = columns.conj().T @ signal
        return float((b.conj() @ least_squares(signal, columns)).real)

    for v, others in enumerate((A[:, 8:], A[:, :8])):
        assert fit.gain[v] == pytest.approx(explained(A) - explained(others), rel=2e-3)


def test_a_step_leads_where_the_slope_of_what_is_left_does():
    """Against central differences of the least squares' remainder, of every shared number."""
    signal = heard(1)
    start = [list(shared) for shared in VOICES]
    start[0][0] *= 1.001
    start[1][1] += 0.5

    def left(voices) -> float:
        A = atoms(voices, 8)
        r = signal - A @ least_squares(signal, A)
        return float((r.conj() @ r).real)

    sizes, slope = (0.02, 0.05, 5.0, 0.5), []
    for v in range(2):
        for m, size in enumerate(sizes):
            up, down = ([list(shared) for shared in start] for _ in range(2))
            up[v][m] += size
            down[v][m] -= size
            slope.append((left(up) - left(down)) / (2 * size))
    found = fitted(signal, start)
    before = found.fit.voices.shared[:2].copy()
    step(found.fit, TABLES.whole)
    moved = found.fit.voices.shared[:2] - before
    assert (moved[:, :4].ravel() @ np.array(slope)) < 0  # downhill
    assert left(found.fit.voices.shared[:2].tolist()) < 0.2 * left(start) + 0.8 * left(VOICES)


def test_steps_find_what_partials_share():
    signal = atoms(VOICES, 8) @ np.exp(1j * np.arange(16))
    start = [(f * 1.003, 0.0, 0.0, 0.0, B) for f, _, _, _, B in VOICES]
    shared = fitted(signal, start, 8).fit.voices.shared[:2]
    for v, (f, s, c, g, _) in enumerate(VOICES):
        assert 1200 * abs(np.log2(shared[v, 0] / f)) < 0.5
        assert abs(shared[v, 1] - s) < 0.1
        assert abs(shared[v, 2] - c) < 20
        assert abs(shared[v, 3] - g) < 1


def drawn(seed: int, tables: VoiceTables) -> tuple[VoiceFit, np.ndarray, np.ndarray]:
    """One to five voices that sweep and swell, fitted to near where they are; their partials, and the signal."""
    rng = np.random.default_rng(seed)
    voices = [
        (65 * 2 ** rng.uniform(0, 3), *(rng.normal(0, size) for size in (1.5, 30, 12)), 2e-4 * rng.integers(0, 2))
        for _ in range(rng.integers(1, 6))
    ]
    A = atoms(voices, 8, tables)
    amplitude = 10 ** rng.uniform(-1.5, 0, A.shape[1]) * np.exp(2j * np.pi * rng.random(A.shape[1]))
    noise = rng.standard_normal(len(A)) + 1j * rng.standard_normal(len(A))
    signal = A @ amplitude + 0.02 * noise * tables.window
    near = [(f * (1 + 8e-4 * rng.standard_normal()), *rest) for f, *rest in voices]
    found = room()
    found.real[: len(A)], found.imag[: len(A)] = signal.real, signal.imag
    placed(found.fit, near, 8)
    solved(found, tables)
    return found.fit, atoms(near, 8, tables), signal


@pytest.mark.parametrize("window", ["whole", "right", "left"])
@pytest.mark.parametrize("seed", range(4))
def test_partials_see_those_alone_of_which_their_products_tell(window, seed):
    tables = getattr(TABLES, window)
    fit, A, _ = drawn(seed, tables)
    pairs, u = fit.pairs, tables.time_s.astype(np.float64)
    A = A[:, pairs.order[: A.shape[1]]]
    size = np.sqrt(np.square(abs(A)).sum(0))
    places = np.arange(A.shape[1])
    seen = places >= pairs.first[: A.shape[1], None]
    for m in range(7):
        expected = A.conj().T @ (u[:, None] ** m * A) / np.outer(size, size) / abs(u).max() ** m
        for i in places:
            for j in places[pairs.first[i] : i + 1]:
                received = complex(pairs.real[i - j, m, i], pairs.imag[i - j, m, i])
                assert received / (size[i] * size[j] * abs(u).max() ** m) == pytest.approx(expected[i, j], abs=APART)
        if m == 0:
            assert abs(np.where(seen | seen.T, 0, expected)).max() < 2 * APART


@pytest.mark.parametrize("window", ["whole", "right", "left"])
def test_a_step_is_that_of_gauss_and_newton(window):
    """Mostly within 0.06 of what the noise makes of it, seldom beyond a quarter, with all products and ways."""
    away = [steps_away(seed, getattr(TABLES, window)) for seed in range(24)]
    assert np.median(away) < 0.06
    assert sum(far > 0.25 for far in away) <= 2
    assert max(away) < 0.5


def steps_away(seed: int, tables: VoiceTables) -> float:
    """How far a step is from that of plain linear algebra, over what noise makes of it, in what is farthest."""
    fit, A, signal = drawn(seed, tables)
    voices, count, u = int(fit.voices.number[0]), A.shape[1], tables.time_s.astype(np.float64)
    before, h, ways = fit.voices.shared[:voices].copy(), np.tile(np.arange(1, 9), voices), []
    products = A.conj().T @ A + RIDGE * tables.window_power * np.eye(count)
    a = np.linalg.solve(products, A.conj().T @ signal)
    rest = signal - A @ a
    for v in range(voices):
        own = np.arange(count) // 8 == v
        turning = 2j * np.pi * h * before[v, 0] * a * own
        stretch = 0.5 * h**2 / np.sqrt(1 + before[v, 4] * h**2) * fit.voices.stiff[v]
        X, S = A @ turning, A @ (stretch * turning)
        ways += [u * X, u**2 / 2 * X, u**3 / 6 * X, u * (A @ (a * own)), u * S]
    W = np.array(ways).T
    P = A.conj().T @ W
    noise = np.square(abs(rest)).sum() / len(u)
    precision = np.tile(noise / tables.spread**2, voices)
    normal = (W.conj().T @ W - P.conj().T @ np.linalg.solve(products, P)).real + np.diag(precision)
    pulled = precision * np.where(np.arange(5 * voices) % 5 > 0, before.ravel(), 0)
    expected = np.linalg.solve(normal, (W.conj().T @ rest).real - pulled).reshape(voices, 5)
    uncertain = np.sqrt(noise * np.diag(np.linalg.inv(normal))).reshape(voices, 5)
    step(fit, tables)
    moved = fit.voices.shared[:voices] - before
    moved[:, 0] = np.log(fit.voices.shared[:voices, 0] / before[:, 0])
    free = abs(expected[:, 0]) < 0.012
    assert free.any()
    inside = fit.voices.shared[:voices, 4] > 0
    away = abs(moved - expected) / uncertain
    return float(max(away[free, :4].max(), away[free & inside, 4:].max(initial=0)))


@pytest.mark.parametrize(("size", "sees"), [(1, 1), (2, 2), (7, 7), (30, 30), (40, 4)])
def test_triangles_are_those_of_cholesky(size, sees):
    rng = np.random.default_rng(size)
    A = rng.standard_normal((size, 2 * size)) + 1j * rng.standard_normal((size, 2 * size))
    first = np.maximum.accumulate(np.maximum(np.arange(size) - rng.integers(0, sees, size), 0))
    known = np.arange(size) >= first[:, None]
    G = np.tril(np.where(known, A @ A.conj().T, 0))
    G = G + np.tril(G, -1).conj().T + 2 * size * np.eye(size)
    b = A[:, 0].copy()
    L, inverse = Matrix(G.real.copy(), G.imag.copy()), Matrix(np.zeros((size, size)), np.zeros((size, size)))
    factor(L, first, size)
    expected = np.linalg.cholesky(G)
    assert np.tril(L.real) + 1j * np.tril(L.imag) == pytest.approx(expected, abs=1e-10 * size)
    real, imag = b.real.copy(), b.imag.copy()
    solve_lower(L, first, size, real, imag)
    solve_upper(L, first, size, real, imag)
    assert real + 1j * imag == pytest.approx(np.linalg.solve(G, b), abs=1e-8)
    invert(L, first, size, inverse)
    some = np.tril(known)
    assert (inverse.real + 1j * inverse.imag)[some] == pytest.approx(np.linalg.inv(G)[some], abs=1e-10)


def test_real_systems_are_solved():
    rng = np.random.default_rng(1)
    A = rng.standard_normal((30, 40))
    G, b = A @ A.T, rng.standard_normal(30)
    received = b.copy()
    solve_real(np.tril(G), 30, received)
    assert received == pytest.approx(np.linalg.solve(G, b), abs=1e-9)


def test_turns_are_cosines_and_sines():
    for turns in np.random.default_rng(0).uniform(-500, 500, 300):
        assert turned(turns) == pytest.approx((np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)), abs=6e-7)
