"""What sharpening yields: frames of amplitudes and refined frequencies on a grid of atoms."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .results import FrameResult, counted


@dataclass(frozen=True, eq=False, repr=False)
class Frames(FrameResult):
    """Consecutive sharpened frames.

    times: (frames,) s, on the input's clock, group delay already subtracted.
    amplitude: (frames, streams, atoms) float32, amplitude of the cosine at each atom; zero where there is none.
    instantaneous_frequency: like `amplitude`, Hz: the atom's, refined below the grid where there is a line.
    plain_amplitude: (frames, streams, channels) float32, modulus of the filterbank's subbands at the same times.

    fundamental: like `amplitude`, Hz: of the voice whose partial a line is, 0 of none; None where the preset does not
    look for voices.

    From a `Sharpener` with ``phases=True`` also, and None otherwise:

    phase: like `amplitude`, rad, of the cosine at the frame's time; NaN where there is no line, or where lines share
    a channel so that none of them can be told.
    subband: (frames, streams, channels) complex64, the subbands themselves, their phase as at the frame's time.

    The streams' axis is absent where the audio was one-dimensional. Frames are sliced as arrays are, and two are
    equal where all their values are, NaN included.

    >>> one = np.zeros((3, 2), np.float32)
    >>> frames = Frames(np.arange(3.0), one, one, one)
    >>> frames[1:]
    <Frames: 2 frames, 1.000 to 2.000 s, 2 atoms>
    >>> frames[1:] == frames[-2:], frames == frames[1:]
    (True, False)
    """

    times: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    instantaneous_frequency: NDArray[np.float32]
    plain_amplitude: NDArray[np.float32]
    fundamental: NDArray[np.float32] | None = field(default=None, kw_only=True)
    phase: NDArray[np.float32] | None = field(default=None, kw_only=True)
    subband: NDArray[np.complex64] | None = field(default=None, kw_only=True)

    def _summary(self) -> list[str]:
        *leading, atoms = np.shape(self.amplitude)
        streams = leading[np.ndim(self.times) :]
        return [self._span(self.times), *(counted(n, "stream") for n in streams), counted(atoms, "atom")]
