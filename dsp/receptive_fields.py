"""Receptive fields: what the filterbank's channels say to a unit cosine at each atom's frequency."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .gammatone import GammatoneDesign

FAINTEST_RESPONSE = 1e-3
"""The least response of an atom's best channel: to make a fainter one of unit norm would make noise loud."""


@dataclass(frozen=True)
class ReceptiveFields:
    """A dictionary of atoms over channels, whitened so that neighbours' competition converges in a few steps.

    The bank's responses W (channels, atoms), complex or their modulus, are multiplied by the regularised inverse root
    ``M = U diag(1/√(s² + σ²s₀²)) Uᴴ`` of ``W = U diag(s) Vᴴ`` and given unit columns: ``F = M W D⁻¹``. The model
    ``M y ≈ F (D a)`` is the same, but ``FᴴF`` is close to a projection where WᴴW has a condition number past 1e18.

    fields: (channels, atoms) F.
    encoder: (atoms, channels) ``FᴴM``: drive = encoder @ subbands.
    amplitude_per_unit: (atoms,) 1/D: an activation times this is the amplitude of the cosine.

    >>> design = GammatoneDesign.from_scale(44100.0, low_hz=200, high_hz=800, channels=49, bandwidth=0.5)
    >>> fields = receptive_fields(design, design.center_hz[::2], whitening=0.01)
    >>> fields.fields.shape, fields.encoder.shape
    ((49, 25), (25, 49))
    >>> np.allclose(np.linalg.norm(fields.fields, axis=0), 1)
    True
    """

    fields: NDArray[np.complex128] | NDArray[np.float64]
    encoder: NDArray[np.complex128] | NDArray[np.float64]
    amplitude_per_unit: NDArray[np.float64]


def receptive_fields(
    design: GammatoneDesign,
    atom_hz: NDArray[np.float64],
    *,
    wait_samples: NDArray[np.float64] | None = None,
    magnitude: bool = False,
    whitening: float,
) -> ReceptiveFields:
    """Receptive fields of atoms at `atom_hz` in the bank `design`.

    Args:
        design: the filterbank.
        atom_hz: (atoms,) frequencies of the atoms, Hz.
        wait_samples: (channels,) extra delay of each channel, as alignment adds it.
        magnitude: take the responses' modulus: for networks that see only ``|Y|``.
        whitening: σ, the noise floor as a fraction of the largest singular value; large values whiten less.

    Raises:
        ValueError: `whitening` is not positive, or no channel responds to an atom.

    >>> design = GammatoneDesign.from_scale(44100.0, low_hz=200, high_hz=800, channels=49, bandwidth=0.5)
    >>> fields = receptive_fields(design, design.center_hz, whitening=0.01)
    >>> drive = fields.encoder @ design.response(design.center_hz[20])[0]
    >>> int(abs(drive).argmax())
    20
    """
    if not whitening > 0:
        raise ValueError(f"expected a positive whitening, received {whitening:g}")
    W = design.response(atom_hz).T
    loudest = np.abs(W).max(axis=0)
    if loudest.min() < FAINTEST_RESPONSE:
        deaf = loudest.argmin()
        raise ValueError(
            f"expected channels that respond to every atom above {20 * np.log10(FAINTEST_RESPONSE):.0f} dB, "
            f"received one at {atom_hz[deaf]:.5g} Hz where all stay below {20 * np.log10(loudest[deaf] + 1e-30):.0f} dB"
        )
    if wait_samples is not None:
        W = W * np.exp(-2j * np.pi * np.outer(wait_samples, atom_hz) / design.sample_rate)
    if magnitude:
        W = np.abs(W)
    power, U = np.linalg.eigh(W @ W.conj().T)  # U and s² of W's SVD, several times faster
    M = (U / np.sqrt(power.clip(0) + whitening**2 * power[-1])) @ U.conj().T
    F = M @ W
    norm = np.linalg.norm(F, axis=0)
    F = F / norm
    return ReceptiveFields(F, F.conj().T @ M, 1.0 / norm)
