"""The rows of a picture, even in octaves, and where each stands between the filterbank's channels."""

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers

from .drawing import ROWS_PER_OCTAVE, add_bands


class Rows:
    """Rows from `low_hz` up to `high_hz`, so many in an octave.

    >>> Rows(100.0, 200.0, np.array([100.0, 150.0, 200.0])).count == ROWS_PER_OCTAVE + 1
    True
    """

    def __init__(
        self, low_hz: float, high_hz: float, band_hz: Doubles, rows_per_octave: float = ROWS_PER_OCTAVE
    ) -> None:
        self.low_hz = float(low_hz)
        self.count = int(np.ceil(np.log2(high_hz / low_hz) * rows_per_octave - 1e-9)) + 1
        row_hz = low_hz * 2.0 ** (np.arange(self.count) / rows_per_octave)
        self._below: Integers = np.clip(np.searchsorted(band_hz, row_hz) - 1, 0, band_hz.size - 2)
        share = (row_hz - band_hz[self._below]) / np.diff(band_hz)[self._below]
        self._share: Floats = share.clip(0, 1).astype(np.float32)

    def bands(self, plain_amplitude: Floats) -> Floats:
        """(frames, streams, channels) → (frames, rows) power, streams added up."""
        power: Floats = np.zeros((len(plain_amplitude), self.count), np.float32)
        add_bands(power, plain_amplitude, self._below, self._share)
        return power
