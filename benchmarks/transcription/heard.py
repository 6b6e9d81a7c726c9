"""What a method hears: pitches frame by frame, and notes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.sharpness.lines import Floats

LOWEST_HZ, HIGHEST_HZ = 65.0, 1000.0
"""Range of the pitches that methods look for."""


@dataclass(frozen=True)
class Heard:
    """Pitches in Hz at each of `times_s`, and notes as rows (onset s, offset s, Hz) from methods that give some."""

    times_s: Floats
    pitches_hz: list[Floats]
    notes: Floats = field(default_factory=lambda: np.zeros((0, 3)))
