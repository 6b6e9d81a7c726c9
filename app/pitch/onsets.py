"""Moments at which much begins at once: where notes are struck, plucked or blown."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from sharpear.sharpening.frames import Frames

from .pitch_layer import PitchFrames

BAND_ATOMS = 6
"""Atoms whose powers are added up: within a band a line may move without beginning anew."""

COMPRESSION, FLOOR = 0.3, 1e-6
"""Powers count to this power, of the level and above this share of it, -60 dB."""

RISE_S, LEVEL_S, AROUND_S, APART_S = 0.012, 3.0, 0.5, 0.04
"""Time over which sound rises; with which the level falls; over which loudness is averaged; and between two moments."""

LEAST_RISE = 0.2
"""The rise, as a share of the loudness around, from which something begins."""


class Onsets:
    r"""Collects how much begins in each frame of the first stream.

    The powers of bands, of the level L and compressed, ``c_b(t) = (E_b(t) / L(t)² + ε)^0.3``, rise by
    ``r = Σ_b ⌊c_b(t) − c_b(t − τ)⌋₊`` (spectral flux; Bello et al. 2005, IEEE Trans. Speech and Audio Processing 13),
    and something begins where r is largest and at least `LEAST_RISE` times the mean of ``Σ_b c_b`` around, each weighed
    by its ``L^0.6``.

    Args:
        hop_s: time between frames, s.
    """

    def __init__(self, hop_s: float) -> None:
        self._hop_s, self._depth = hop_s, max(1, round(RISE_S / hop_s))
        self._power: NDArray[np.float64] | None = None
        self._count, self._level = 0, -np.inf
        self._told: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []

    def add(self, frames: PitchFrames | Frames) -> None:
        """Append consecutive frames."""
        if not len(frames):
            return
        power = np.square(frames.amplitude[:, 0].astype(np.float64))
        bands = np.add.reduceat(power, np.arange(0, power.shape[1], BAND_ATOMS), axis=1)
        # L(t) = max over the past of its peaks, falling: as logarithms that are raised by what they will fall.
        fallen = 2 * self._hop_s / LEVEL_S * (self._count + np.arange(len(power)))
        raised = np.log(power.max(axis=1) + np.finfo(float).tiny) + fallen
        level = np.maximum.accumulate(np.append(self._level, raised))[1:]
        self._level, self._count = float(level[-1]), self._count + len(power)
        before = np.zeros((self._depth, bands.shape[1])) if self._power is None else self._power
        known = np.concatenate([before, bands])
        self._power = known[-self._depth :]
        scale = np.exp(fallen - level)[:, None]
        now, then = ((scale * part + FLOOR) ** COMPRESSION for part in (bands, known[: len(bands)]))
        # Told by what each frame's own level is worth: what stirs in silence is little beside the sound that follows.
        worth = scale[:, 0] ** -COMPRESSION
        self._told.append((frames.times, worth * np.maximum(now - then, 0).sum(axis=1), worth * now.sum(axis=1)))

    def times(self) -> NDArray[np.float64]:
        """Moments at which something begins, s."""
        if not self._told:
            return np.zeros(0)
        times, rise, loudness = (np.concatenate(part) for part in zip(*self._told, strict=True))
        around, apart = (max(1, round(length_s / self._hop_s)) for length_s in (AROUND_S, APART_S))
        largest = (rise == maximum_filter1d(rise, apart)) & (np.diff(rise, prepend=0) > 0)
        return np.asarray(times[largest & (rise > LEAST_RISE * uniform_filter1d(loudness, around))])
