"""Pitch as musicians write it."""

import math

from sharpear.compiler import kernel

A4_HZ = 440.0
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def note_name(frequency_hz: float) -> str:
    """The nearest note of equal temperament and the distance to it in cents.

    >>> note_name(440.0), note_name(268.0)
    ('A4 +0', 'C4 +42')
    """
    semitones = 12 * math.log2(frequency_hz / A4_HZ) + 57
    nearest = round(semitones)
    return f"{NAMES[nearest % 12]}{nearest // 12} {round(100 * (semitones - nearest)):+d}"


@kernel
def pitch_class(frequency_hz: float) -> int:
    """That of the nearest note: 1 to 12, C to B.

    >>> NAMES[pitch_class(440.0) - 1], NAMES[pitch_class(268.0) - 1]
    ('A', 'C')
    """
    return 1 + (round(12 * math.log2(frequency_hz / A4_HZ)) + 9) % 12
