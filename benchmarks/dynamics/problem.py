"""The problem: frames of slowly changing tones seen by 128 gammatone channels, to be written with 256 atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, receptive_fields

Floats = NDArray[np.float64]

CHANNELS, ATOMS = 128, 256
LOW_HZ, PER_OCTAVE = 110.0, 48
BANDWIDTH_ERB = 0.75
"""Neighbouring atoms then correlate at 0.99."""
TONES, APART, GLIDE = 6, 14.0, 0.25
"""Tones, smallest distance between two of them, largest glide from frame to frame; both in grid steps."""
WHITENING = 0.01
NOISE = 1e-4
"""Standard deviation of the noise in each channel, of the loudest tone: −80 dB."""
PENALTY = 0.003
"""λ as a fraction of ‖Wᵀy‖, the level of LcaRms and LcAdam."""
ACTIVE = 0.02
"""Atoms above this fraction of the largest make the support."""


@dataclass(frozen=True)
class Frame:
    """One instance of min ½‖y − Wa‖² + λ‖a‖₁ over a ≥ 0, and the positions of the true tones on the grid of atoms."""

    y: Floats
    drive: Floats
    penalty: float
    tones: Floats


@dataclass(frozen=True)
class Problem:
    """Receptive fields W (channels, atoms) of unit columns, and `transform`, which brings subbands to their space."""

    name: str
    fields: Floats
    gram: Floats
    transform: Floats
    design: GammatoneDesign

    @property
    def correlation(self) -> float:
        """Median correlation of neighbouring atoms."""
        return float(np.median(np.diag(self.gram, 1)))

    @property
    def largest_eigenvalue(self) -> float:
        """Largest eigenvalue of WᵀW: gradient steps beyond 2 over it diverge."""
        return float(np.linalg.eigvalsh(self.gram)[-1])

    def frames(self, count: int, seed: int) -> list[Frame]:
        """`count` frames of tones that glide and swell, drawn from `seed`; the same tones for every problem."""
        rng = np.random.default_rng(seed)
        room = ATOMS - 1 - 2 * APART - (TONES - 1) * APART
        start = APART + np.sort(rng.uniform(0, room, TONES)) + APART * np.arange(TONES)
        glide = rng.uniform(-GLIDE, GLIDE, TONES)
        level_db = rng.uniform(-20, 0, TONES)
        swell_db = rng.uniform(-0.5, 0.5, TONES)
        made = []
        for n in range(count):
            tones = start + glide * n
            amplitude = 10 ** ((level_db + swell_db * n) / 20)
            subbands = amplitude @ np.abs(self.design.response(grid_hz(tones)))
            subbands += NOISE * amplitude.max() * rng.standard_normal(CHANNELS)
            y = self.transform @ subbands
            drive = self.fields.T @ y
            made.append(Frame(y, drive, PENALTY * float(np.linalg.norm(drive)), tones))
        return made


def grid_hz(position: Floats) -> Floats:
    """Frequency at a position on the grid of atoms, which need not be whole."""
    return np.asarray(LOW_HZ * 2 ** (position / PER_OCTAVE))


def problems(bandwidth_erb: float = BANDWIDTH_ERB) -> list[Problem]:
    """The filters' own responses, and the same whitened."""
    atom_hz = grid_hz(np.arange(ATOMS, dtype=np.float64))
    design = GammatoneDesign.from_scale(
        44100.0, low_hz=atom_hz[0], high_hz=atom_hz[-1], channels=CHANNELS, bandwidth=bandwidth_erb
    )
    return [over(design, atom_hz, None), over(design, atom_hz, WHITENING)]


def over(design: GammatoneDesign, atom_hz: Floats, whitening: float | None) -> Problem:
    """The receptive fields of atoms: the moduli of the filters' own responses, or the same whitened."""
    if whitening is None:
        plain: Floats = np.abs(design.response(atom_hz).T)
        plain = np.asarray(plain / np.linalg.norm(plain, axis=0), np.float64)
        identity = np.eye(len(plain), dtype=np.float64)
        return Problem("neighbours", plain, np.asarray(plain.T @ plain, np.float64), identity, design)
    whitened = receptive_fields(design, atom_hz, magnitude=True, whitening=whitening)
    fields, encoder = (np.asarray(part, np.float64) for part in (whitened.fields, whitened.encoder))
    transform = np.asarray(np.linalg.lstsq(fields.T, encoder, rcond=None)[0], np.float64)
    return Problem("whitened", fields, np.asarray(fields.T @ fields, np.float64), transform, design)


def objective(problem: Problem, frame: Frame, a: Floats) -> float:
    """``½‖y − Wa‖² + λ‖a‖₁``."""
    residual = frame.y - problem.fields @ a
    return float(residual @ residual) / 2 + frame.penalty * float(np.abs(a).sum())


def duality_gap(problem: Problem, frame: Frame, a: Floats) -> float:
    """A bound on how far the objective at a ≥ 0 is above the optimum, as a fraction of it: zero proves optimality.

    The residual, scaled until ``Wᵀθ ≤ λ``, is feasible for the dual ``max ½‖y‖² − ½‖y − θ‖²``.
    """
    residual = frame.y - problem.fields @ a
    theta = residual * min(1.0, frame.penalty / max(float((problem.fields.T @ residual).max()), 1e-300))
    dual = float(frame.y @ frame.y) / 2 - float((frame.y - theta) @ (frame.y - theta)) / 2
    value = objective(problem, frame, a)
    return (value - dual) / value


def support(a: Floats) -> NDArray[np.intp]:
    """Atoms above `ACTIVE` of the largest."""
    return np.flatnonzero(a > ACTIVE * a.max(initial=0.0))


def support_distance(active: NDArray[np.intp], tones: Floats) -> float:
    """Grid steps from the farthest atom to its tone, or from the farthest tone to its atom: the Hausdorff distance.

    A tone stands at the atom nearest to it.
    """
    if not active.size:
        return float("inf")
    apart = np.abs(active[:, None] - np.rint(tones)[None])
    return float(max(apart.min(axis=0).max(), apart.min(axis=1).max()))
