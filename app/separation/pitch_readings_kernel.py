"""Loops of `VoiceTracks` that read each pitch: alone, and beside others whose harmonic it may be. No validation."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel

HARMONICS = 12
"""Harmonics of a pitch whose energy is read."""

READINGS = 27
REACH = 0.03
"""Octaves between a line and the harmonic that it is taken for, and of a pitch from a whole multiple of another."""

GLIDE_OCTAVES = 0.08
"""A pitch that moves farther than this from one frame to the next is taken for another one."""

HIGHEST_RATIO = 6
FAINTEST = 1e-6
"""Energy, as a share of the frame's, that is added to every harmonic's: -60 dB."""

NO_ENERGY = 1e-20
NO_STRENGTH = 1e-3
CLOSE = 40.0
"""Two pitches' distance from a whole ratio is told in so many parts of an octave."""


class NoteMemory(NamedTuple):
    """Each place's Hz in the frame before, the frames for which its pitch has lasted, and its greatest level, log10."""

    before: Annotated[NDArray[np.float32], "places"]
    age: Annotated[NDArray[np.int64], "places"]
    loudest: Annotated[NDArray[np.float64], "places"]


@kernel
def weigh_harmonics(f0: Floats, amplitude: Floats, line_hz: Floats, energy: Floats) -> None:
    """Energy of the lines at each harmonic of each pitch, and a little of the frame's; (places, harmonics)."""
    whole = 0.0
    energy[:] = 0.0
    for i in range(amplitude.size):
        if amplitude[i] > 0 and line_hz[i] > 0:
            own = np.float64(amplitude[i]) ** 2
            whole += own
            for p in range(f0.size):
                if f0[p] > 0:
                    h = round(line_hz[i] / f0[p])
                    if 1 <= h <= HARMONICS and abs(math.log2(line_hz[i] / (h * f0[p]))) < REACH:
                        energy[p, h - 1] += own
    energy += FAINTEST * whole + NO_ENERGY


@kernel
def level_of(energy: Floats) -> float:
    """Log10 of a pitch's energy, of which some is always added to each harmonic's."""
    return math.log10(energy.sum() + NO_ENERGY)


@kernel
def last_note(f0: float, level: float, p: int, before: Floats, age: Floats, loudest: Floats) -> None:
    """Count the frames of a place's pitch, and keep its greatest level."""
    goes_on = f0 > 0 and before[p] > 0 and abs(math.log2(max(f0, 1.0) / max(before[p], 1.0))) < GLIDE_OCTAVES
    age[p] = age[p] + 1 if goes_on else 0
    loudest[p] = max(loudest[p], level) if goes_on else level
    before[p] = f0


@kernel
def describe(
    p: int, f0: Floats, strength: Floats, energy: Floats, level: Floats, age: Floats, loudest: Floats, aging: float,
    reading: Floats,
) -> None:  # fmt: skip
    """What is read of pitch p: alone, beside the others, and beside the strongest pitch whose harmonic it may be."""
    reading[:] = 0.0
    reading[0] = math.log(strength[p] + NO_STRENGTH)
    reading[1] = level[p] - loudest[p]
    reading[2] = math.log(1.0 + age[p] * aging)
    reading[3] = level[p] - level.max()
    below, above, ratio_below, ratio_above = -1, -1, 0, 0
    for q in range(f0.size):
        if f0[q] <= 0:
            continue
        reading[4] += 1.0
        if strength[q] > strength[p]:
            reading[5] += 1.0
        ratio = whole_ratio(f0[p], f0[q])
        if ratio > 1 and (below < 0 or strength[q] > strength[below]):
            below, ratio_below = q, ratio
        ratio = whole_ratio(f0[q], f0[p])
        if ratio > 1 and (above < 0 or strength[q] > strength[above]):
            above, ratio_above = q, ratio
    reading[6] = math.log2(f0[p] / 220.0)
    for h in range(6):
        reading[7 + h] = math.log10(energy[p, h]) - level[p]
    if below >= 0:
        stand_out(p, below, ratio_below, f0, strength, energy[below], age, aging, reading)
    if above >= 0:
        reading[23] = 1.0
        reading[24] = math.log((strength[p] + NO_STRENGTH) / (strength[above] + NO_STRENGTH))
        reading[25] = math.log((1.0 + age[p] * aging) / (1.0 + age[above] * aging))
        shared = energy[p, ratio_above - 1 :: ratio_above].sum()
        reading[26] = math.log10((energy[p].sum() - shared + NO_ENERGY) / shared)


@kernel
def stand_out(
    p: int, q: int, ratio: int, f0: Floats, strength: Floats, energy: Floats, age: Floats, aging: float,
    reading: Floats,
) -> None:  # fmt: skip
    """How far those harmonics of q that pitch p would have rise above their neighbours; energy: q's harmonics'."""
    reading[13] = 1.0
    reading[14] = 1.0 if ratio == 2 else 0.0
    reading[15] = 1.0 if ratio == 3 else 0.0
    reading[16] = math.log((strength[p] + NO_STRENGTH) / (strength[q] + NO_STRENGTH))
    reading[17] = math.log((1.0 + age[p] * aging) / (1.0 + age[q] * aging))
    reading[18] = CLOSE * abs(math.log2(f0[p] / (ratio * f0[q])))
    for k in range(1, 4):
        h = ratio * k - 1
        if h + 1 < HARMONICS:
            reading[18 + k] = math.log10(energy[h]) - 0.5 * (math.log10(energy[h - 1]) + math.log10(energy[h + 1]))
    reading[22] = math.log10(energy[0] / energy[ratio - 1])


@kernel
def whole_ratio(high: float, low: float) -> int:
    """The whole number, 2 to 6, that is the ratio of two pitches; 0 if none is."""
    if low <= 0 or high <= low:
        return 0
    ratio = round(high / low)
    if ratio < 2 or ratio > HIGHEST_RATIO or abs(math.log2(high / (ratio * low))) > REACH:
        return 0
    return ratio
