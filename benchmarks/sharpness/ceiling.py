"""An exact lasso on the filterbank's own dictionary: what the sparse model can do when solved to the end.

Per frame, min ½‖y − Wa‖² + λ‖a‖₁ over complex a, real and imaginary parts stacked (so that ‖a‖₁ sums the
absolute values of both parts), columns W_j the bank's response to a tone at f_j, of unit norm. Frames are
independent: no memory. A few frames per signal are solved, for they are slow; so is the method counted
as offline.
"""

from __future__ import annotations

import importlib
import warnings
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.sharpness import gammatone
from benchmarks.sharpness.estimate import Audio, Estimate, Method, coherent_energy
from benchmarks.sharpness.lines import Floats

ERB = 0.25
FRAMES = 96
"""Frames solved per signal."""
STRIDE = 1
"""Step between the channels and atoms of the bank that are used: 1 keeps all 48 an octave."""
PENALTY = 0.003
"""λ as a fraction of the largest correlation max_j abs(W_jᴴy)."""
REACH = 2
"""Atoms to either side that may share one tone, when energies are counted."""
LOW_HZ = 120.0
"""Atoms below this would only burden the solver: the comparison grid begins at 150 Hz."""


@lru_cache(maxsize=2)
def _dictionary(sample_rate: float) -> tuple[Floats, NDArray[np.intp], Floats, Floats]:
    """Atom frequencies in Hz, channels used, stacked real dictionary of unit columns, and the norms."""
    bank = gammatone.design(sample_rate, ERB)
    channels = np.flatnonzero(bank.centers_hz >= LOW_HZ)[::STRIDE]
    atoms_hz = bank.centers_hz[bank.centers_hz >= LOW_HZ][::STRIDE]
    complex_columns = np.stack([bank.response(atoms_hz, int(k)) for k in channels])
    norms = np.linalg.norm(complex_columns, axis=0)
    columns = complex_columns / norms
    stacked = np.block([[columns.real, -columns.imag], [columns.imag, columns.real]])
    return atoms_hz, channels, np.asfortranarray(stacked), norms


def exact_lasso(audio: Audio, sample_rate: float, frames: int) -> Estimate:
    """Solve the lasso in `frames` frames, evenly spread over the signal."""
    linear_model = importlib.import_module("sklearn.linear_model")
    bank = gammatone.design(sample_rate, ERB)
    atoms_hz, channels, dictionary, norms = _dictionary(sample_rate)
    gram = dictionary.T @ dictionary
    bands, _ = gammatone.subbands(audio, sample_rate, ERB)
    chosen = np.linspace(0, len(bands) - 1, frames + 2).astype(int)[1:-1]
    amplitudes = np.zeros((len(chosen), len(atoms_hz)), complex)
    for row, frame in enumerate(chosen):
        y = np.concatenate([bands[frame, channels].real, bands[frame, channels].imag])
        drive = dictionary.T @ y
        if not np.abs(drive).max() > 0:
            continue
        penalty = PENALTY * float(np.abs(drive).max()) / len(y)
        solver = linear_model.Lasso(
            alpha=penalty, fit_intercept=False, precompute=gram, max_iter=20000, tol=1e-4, selection="cyclic"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solution = solver.fit(dictionary, y).coef_.reshape(2, -1)
        amplitudes[row] = (solution[0] + 1j * solution[1]) / norms
    energy = coherent_energy(amplitudes, REACH)
    times = chosen * gammatone.hop_of(sample_rate) / sample_rate
    return Estimate(times, atoms_hz, energy, False, bank.latency_s, bank.window_s(1000.0))


CEILING = Method("exact-lasso", partial(exact_lasso, frames=FRAMES))
