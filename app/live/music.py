"""Pitch as musicians write it."""

import math

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
