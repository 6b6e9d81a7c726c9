"""Pitches below those that compete: their partials stand closer than the bank resolves, a longer window tells them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, median_filter

WINDOW_S, HOP_S = 0.4, 0.1
"""Partials 16 Hz apart are six bins' widths apart in such a window."""
LOWEST_HZ, HIGHEST_HZ = 16.0, 27.5
"""From an organ's lowest pipe to the lowest pitch that the range reaches."""
PER_OCTAVE = 120
HARMONICS = np.arange(1, 14)
TELLING = np.array([1, 5, 7, 11, 13])
"""Harmonics that a pitch an octave or a twelfth higher does not have, and a chord of such pitches not all of."""
FEWEST, FEWEST_TELLING = 9, 4
"""How many of the harmonics, and of those that tell, must be present at least."""
STIFFNESS = (0.0, 3e-4)
"""Stiffnesses of strings that are tried: harmonic h stands at ``h sqrt(1 + stiffness h²)`` times the fundamental."""
RISES_DB, REACH_DB = 10.0, 45.0
"""How far a partial must rise above what lies halfway to its neighbours, and may lie below the strongest one."""
FAINTEST_DB = -90.0
STEADY_WINDOWS, STEADY = 3, 1.03
"""How many windows in a row must tell of one pitch, and the largest ratio of the pitches that they tell of."""


class LowPitches:
    """Counts the time in which a pitch below `low_hz` sounds, in one signal.

    Args:
        sample_rate: Hz.
        low_hz: lower end of the range, Hz.

    >>> t = np.arange(44100) / 44100
    >>> low = LowPitches(44100, 27.5)
    >>> low.process(sum(0.1 / h * np.cos(2 * np.pi * 24.5 * h * t) for h in range(1, 20)))
    >>> round(low.lowest_hz), low.seconds
    (24, 0.5)
    """

    def __init__(self, sample_rate: float, low_hz: float) -> None:
        self._size, self._hop = round(WINDOW_S * sample_rate), round(HOP_S * sample_rate)
        self._window = np.hanning(self._size)
        self._points = 2 ** int(np.ceil(np.log2(2 * self._size)))
        bin_hz = sample_rate / self._points
        octaves = np.log2(max(LOWEST_HZ, min(low_hz * 2 ** (-0.5 / 12), HIGHEST_HZ)) / LOWEST_HZ)
        self._candidate_hz = LOWEST_HZ * 2 ** np.arange(0, octaves, 1 / PER_OCTAVE)
        stretched = np.concatenate([HARMONICS * np.sqrt(1 + stiff * HARMONICS**2) for stiff in STIFFNESS])
        partial_hz = self._candidate_hz[:, None] * stretched
        half_hz = self._candidate_hz[:, None] / 2
        self._at, self._below, self._above = (
            np.rint(hz / bin_hz).astype(int) for hz in (partial_hz, partial_hz - half_hz, partial_hz + half_hz)
        )
        self._near = int(np.ceil(2 / 3 / WINDOW_S / bin_hz))
        self._bins = int(self._above.max(initial=0)) + 4 * self._near
        self._waiting = np.zeros(0)
        self._last: list[float] = []
        self._steady = 0
        self.lowest_hz = 0.0
        """The lowest that was found, Hz."""

    @property
    def seconds(self) -> float:
        """How long such pitches sounded, at least: what begins and ends is not counted."""
        return self._steady * HOP_S

    def process(self, block: NDArray[np.floating]) -> None:
        """Advance over audio (samples,)."""
        if not self._candidate_hz.size:
            return
        for hz in self._found(block):
            self._last = [*self._last[1 - STEADY_WINDOWS :], hz]
            lowest, highest = min(self._last), max(self._last)
            if len(self._last) == STEADY_WINDOWS and lowest > 0 and highest < STEADY * lowest:
                self._steady += 1
                self.lowest_hz = min(self.lowest_hz or lowest, lowest)

    def _found(self, block: NDArray[np.floating]) -> Iterator[float]:
        finite = np.nan_to_num(np.asarray(block, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        self._waiting = np.concatenate([self._waiting, finite])
        first = 0
        while first + self._size <= len(self._waiting):
            yield self._pitch_of(self._waiting[first : first + self._size])
            first += self._hop
        self._waiting = self._waiting[first:]

    def _pitch_of(self, sound: NDArray[np.float64]) -> float:
        """The pitch that has the most of its harmonics, Hz; 0 where none has enough."""
        spectrum = np.abs(np.fft.rfft(sound * self._window, self._points))[: self._bins]
        level_db = 20 * np.log10(spectrum / self._window.sum() + 1e-12)
        strongest_db = level_db.max()
        if strongest_db < FAINTEST_DB:
            return 0.0
        inner = level_db[1:-1]
        peaks = np.full(level_db.shape, -np.inf)
        peaks[1:-1] = np.where((inner > level_db[:-2]) & (inner >= level_db[2:]), inner, -np.inf)
        line_db = maximum_filter1d(peaks, 2 * self._near + 1)[self._at]
        between_db = median_filter(level_db, 4 * self._near + 1)
        rises = line_db - np.maximum(between_db[self._below], between_db[self._above])
        there = (rises > RISES_DB) & (line_db > strongest_db - REACH_DB)
        there = there.reshape(len(there), len(STIFFNESS), HARMONICS.size)
        enough = (there.sum(axis=2) >= FEWEST) & (there[:, :, TELLING - 1].sum(axis=2) >= FEWEST_TELLING)
        clear = np.minimum(rises, 40.0).reshape(there.shape).clip(min=0.0).mean(axis=2)
        score = np.where(enough, there.sum(axis=2) + clear / 1e3, 0.0).max(axis=1)
        best = int(score.argmax())
        return float(self._candidate_hz[best]) if score[best] > 0 else 0.0
