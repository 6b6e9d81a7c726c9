"""Receptive fields against what the running bank says, and the algebra of their whitening."""

import numpy as np
import pytest

from sharpear.dsp import Aligner, Encoder, Filterbank, GammatoneDesign, receptive_fields, space_frequencies
from sharpear.dynamics import BandedWeights

SAMPLE_RATE, HOP = 16000.0, 40
DESIGN = GammatoneDesign.from_scale(SAMPLE_RATE, low_hz=400, high_hz=1600, channels=25, bandwidth=0.5)
ATOM_HZ = space_frequencies(400, 1600, 37, "log")
WAIT_SAMPLES = Aligner(Filterbank(DESIGN, HOP).latency_samples, HOP, 1).wait_hops * float(HOP)
NO_WHITENING = 1e3
"""A noise floor so high that the inverse root is a constant."""


def measured(frequency_hz: float) -> np.ndarray:
    """(channels,) aligned response to a unit cosine, turned back to the phase that the cosine has now."""
    bank = Filterbank(DESIGN, HOP)
    aligner = Aligner(bank.latency_samples, HOP, 1)
    time_s = np.arange(400 * HOP) / SAMPLE_RATE
    frames = bank.process(np.cos(2 * np.pi * frequency_hz * time_s)[:, None].astype(np.float32))
    return aligner.process(frames.subband)[-1, 0] * np.exp(-2j * np.pi * frequency_hz * time_s[-1])


def bank_matrix() -> np.ndarray:
    turn = np.exp(-2j * np.pi * np.outer(WAIT_SAMPLES, ATOM_HZ) / SAMPLE_RATE)
    return DESIGN.response(ATOM_HZ).T * turn


@pytest.mark.parametrize("atom", [0, 9, 18, 30, 36])
def test_columns_are_the_measured_responses(atom: int) -> None:
    fields = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, whitening=NO_WHITENING)
    response = measured(ATOM_HZ[atom])
    assert np.abs(fields.fields[:, atom] - response / np.linalg.norm(response)).max() < 2e-4


@pytest.mark.parametrize("atom", [0, 9, 18, 30, 36])
def test_columns_are_the_measured_moduli(atom: int) -> None:
    fields = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, magnitude=True, whitening=NO_WHITENING)
    response = np.abs(measured(ATOM_HZ[atom]))
    assert fields.fields.dtype == np.float64
    assert np.abs(fields.fields[:, atom] - response / np.linalg.norm(response)).max() < 2e-4


@pytest.mark.parametrize("whitening", [0.01, 0.1, NO_WHITENING])
def test_the_drive_of_a_tone_is_its_row_of_the_gram_matrix(whitening: float) -> None:
    """M y = F D a: a unit cosine at atom j drives the network as D_j F_j does."""
    fields = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, whitening=whitening)
    for atom in (5, 20, 33):
        drive = fields.encoder @ measured(ATOM_HZ[atom])
        model = fields.fields.conj().T @ fields.fields[:, atom] / fields.amplitude_per_unit[atom]
        assert np.abs(drive - model).max() < 1e-3 * np.abs(model).max()


@pytest.mark.parametrize("magnitude", [False, True])
@pytest.mark.parametrize("whitening", [0.01, 0.1])
def test_whitening_keeps_the_model(whitening: float, magnitude: bool) -> None:
    fields = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, magnitude=magnitude, whitening=whitening)
    W = np.abs(bank_matrix()) if magnitude else bank_matrix()
    rng = np.random.default_rng(0)
    amplitude = rng.standard_normal(ATOM_HZ.size) * (rng.random(ATOM_HZ.size) < 0.2)
    expected = fields.fields.conj().T @ fields.fields @ (amplitude / fields.amplitude_per_unit)
    np.testing.assert_allclose(fields.encoder @ W @ amplitude, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(np.linalg.norm(fields.fields, axis=0), 1.0)


@pytest.mark.parametrize("whitening", [0.01, 0.1, 1.0])
def test_whitened_eigenvalues(whitening: float) -> None:
    """The squared singular values s² of W become s² / (s² + σ²s₀²): ones and zeros, but for a narrow edge."""
    fields = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, whitening=whitening)
    whitened = fields.fields / fields.amplitude_per_unit
    eigenvalues = np.linalg.eigvalsh(whitened @ whitened.conj().T)
    power = np.linalg.svd(bank_matrix(), compute_uv=False)[::-1] ** 2
    np.testing.assert_allclose(eigenvalues, power / (power + whitening**2 * power[-1]), rtol=0, atol=1e-7)


def test_whitening_evens_out_the_competition() -> None:
    """λ_max of FᴴF bounds the step: a few instead of dozens."""
    largest = [
        np.linalg.eigvalsh((F := receptive_fields(DESIGN, ATOM_HZ, whitening=s).fields).conj().T @ F)[-1]
        for s in (0.01, NO_WHITENING)
    ]
    assert largest[0] < 3
    assert largest[0] < 0.6 * largest[1]


def test_a_whitening_that_is_not_positive_is_refused() -> None:
    for whitening in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"received {whitening:g}"):
            receptive_fields(DESIGN, ATOM_HZ, whitening=whitening)


@pytest.mark.parametrize("tolerance", [0.0, 0.005, 0.05])
def test_a_banded_encoder_is_the_dense_one_but_for_small_entries(tolerance: float) -> None:
    matrix = receptive_fields(DESIGN, ATOM_HZ, wait_samples=WAIT_SAMPLES, whitening=0.01).encoder
    rng = np.random.default_rng(1)
    subband = (rng.standard_normal((5, 2, 25)) + 1j * rng.standard_normal((5, 2, 25))).astype(np.complex64)
    drive = Encoder(matrix, tolerance).process(subband)
    bound = (tolerance + 1e-5) * np.abs(matrix).max() * np.abs(subband).sum(axis=-1, keepdims=True)
    assert (np.abs(drive - subband @ matrix.T) <= bound).all()


@pytest.mark.parametrize("complex_valued", [False, True])
def test_lateral_weights_are_the_gram_matrix_without_its_diagonal(complex_valued: bool) -> None:
    F = receptive_fields(DESIGN, ATOM_HZ, magnitude=not complex_valued, whitening=0.01).fields
    exact = F.conj().T @ F - np.eye(37)
    lateral = BandedWeights.from_receptive_fields(F)
    assert lateral.band.dtype == (np.complex64 if complex_valued else np.float32)
    np.testing.assert_allclose(lateral.dense(), exact, rtol=0, atol=2e-6)
    narrow = BandedWeights.from_receptive_fields(F, tolerance=0.3)
    assert narrow.half_width < lateral.half_width
    outside = np.abs(np.subtract.outer(np.arange(37), np.arange(37))) > narrow.half_width
    assert not narrow.dense()[outside].any()
    assert (np.abs(exact[outside]) <= 0.3 * np.abs(exact).max()).all()
    np.testing.assert_allclose(narrow.dense()[~outside], exact[~outside], rtol=0, atol=1e-6)


def test_lateral_weights_must_be_square() -> None:
    with pytest.raises(ValueError, match=r"received shape \(2, 3\)"):
        BandedWeights.from_dense(np.zeros((2, 3)))
