"""Whose partial each line is, after winners have taken what the lines around them had."""

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.gpu import CPU, Backend


class Ownership:
    """The fundamental of each winner's voice, Hz: that of the strongest line within its window; 0 of none.

    Args:
        half_width: (atoms,) of the windows, atoms, where kernels reach it.
        streams: independent signals.
        backend: where it runs.

    >>> drive, fundamental = np.zeros((2, 1, 1, 5), np.float32)
    >>> drive[..., 1:3], fundamental[..., 1] = [0.5, 0.2], 220.0
    >>> winner = np.where(np.arange(5) == 2, np.float32(0.54), np.float32(0))[None, None]
    >>> Ownership(np.ones(5, np.int64), streams=1).process(drive, fundamental, winner)
    array([[[  0.,   0., 220.,   0.,   0.]]], dtype=float32)
    """

    def __init__(self, half_width: NDArray[np.int64], streams: int, backend: Backend = CPU) -> None:
        self._half_width, self._backend = half_width, backend
        self._run = backend.kernel(own, blocks=streams, threads=len(half_width))

    def process(
        self, drive: NDArray[np.float32], fundamental_hz: NDArray[np.float32], amplitude: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(frames, streams, atoms) likewise: of the lines that competed, their fundamentals, and of the winners."""
        owned = self._backend.empty(amplitude.shape, np.float32)
        self._run(drive, fundamental_hz, amplitude, self._half_width, owned)
        return owned


@kernel
def own(drive: Floats, fundamental: Floats, amplitude: Floats, half_width: Integers, owned: Floats) -> None:
    """`Ownership`, a frame of a stream at a time."""
    frames, streams, atoms = amplitude.shape
    for f in range(frames):
        for s in range(streams):
            for j in range(atoms):
                owned[f, s, j] = 0.0
                if amplitude[f, s, j] == 0:
                    continue
                strongest = np.float32(0)
                for i in range(max(0, j - half_width[j]), min(atoms, j + half_width[j] + 1)):
                    if drive[f, s, i] > strongest:
                        strongest, owned[f, s, j] = drive[f, s, i], fundamental[f, s, i]
