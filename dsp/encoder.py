"""From subbands to a network's drive: each atom's receptive field applied to the frame."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.gpu import CPU, Backend


class EncoderParts(NamedTuple):
    """The encoder channel by channel, real and imaginary parts apart: row k reaches the atoms from first[k] on."""

    band: Annotated[NDArray[np.float32], "channels", "parts", "width"]
    first: Annotated[NDArray[np.int64], "channels"]


@kernel
def encode(subband: Complexes, band: Floats, first: Integers, out: Complexes) -> None:
    """`encode_frame` for every frame and stream; subband (frames, streams, channels), out (…, atoms)."""
    parts = EncoderParts(band, first)
    re, im = np.empty(out.shape[2], np.float32), np.empty(out.shape[2], np.float32)
    for f in range(subband.shape[0]):
        for s in range(subband.shape[1]):
            encode_frame(subband[f, s], parts, re, im, out[f, s])


@kernel(fastmath={"contract"})
def encode_frame(subband: Complexes, encoder: EncoderParts, re: Floats, im: Floats, out: Complexes) -> None:
    """``out = E subband`` of a frame of a stream; re, im (atoms,): room."""
    band, width = encoder.band, encoder.band.shape[2]
    re[:] = 0
    im[:] = 0
    for k in range(subband.size):
        y_re, y_im = subband[k].real, subband[k].imag
        low = encoder.first[k]
        e_re, e_im = band[k, 0], band[k, 1]
        o_re, o_im = re[low : low + width], im[low : low + width]
        for w in range(width):
            o_re[w] += e_re[w] * y_re - e_im[w] * y_im
            o_im[w] += e_re[w] * y_im + e_im[w] * y_re
    for j in range(out.size):
        out[j] = complex(re[j], im[j])


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
        self.parts = EncoderParts(backend.array(band), backend.array(lowest, np.int64))
        """What the kernels take."""
        self._run = backend.kernel(encode, blocks=streams, threads=self.atoms, shared_bytes=8 * channels)

    def process(self, subband: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """(frames, streams, channels) → drive (frames, streams, atoms)."""
        out = self._backend.empty((*subband.shape[:2], self.atoms), np.complex64)
        self._run(self._backend.array(subband), *self.parts, out)
        return out
