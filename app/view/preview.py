"""All of a recording at once, before it is sharpened: its spectrogram by one window, as coarse as the page is wide."""

from pathlib import Path

import numpy as np

from sharpear.compiler import Doubles, Floats
from sharpear.sinks.drawing import ROWS_PER_OCTAVE, encode_levels
from sharpear.sinks.rows import Rows
from sharpear.sinks.strokes import LOWEST_DB, STEPS_PER_DB

from .tiles import write_whole

COLUMNS = 1024
WINDOW_S = 0.09


class Preview:
    """Blocks of sound in, one tile of columns out, the same level as sharpened and as plain.

    Args:
        rows: the picture's.
        samples, sample_rate: how long the recording is, and in what, Hz.

    >>> preview = Preview(Rows(100.0, 400.0, np.array([100.0, 400.0])), 8000, 8000.0)
    >>> preview.add(np.cos(2 * np.pi * 200 / 8000 * np.arange(8000)))
    >>> (round(100 * 2 ** (preview.columns[512, :, 0].argmax() / ROWS_PER_OCTAVE)), preview.columns.shape[0])
    (200, 1024)
    """

    def __init__(self, rows: Rows, samples: int, sample_rate: float) -> None:
        length = 2 ** round(np.log2(WINDOW_S * sample_rate))
        self._window: Doubles = np.hanning(length)
        self._window *= 2 / self._window.sum()
        bins_hz = sample_rate / length
        place = rows.low_hz * 2.0 ** (np.arange(rows.count) / ROWS_PER_OCTAVE) / bins_hz
        self._below = place.astype(np.int64).clip(0, length // 2 - 1)
        self._share = (place - self._below).clip(0, 1)
        self._begins = (((np.arange(COLUMNS) + 0.5) / COLUMNS) * samples - length / 2).astype(np.int64)
        self.columns = np.zeros((COLUMNS, rows.count, 2), np.uint8)
        self._next, self._passed, self._held = 0, -length, np.zeros(length)

    def add(self, sound: Floats | Doubles) -> None:
        """Draw the columns that (samples,) more complete; before and after the recording is silence."""
        self._held = np.concatenate([self._held, sound])
        length = self._window.size
        powers: list[Doubles] = []
        while self._next + len(powers) < COLUMNS:
            at = self._begins[self._next + len(powers)] - self._passed
            if at + length > self._held.size:
                break
            bins = np.square(np.abs(np.fft.rfft(self._held[at : at + length] * self._window)))
            powers.append(bins[self._below] + self._share * (bins[self._below + 1] - bins[self._below]))
        if powers:
            drawn = self.columns[self._next : self._next + len(powers)]
            power = np.stack(powers).astype(np.float32)
            for layer in (0, 1):
                encode_levels(drawn[:, :, layer], power, LOWEST_DB, STEPS_PER_DB)
            self._next += len(powers)
        kept = min(self._held.size, length)
        self._passed += self._held.size - kept
        self._held = self._held[self._held.size - kept :]

    def write(self, folder: Path) -> None:
        """Complete it by silence, and make the tile."""
        self.add(np.zeros(self._window.size))
        write_whole(folder / "p0-0", self.columns.tobytes())
