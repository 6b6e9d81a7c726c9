"""A plain harmonic-sum peak picker: multi-pitch from the frames of any method."""

from __future__ import annotations

import numpy as np

from benchmarks.sharpness.lines import Floats

PER_OCTAVE = 48
LOWEST_HZ, HIGHEST_HZ = 65.0, 1000.0
HARMONICS = 10
ROLLOFF = 0.8
SILENCE = 1e-5
"""Partials this far below the loud frames of the whole, as energies, are not looked at (50 dB)."""
SHARE = 0.2
"""A further voice needs this share of the first one's harmonic sum."""
VOICES = 5


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
    """Per frame, the fundamentals in Hz: the largest harmonic sum wins, its partials go, and again."""
    grid = amplitudes_on_grid(frequencies_hz, energy)
    offsets = np.rint(PER_OCTAVE * np.log2(np.arange(1, HARMONICS + 1))).astype(int)
    candidates = int(PER_OCTAVE * np.log2(HIGHEST_HZ / LOWEST_HZ)) + 1
    comb = np.arange(candidates)[:, None] + offsets
    weights = ROLLOFF ** np.arange(HARMONICS)
    loudest, found = np.quantile(grid.max(axis=1), 0.95), []
    for row in grid:
        frame: list[float] = []
        first = 0.0
        while len(frame) < VOICES and row.max() > np.sqrt(SILENCE) * loudest:
            # A fundamental that is itself absent is no candidate: it is an octave or a fifth too low.
            salience = (row[comb] * weights).sum(axis=1) * (row[:candidates] > 0.1 * row.max())
            best = int(salience.argmax())
            first = first or float(salience[best])
            if salience[best] < SHARE * first or salience[best] == 0:
                break
            frame.append(LOWEST_HZ * 2 ** (best / PER_OCTAVE))
            for offset in offsets:
                row[max(best + offset - 2, 0) : best + offset + 3] *= 0.1
        found.append(np.array(frame))
    return found
