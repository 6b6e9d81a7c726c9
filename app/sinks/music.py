"""Pitch as musicians write it: keys, of which 69 is A4, and their names, where the settings `[tuning]` place them."""

import math
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from sharpear.compiler import Doubles, kernel
from sharpear.config import HIGHEST_A4_HZ, LOWEST_A4_HZ, TEMPERAMENTS, TuningConfig
from sharpear.errors import InputError

NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
A4_KEY, A4_HZ = 69, 440.0
FIFTHS_FROM_A = np.array([-3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2])
"""How many fifths each pitch class, C to B, lies above A where they are tuned by fifths, from E♭ to G♯."""
JUST_ON_C = np.array([1, 16 / 15, 9 / 8, 6 / 5, 5 / 4, 4 / 3, 45 / 32, 3 / 2, 8 / 5, 5 / 3, 9 / 5, 15 / 8])
TEMPERED_CENTS: dict[str, Doubles] = {
    "equal": np.zeros(12),
    "meantone": FIFTHS_FROM_A * (300 * np.log2(5) - 700),
    "pythagorean": FIFTHS_FROM_A * (1200 * np.log2(3 / 2) - 700),
    "just": 1200 * np.log2(JUST_ON_C * 3 / 5) - 100 * (np.arange(12) - 9),
}
"""By how many cents each pitch class, C to B, lies above that of equal temperament on the same A."""
STANDARD = TuningConfig()
"""Equal temperament on 440 Hz."""


def tuning_of(attributes: Mapping[str, Any]) -> TuningConfig:
    """The tuning that a file's attributes name; the standard one where they name none.

    Raises:
        InputError: there is none such.

    >>> tuning_of({"config": {"tuning": {"a4_hz": 415}}}).a4_hz
    415.0
    """
    config = attributes.get("config")
    told = config.get("tuning", {}) if isinstance(config, Mapping) else {}
    try:
        return TuningConfig.model_validate(told)
    except ValidationError as error:
        expected = f"a4_hz, {LOWEST_A4_HZ:g} to {HIGHEST_A4_HZ:g}, and temperament, {', '.join(TEMPERAMENTS)}"
        received = f"received {reprlib.repr(told)}: sharpen the recording again"
        raise InputError(f"config.tuning: expected {expected}; {received}") from error


def nearest_key(semitones: float, cents: Doubles) -> int:
    """The key of the note nearest to a pitch in semitones, of which the tuning's own A4 is 69. cents: of a temperament.

    >>> [nearest_key(60.6, TEMPERED_CENTS[temperament]) for temperament in ("equal", "just")]
    [61, 60]
    """
    middle = round(semitones)
    best, least = middle, abs(semitones - middle - cents[middle % 12] / 100)
    for key in (middle - 1, middle + 1):
        off = abs(semitones - key - cents[key % 12] / 100)
        if off < least:
            best, least = key, off
    return best


_nearest_key = kernel(nearest_key)
"""As kernels call it; Python has nothing compiled for a name."""


def named(pitch: float, tuning: TuningConfig = STANDARD) -> tuple[int, float]:
    """The key of the note nearest to a MIDI pitch, and how many cents this is above it.

    >>> named(69.0), named(midi_pitch(415.0), TuningConfig(a4_hz=415))
    ((69, 0.0), (69, 0.0))
    """
    exact, cents = pitch - 12 * math.log2(tuning.a4_hz / A4_HZ), TEMPERED_CENTS[tuning.temperament]
    key = nearest_key(exact, cents)
    return key, float(100 * (exact - key) - cents[key % 12])


def hertz(key: int, cents: float = 0.0, tuning: TuningConfig = STANDARD) -> float:
    """The frequency so many cents above a key's note.

    >>> hertz(57), hertz(69, tuning=TuningConfig(a4_hz=415))
    (220.0, 415.0)
    """
    above = key - A4_KEY + (cents + TEMPERED_CENTS[tuning.temperament][key % 12]) / 100
    return float(tuning.a4_hz * 2 ** (above / 12))


def midi_pitch(frequency_hz: float) -> float:
    """MIDI's own pitch, in semitones, of which 440 Hz is 69 whatever the tuning.

    >>> midi_pitch(220.0)
    57.0
    """
    return A4_KEY + 12 * math.log2(frequency_hz / A4_HZ)


def key_name(key: int) -> str:
    """A key's name and octave.

    >>> key_name(69), key_name(61)
    ('A4', 'C♯4')
    """
    return f"{NAMES[key % 12]}{key // 12 - 1}"


def note_name(frequency_hz: float, tuning: TuningConfig = STANDARD) -> str:
    """The nearest note and the distance to it in cents.

    >>> note_name(440.0), note_name(268.0), note_name(268.0, TuningConfig(temperament="meantone"))
    ('A4 +0', 'C4 +42', 'C4 +31')
    """
    key, cents = named(midi_pitch(frequency_hz), tuning)
    return f"{key_name(key)} {round(cents):+d}"


@kernel
def pitch_class(frequency_hz: float, a4_hz: float, cents: Doubles) -> int:
    """That of the nearest note: 1 to 12, C to B. cents: of a temperament.

    >>> equal = TEMPERED_CENTS["equal"]
    >>> [NAMES[pitch_class(hz, a4_hz, equal) - 1] for hz, a4_hz in ((440.0, 440.0), (268.0, 440.0), (440.0, 466.0))]
    ['A', 'C', 'G♯']
    """
    key: int = _nearest_key(A4_KEY + 12 * math.log2(frequency_hz / a4_hz), cents)
    return 1 + key % 12
