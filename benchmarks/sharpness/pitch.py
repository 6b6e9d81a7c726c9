"""A plain harmonic-sum peak picker: multi-pitch from the frames of any method."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from benchmarks.sharpness.lines import Floats

PER_OCTAVE = 48
LOWEST_HZ, HIGHEST_HZ = 65.0, 1000.0
HARMONICS = 8
ROLLOFF = 0.75
COMPRESSION = 0.6
"""Sums are over amplitudes to this power: one strong partial does not outweigh a row of weak ones."""
QUIETEST = 0.02
"""Partials this far below the loud frames of the whole are not looked at (34 dB)."""
MEDIAN_FRAMES = 13
"""Amplitudes are medians over so many frames, each 5.8 ms from the next: what blinks is no voice."""
SHARE = 0.4
"""A further voice needs this share of the first one's harmonic sum."""
LEFT = 0.4
"""What a voice leaves of its partials for the voices that share them."""
VOICES = 6


def amplitudes_on_grid(frequencies_hz: Floats, energy: Floats) -> Floats:
    """Amplitude (frames, bins) on a logarithmic grid from 65 Hz, 48 an octave, over all harmonics."""
    bins = int(PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ * HARMONICS)) + 3
    position = PER_OCTAVE * np.log2(np.maximum(np.broadcast_to(frequencies_hz, energy.shape), 1.0) / LOWEST_HZ)
    index = np.rint(position).astype(int)
    rows, columns = np.nonzero((index >= 0) & (index < bins))
    slot = rows * bins + index[rows, columns]
    grid = np.bincount(slot, energy[rows, columns], len(energy) * bins).reshape(len(energy), bins)
    # A partial is whatever lies within ±1 bin (a quarter tone): refined and smeared methods alike.
    padded = np.pad(grid, ((0, 0), (1, 1)))
    return np.asarray(np.sqrt(padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]))


def multi_pitch(frequencies_hz: Floats, energy: Floats) -> list[Floats]:
    """Per frame, the fundamentals in Hz: the largest harmonic sum wins, takes most of its partials, and again."""
    grid = median_filter(amplitudes_on_grid(frequencies_hz, energy), size=(MEDIAN_FRAMES, 1))
    loud = np.quantile(grid.max(axis=1), 0.95)
    grid = np.where(grid > QUIETEST * loud, grid, 0.0) ** COMPRESSION
    offsets = np.rint(PER_OCTAVE * np.log2(np.arange(1, HARMONICS + 1))).astype(int)
    candidates = int(PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ)) + 1
    comb = np.arange(candidates)[:, None] + offsets
    weights, found = ROLLOFF ** np.arange(HARMONICS), []
    for row in grid:
        voices: list[int] = []
        # A fundamental that is itself absent is no candidate: it is an octave or a fifth too low.
        free, needed = row[:candidates] > 0.05 * row.max(), 1e-12
        while len(voices) < VOICES:
            salience = (row[comb] * weights).sum(axis=1) * free
            best = int(salience.argmax())
            if salience[best] < needed:
                break
            needed = needed if voices else SHARE * float(salience[best])
            voices.append(best)
            free[max(best - 2, 0) : best + 3] = False
            for offset in offsets:
                row[max(best + offset - 2, 0) : best + offset + 3] *= LEFT
        found.append(LOWEST_HZ * 2 ** (np.array(voices) / PER_OCTAVE))
    return found
