"""Voices whose partials others explain: an octave or a twelfth above a tone has no activity while they share them."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.dynamics.harmonic_fields import REACH, FieldRule, field_weight

NEVER_USED = 0.5
"""How far, in octaves, a place stands whose last pitch is not known."""


class HiddenRule(NamedTuple):
    """From which activity, of the strongest pitch's, such a voice is followed, 1 for none; where; how far it moves."""

    least: np.float32
    low_hz: np.float32
    high_hz: np.float32
    glide_octaves: np.float32


@kernel
def follow_hidden(
    y: Floats, line_hz: Floats, partials: int, strongest: np.float32, rule: HiddenRule, fields: FieldRule,
    before: Floats, f0: Floats, last_f0: Floats, strength: Floats, hidden: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Give the places that are left to partials that may be fundamentals.

    How strong each would be alone is what fits its partials best, ``Σ_i w_i y_i / Σ_h h^−2α``. The strongest choose
    first: the place where they were, or the free one whose last pitch was nearest.

    before: Hz at the step before.
    """
    free, least = 0, rule.least * strongest
    for v in range(f0.size):
        free += int(f0[v] == 0 and rule.least < 1)
    alone = np.zeros(partials, np.float32)
    for i in range(partials if free else 0):
        if y[i] >= least and rule.low_hz <= line_hz[i] <= rule.high_hz:
            alone[i] = strength_alone(y, line_hz, partials, line_hz[i], fields)
    while free > 0:
        best = -1
        for i in range(partials):
            if alone[i] >= least and (best < 0 or alone[i] > alone[best]):
                best = i
        if best < 0:
            break
        place = place_for(line_hz[best], rule.glide_octaves, before, f0, last_f0)
        if place >= 0:
            f0[place] = last_f0[place] = line_hz[best]
            strength[place], hidden[place] = alone[best], True
            free -= 1
        alone[best] = 0.0


@kernel
def strength_alone(y: Floats, line_hz: Floats, partials: int, hz: np.float32, fields: FieldRule) -> np.float32:
    """The strength of a comb that fits the partials best, ``Σ_i w_i y_i / Σ_h h^−2α``."""
    has, whole, near = np.float32(0), np.float32(0), 2 ** (REACH * fields.sigma_octaves) - 1
    for tooth in fields.tooth:
        whole += tooth * tooth
    for i in range(partials):
        ratio = line_hz[i] / hz
        h = round(ratio)
        # Most partials are far from all harmonics, and told so without a logarithm.
        if 0 < h <= fields.tooth.size and abs(ratio - h) <= near * h:
            has += field_weight(line_hz[i], hz, fields) * y[i]
    return has / whole


@kernel
def place_for(hz: np.float32, glide_octaves: np.float32, before: Floats, f0: Floats, last_f0: Floats) -> int:
    """The free place where a pitch was, or the one whose last pitch was nearest; -1 where a voice has this pitch."""
    place, nearest, stood = -1, math.inf, False
    for v in range(f0.size):
        if f0[v] > 0:
            if abs(math.log2(f0[v] / hz)) < glide_octaves:
                return -1
            continue
        goes_on = bool(before[v] > 0 and abs(math.log2(before[v] / hz)) <= glide_octaves)
        away = abs(math.log2(last_f0[v] / hz)) if last_f0[v] > 0 else NEVER_USED
        if (goes_on and not stood) or (goes_on == stood and away < nearest):
            place, nearest, stood = v, away, goes_on
    return place
