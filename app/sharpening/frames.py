"""What sharpening yields: frames of amplitudes and refined frequencies on a grid of atoms."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frames:
    """Consecutive sharpened frames.

    times: (frames,) s, on the input's clock, group delay already subtracted.
    amplitude: (frames, streams, atoms) float32, amplitude of the cosine at each atom; zero where there is none.
    instantaneous_frequency: like `amplitude`, Hz: the atom's, refined below the grid where there is a line.
    plain_amplitude: (frames, streams, channels) float32, modulus of the filterbank's subbands at the same times.

    From a `Sharpener` with ``phases=True`` also, and None otherwise:

    phase: like `amplitude`, rad, of the cosine at the frame's time; NaN where there is no line, or where lines share
    a channel so that none of them can be told.
    subband: (frames, streams, channels) complex64, the subbands themselves, their phase as at the frame's time.

    The streams' axis is absent where the audio was one-dimensional.
    """

    times: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    instantaneous_frequency: NDArray[np.float32]
    plain_amplitude: NDArray[np.float32]
    phase: NDArray[np.float32] | None = field(default=None, kw_only=True)
    subband: NDArray[np.complex64] | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frames: slice) -> "Frames":
        times, *parts = self._parts()
        return Frames(times[frames], *(part[frames] for part in parts), **self._optional(lambda part: part[frames]))

    def single_stream(self) -> "Frames":
        """The same frames of the first stream, without the streams' axis."""
        parts = self._parts()[1:]
        return Frames(self.times, *(part[:, 0] for part in parts), **self._optional(lambda part: part[:, 0]))

    @staticmethod
    def join(pieces: "list[Frames]") -> "Frames":
        """One after the other."""
        times, *parts = zip(*(piece._parts() for piece in pieces), strict=True)
        kept = pieces[0]._optional(lambda part: part)
        optional = {name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in kept}
        return Frames(np.concatenate(times), *(np.concatenate(part) for part in parts), **optional)

    def _parts(self) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return self.times, self.amplitude, self.instantaneous_frequency, self.plain_amplitude

    def _optional(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> dict[str, NDArray[Any]]:
        parts = {"phase": self.phase, "subband": self.subband}
        return {name: change(part) for name, part in parts.items() if part is not None}


@dataclass(frozen=True)
class Spectrogram(Frames):
    """All frames of a recording, with their axes.

    frequencies: (atoms,) Hz, the grid.
    channel_frequencies: (channels,) Hz, centres of the filterbank.
    latency_s: time by which a frame follows its sound when streaming, s; already subtracted from `times`.
    """

    frequencies: NDArray[np.float64]
    channel_frequencies: NDArray[np.float64]
    latency_s: float
