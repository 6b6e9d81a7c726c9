"""What stands between the two halves of a signal path."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .results import FrameResult, counted


@dataclass(frozen=True, eq=False, repr=False)
class Evidence(FrameResult):
    """Consecutive frames between the two halves of a `Sharpener`.

    Arrays are those of the sharpener's device.

    drive: (frames, streams, atoms) what the network is driven by.  frequency_hz: like it, Hz.
    subband: (frames, streams, channels) complex64, aligned with them; no channels where none were asked for.
    plain: (frames, streams, channels) float32, amplitudes unsharpened; no channels where they are ``abs(subband)``.
    fundamental_hz: (frames, streams, atoms) float32, see `Frames`; no atoms where voices are not looked for.
    """

    drive: NDArray[Any]
    frequency_hz: NDArray[np.float32]
    subband: NDArray[np.complex64]
    plain: NDArray[np.float32]
    fundamental_hz: NDArray[np.float32]

    def _summary(self) -> list[str]:
        frames, *streams, atoms = self.drive.shape
        return [counted(frames, "frame"), *(counted(n, "stream") for n in streams), counted(atoms, "atom")]

    @property
    def plain_amplitude(self) -> NDArray[np.float32]:
        """Amplitudes of the channels, unsharpened."""
        return self.plain if self.plain.shape[-1] else np.abs(self.subband)
