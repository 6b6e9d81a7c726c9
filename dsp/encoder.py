"""From subbands to a network's drive: each atom's receptive field applied to the frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.gpu import CPU, Backend


@kernel(fastmath={"contract"})
def encode(subband: Complexes, band: Floats, first: Integers, out: Complexes) -> None:
    """``out = E subband`` for every frame and stream; subband (frames, streams, channels), out (…, atoms).

    E is kept channel by channel, real and imaginary parts apart: band (channels, 2, width), whose row k reaches the
    atoms from first[k] on.
    """
    frames, streams, channels = subband.shape
    atoms, width = out.shape[2], band.shape[2]
    re, im = np.empty(atoms, np.float32), np.empty(atoms, np.float32)
    for f in range(frames):
        for s in range(streams):
            re[:] = 0
            im[:] = 0
            for k in range(channels):
                y_re, y_im = subband[f, s, k].real, subband[f, s, k].imag
                low = first[k]
                e_re, e_im = band[k, 0], band[k, 1]
                o_re, o_im = re[low : low + width], im[low : low + width]
                for w in range(width):
                    o_re[w] += e_re[w] * y_re - e_im[w] * y_im
                    o_im[w] += e_re[w] * y_im + e_im[w] * y_re
            for j in range(atoms):
                out[f, s, j] = complex(re[j], im[j])


class Encoder:
    """A banded complex matrix (atoms, channels) applied to frames: the feed-forward half of a network.

    It has no state; a kernel of its own keeps the result the same, bit for bit, however many frames come at once.

    Args:
        matrix: (atoms, channels) encoder of `ReceptiveFields`.
        tolerance: entries below this fraction of the largest are left out.
        streams: number of independent signals; the CPU takes any.
        backend: where it runs; what it gives stays there.

    >>> encoder = Encoder(np.eye(3) * (1 + 1j), tolerance=0.005)
    >>> encoder.process(np.ones((1, 1, 3), np.complex64))[0, 0].tolist()
    [(1+1j), (1+1j), (1+1j)]
    """

    def __init__(self, matrix: NDArray[Any], tolerance: float, streams: int = 1, backend: Backend = CPU) -> None:
        self.atoms, channels = matrix.shape
        size = np.abs(matrix) > tolerance * np.abs(matrix).max()
        first = size.argmax(axis=0)
        last = self.atoms - 1 - size[::-1].argmax(axis=0)
        width = int((last - first).max()) + 1
        lowest = np.minimum(first, self.atoms - width)
        band = np.zeros((channels, 2, width), np.float32)
        for k, low in enumerate(lowest):
            column = matrix[low : low + width, k]
            band[k] = column.real, column.imag
        self._backend = backend
        self._first, self._band = backend.array(lowest, np.int64), backend.array(band)
        self._run = backend.kernel(encode, blocks=streams, threads=self.atoms, shared_bytes=8 * channels)

    def process(self, subband: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """(frames, streams, channels) → drive (frames, streams, atoms)."""
        out = self._backend.empty((*subband.shape[:2], self.atoms), np.complex64)
        self._run(self._backend.array(subband), self._band, self._first, out)
        return out
