"""Whose partial each line is, after winners have taken what the lines around them had."""

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel

from .cores import streams_side_by_side


def fundamentals(
    drive: NDArray[np.float32], fundamental_hz: NDArray[np.float32], amplitude: NDArray[np.float32],
    half_width: NDArray[np.int64],
) -> NDArray[np.float32]:  # fmt: skip
    """The fundamental of each winner's voice, Hz: that of the strongest line within its window; 0 of none.

    Args:
        drive: (frames, streams, atoms) of the lines that competed.
        fundamental_hz: like it, theirs.
        amplitude: like it, of the winners.
        half_width: (atoms,) of the windows, atoms.

    >>> drive, fundamental = np.zeros((2, 1, 1, 5), np.float32)
    >>> drive[..., 1:3], fundamental[..., 1] = [0.5, 0.2], 220.0
    >>> winner = np.where(np.arange(5) == 2, np.float32(0.54), 0)[None, None]
    >>> fundamentals(drive, fundamental, winner, np.ones(5, np.int64))
    array([[[  0.,   0., 220.,   0.,   0.]]], dtype=float32)
    """
    owned = np.zeros_like(amplitude)

    def own_one(s: int) -> None:
        _own(s, drive, fundamental_hz, amplitude, half_width, owned)

    streams_side_by_side(amplitude.shape[1], len(amplitude), own_one)
    return owned


@kernel
def _own(s: int, drive: Floats, fundamental: Floats, amplitude: Floats, half_width: Integers, owned: Floats) -> None:
    frames, _, atoms = amplitude.shape
    for f in range(frames):
        for j in range(atoms):
            if amplitude[f, s, j] == 0:
                continue
            strongest = np.float32(0)
            for i in range(max(0, j - half_width[j]), min(atoms, j + half_width[j] + 1)):
                if drive[f, s, i] > strongest:
                    strongest, owned[f, s, j] = drive[f, s, i], fundamental[f, s, i]
