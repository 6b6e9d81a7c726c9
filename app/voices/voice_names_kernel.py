"""Whose partials a row's peaks are, as its hypotheses have it, where voices do not explain the row. No validation here.

A fit of rigid voices strays where every partial changes by itself, and leaves a voice where it strayed; hypotheses are
the better guess there.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel

from .voice_hypotheses_kernel import COMPRESSION, Hypotheses, HypothesisRoom, HypothesisTables, next_peak
from .voices_kernel import ALIKE, PARTIALS, Voices, is_known

LEAST_FITTED, LEAST_ALONE = 0.01, 0.3
"""A hypothesis names peaks that is a peak itself of at least this share of the strongest, where it is a fitted voice's
and where it is not: see docs/voices.md."""

NEAR = 30 / 1200 * math.log(2)
"""A peak within 30 cents of a multiple of a fundamental may be its partial."""


class Names(NamedTuple):
    """Partials of a row's hypotheses, the strongest's first: Hz, amplitude², fundamental in Hz; 0 behind the last."""

    hz: Annotated[NDArray[np.float64], "all partials"]
    energy: Annotated[NDArray[np.float64], "all partials"]
    pitch_hz: Annotated[NDArray[np.float64], "all partials"]


@kernel
def clear_names(names: Names) -> None:
    """There are none."""
    names.hz[:], names.energy[:], names.pitch_hz[:] = 0.0, 0.0, 0.0


@kernel(apart=True)
def find_names(
    tables: HypothesisTables, peaks: HypothesisRoom, hypotheses: Hypotheses, voices: Voices, window_power: float,
    names: Names,
) -> None:  # fmt: skip
    """The peaks that the strongest hypotheses take for their partials.

    peaks: by which the hypotheses have just competed; voices: fitted to the row; window_power: of the window squared,
    for amplitudes.
    """
    clear_names(names)
    activity, last, found = hypotheses.activity, math.inf, 0
    strongest = activity.max()
    while True:
        best = next_peak(activity, LEAST_FITTED * strongest, last)
        if best < 0:
            break
        last = activity[best]
        pitch_hz = _between(activity, best, tables.grid_hz)
        if last < LEAST_ALONE * strongest and not is_known(voices, pitch_hz):
            continue
        pitch_hz *= math.exp(_astray(pitch_hz, peaks.hz, peaks.amplitude))
        for i in range(peaks.hz.size):
            if found < names.hz.size and _multiple(peaks.hz[i], pitch_hz) > 0:
                amplitude = peaks.amplitude[i] ** (1 / COMPRESSION) * hypotheses.level[0] / window_power
                names.hz[found], names.energy[found] = peaks.hz[i], amplitude * amplitude
                names.pitch_hz[found] = pitch_hz
                found += 1


@kernel
def _between(activity: Floats, j: int, grid_hz: Doubles) -> float:
    """Where a peak is between the fundamentals of the grid, Hz: a parabola through logarithms."""
    rise, fall = math.log(activity[j] / activity[j - 1]), math.log(activity[j] / activity[j + 1])
    return float(grid_hz[j] * (grid_hz[j + 1] / grid_hz[j]) ** (0.5 * (rise - fall) / (rise + fall)))


@kernel
def _multiple(hz: float, pitch_hz: float) -> int:
    """Which multiple of a fundamental is near, 0 for none."""
    h = round(hz / pitch_hz)
    return h if 0 < h <= PARTIALS and abs(math.log(hz / (h * pitch_hz))) < NEAR else 0


@kernel
def _astray(pitch_hz: float, hz: Floats, amplitude: Floats) -> float:
    """How far the partials of a fundamental are above its multiples, ln: the higher ones tell it the better."""
    total = moment = 0.0
    for i in range(hz.size):
        h = _multiple(hz[i], pitch_hz)
        if h > 0:
            total += h * amplitude[i]
            moment += h * amplitude[i] * math.log(hz[i] / (h * pitch_hz))
    return moment / total if total > 0 else 0.0


@kernel
def find_alike(pitch_hz: float, names: Names) -> float:
    """The fundamental of a row that is nearest to another's, Hz, 0 where none is alike, or there is no other."""
    best, found = ALIKE, 0.0
    if pitch_hz == 0:
        return found
    for k in range(names.pitch_hz.size):
        if names.pitch_hz[k] > 0:
            apart = abs(math.log(names.pitch_hz[k] / pitch_hz))
            if apart < best:
                best, found = apart, float(names.pitch_hz[k])
    return found
