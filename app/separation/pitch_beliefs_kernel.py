"""Loops of `PitchBeliefs`: what is read of each pitch that sounds, and the network that weighs it. No validation."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel

HARMONICS = 12
"""Harmonics of a pitch whose energy is read."""

FEATURES = 27
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


class Readout(NamedTuple):
    """Two layers: hyperbolic tangents, then one sum, of the features; the last of each row is what is added."""

    hidden: Annotated[NDArray[np.float32], "units", "features + 1"]
    output: Annotated[NDArray[np.float32], "units + 1"]


class NoteMemory(NamedTuple):
    """Each place's Hz in the frame before, the frames for which its pitch has lasted, and its greatest level, log10."""

    before: Annotated[NDArray[np.float32], "streams", "places"]
    age: Annotated[NDArray[np.int64], "streams", "places"]
    loudest: Annotated[NDArray[np.float64], "streams", "places"]


@kernel
def believe(
    f0: Floats, strength: Floats, amplitude: Floats, line_hz: Floats, aging: float, readout: Readout,
    memory: NoteMemory, belief: Floats,
) -> None:  # fmt: skip
    """Log odds that each pitch is a voice's, 0 where silent; f0, strength, belief (frames, streams, places).

    aging: what a frame adds to the age of a note.
    """
    places = f0.shape[2]
    energy, feature = np.empty((places, HARMONICS), np.float64), np.empty(FEATURES, np.float32)
    level = np.empty(places, np.float64)
    for n in range(f0.shape[0]):
        for s in range(f0.shape[1]):
            age = memory.age[s]
            weigh_harmonics(f0[n, s], amplitude[n, s], line_hz[n, s], energy)
            for p in range(places):
                level[p] = math.log10(energy[p].sum() + NO_ENERGY)
                last_note(f0[n, s, p], level[p], p, memory.before[s], age, memory.loudest[s])
            for p in range(places):
                belief[n, s, p] = 0.0
                if f0[n, s, p] > 0:
                    describe(p, f0[n, s], strength[n, s], energy, level, age, memory.loudest[s], aging, feature)
                    belief[n, s, p] = read_out(feature, readout)


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
def last_note(f0: float, level: float, p: int, before: Floats, age: Floats, loudest: Floats) -> None:
    """Count the frames of a place's pitch, and keep its greatest level."""
    goes_on = f0 > 0 and before[p] > 0 and abs(math.log2(max(f0, 1.0) / max(before[p], 1.0))) < GLIDE_OCTAVES
    age[p] = age[p] + 1 if goes_on else 0
    loudest[p] = max(loudest[p], level) if goes_on else level
    before[p] = f0


@kernel
def describe(
    p: int, f0: Floats, strength: Floats, energy: Floats, level: Floats, age: Floats, loudest: Floats, aging: float,
    feature: Floats,
) -> None:  # fmt: skip
    """What is read of pitch p: alone, beside the others, and beside the strongest pitch whose harmonic it may be."""
    feature[:] = 0.0
    feature[0] = math.log(strength[p] + NO_STRENGTH)
    feature[1] = level[p] - loudest[p]
    feature[2] = math.log(1.0 + age[p] * aging)
    feature[3] = level[p] - level.max()
    below, above, ratio_below, ratio_above = -1, -1, 0, 0
    for q in range(f0.size):
        if f0[q] <= 0:
            continue
        feature[4] += 1.0
        if strength[q] > strength[p]:
            feature[5] += 1.0
        ratio = whole_ratio(f0[p], f0[q])
        if ratio > 1 and (below < 0 or strength[q] > strength[below]):
            below, ratio_below = q, ratio
        ratio = whole_ratio(f0[q], f0[p])
        if ratio > 1 and (above < 0 or strength[q] > strength[above]):
            above, ratio_above = q, ratio
    feature[6] = math.log2(f0[p] / 220.0)
    for h in range(6):
        feature[7 + h] = math.log10(energy[p, h]) - level[p]
    if below >= 0:
        stand_out(p, below, ratio_below, f0, strength, energy[below], age, aging, feature)
    if above >= 0:
        feature[23] = 1.0
        feature[24] = math.log((strength[p] + NO_STRENGTH) / (strength[above] + NO_STRENGTH))
        feature[25] = math.log((1.0 + age[p] * aging) / (1.0 + age[above] * aging))
        shared = energy[p, ratio_above - 1 :: ratio_above].sum()
        feature[26] = math.log10((energy[p].sum() - shared + NO_ENERGY) / shared)


@kernel
def stand_out(
    p: int, q: int, ratio: int, f0: Floats, strength: Floats, energy: Floats, age: Floats, aging: float,
    feature: Floats,
) -> None:  # fmt: skip
    """How far those harmonics of q that pitch p would have rise above their neighbours; energy: q's harmonics'."""
    feature[13] = 1.0
    feature[14] = 1.0 if ratio == 2 else 0.0
    feature[15] = 1.0 if ratio == 3 else 0.0
    feature[16] = math.log((strength[p] + NO_STRENGTH) / (strength[q] + NO_STRENGTH))
    feature[17] = math.log((1.0 + age[p] * aging) / (1.0 + age[q] * aging))
    feature[18] = CLOSE * abs(math.log2(f0[p] / (ratio * f0[q])))
    for k in range(1, 4):
        h = ratio * k - 1
        if h + 1 < HARMONICS:
            feature[18 + k] = math.log10(energy[h]) - 0.5 * (math.log10(energy[h - 1]) + math.log10(energy[h + 1]))
    feature[22] = math.log10(energy[0] / energy[ratio - 1])


@kernel
def whole_ratio(high: float, low: float) -> int:
    """The whole number, 2 to 6, that is the ratio of two pitches; 0 if none is."""
    if low <= 0 or high <= low:
        return 0
    ratio = round(high / low)
    if ratio < 2 or ratio > HIGHEST_RATIO or abs(math.log2(high / (ratio * low))) > REACH:
        return 0
    return ratio


@kernel
def read_out(feature: Floats, readout: Readout) -> float:
    """``o · tanh(H x)``."""
    hidden, output = readout.hidden, readout.output
    total = np.float64(output[-1])
    for u in range(hidden.shape[0]):
        raised = np.float64(hidden[u, -1])
        for i in range(feature.size):
            raised += hidden[u, i] * feature[i]
        total += output[u] * math.tanh(raised)
    return total
