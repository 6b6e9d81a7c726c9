"""Harmonic receptive fields: combs over log frequency, one for each fundamental that a pitch layer may find."""

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, ShortIntegers, kernel
from sharpear.compiler.entries import in_python

REACH = 2.5
"""A harmonic's tooth ends this many tolerances from its middle."""


class FieldRule(NamedTuple):
    """`HarmonicFields` as the kernels take them."""

    tooth: Annotated[NDArray[np.float32], "harmonics"]
    sigma_octaves: np.float32
    low_hz: np.float32
    per_octave: np.float32


@dataclass(frozen=True)
class HarmonicFields:
    """Receptive fields of pitches over partials, the same comb at every fundamental of a logarithmic grid.

    A partial at f reaches the pitch f₀ through harmonic h with the weight ``h^−α exp(−½ (Δ/σ)²)``, Δ the distance of f
    from h f₀ in cents.

    pitch_hz: (pitches,) fundamentals, evenly spaced in log frequency.
    tooth: (harmonics,) ``h^−α``.
    tolerance_cents: σ.

    >>> fields = HarmonicFields.over(55.0, 1000.0, per_octave=60, harmonics=12, rolloff=0.7, tolerance_cents=30.0)
    >>> round(float(fields.weight(881.0, 440.0)), 3), round(float(fields.weight(660.0, 440.0)), 3)
    (0.614, 0.0)
    """

    pitch_hz: NDArray[np.float64]
    tooth: NDArray[np.float64]
    tolerance_cents: float

    @staticmethod
    def over(
        low_hz: float, high_hz: float, *, per_octave: int, harmonics: int, rolloff: float, tolerance_cents: float
    ) -> "HarmonicFields":
        """Fields of fundamentals from `low_hz` to `high_hz`, with teeth ``h^−rolloff``.

        Raises:
            ValueError: an argument is out of range.
        """
        if not 0 < low_hz < high_hz < np.inf:
            raise ValueError(f"expected 0 < low_hz < high_hz, received low_hz={low_hz:g}, high_hz={high_hz:g}")
        if per_octave < 1 or harmonics < 1 or not tolerance_cents > 0:
            raise ValueError(
                "expected per_octave >= 1, harmonics >= 1 and tolerance_cents > 0, "
                f"received {per_octave}, {harmonics} and {tolerance_cents:g}"
            )
        count = int(per_octave * np.log2(high_hz / low_hz)) + 1
        pitch_hz = low_hz * 2 ** (np.arange(count) / per_octave)
        return HarmonicFields(pitch_hz, np.arange(1, harmonics + 1.0) ** -rolloff, tolerance_cents)

    def weight(self, partial_hz: float, pitch_hz: float) -> float:
        """Weight of one partial in the field of any fundamental, Hz."""
        return float(field_weight(partial_hz, pitch_hz, self.rule))

    @property
    def rule(self) -> FieldRule:
        """The fields as the kernels take them."""
        octaves = math.log2(self.pitch_hz[-1] / self.pitch_hz[0])
        per_octave = (self.pitch_hz.size - 1) / octaves if octaves else 1.0
        return FieldRule(
            tooth=self.tooth.astype(np.float32),
            sigma_octaves=np.float32(self.tolerance_cents / 1200),
            low_hz=np.float32(self.pitch_hz[0]),
            per_octave=np.float32(per_octave),
        )

    @property
    def most_connections(self) -> int:
        """Pitches that one partial can reach, at most."""
        return int(in_python(most_connections)(self.rule))


@kernel
def most_connections(rule: FieldRule) -> int:
    """Pitches that one partial can reach, at most."""
    reach = REACH * np.float64(rule.sigma_octaves) * np.float64(rule.per_octave)
    return rule.tooth.size * (2 * math.ceil(reach) + 1)


@kernel
def field_weight(partial_hz: float, pitch_hz: float, rule: FieldRule) -> np.float32:
    """Weight of a partial in the field of a pitch, both in Hz."""
    tooth, sigma = rule.tooth, rule.sigma_octaves
    h = max(1, round(partial_hz / pitch_hz))
    if h > tooth.size:
        return np.float32(0.0)
    deviation = math.log2(partial_hz / (h * pitch_hz)) / sigma
    if abs(deviation) > REACH:
        return np.float32(0.0)
    return np.float32(tooth[h - 1] * math.exp(-0.5 * deviation * deviation))


@kernel
def connect(
    partial_hz: Floats, partials: int, pitches: int, rule: FieldRule, start: ShortIntegers, unit: ShortIntegers,
    weight: Floats,
) -> None:  # fmt: skip
    """Connections of a frame's partials: i reaches ``unit[start[i]:start[i+1]]``, by the same rows of `weight`.

    What is at 0 Hz is no partial, and reaches none. Along a tooth weights are a Gaussian's: from one unit to the next
    they change by a factor that itself changes by the same one, in double precision, so that few exponentials are left.
    """
    tooth, sigma, low_hz, per_octave = rule.tooth, rule.sigma_octaves, rule.low_hz, rule.per_octave
    half, spacing = REACH * sigma * per_octave, 1 / np.float64(sigma * per_octave)
    bend = math.exp(-spacing * spacing)
    n = 0
    start[0] = 0
    for i in range(partials):
        start[i + 1] = n
        if partial_hz[i] <= 0:
            continue
        position = math.log2(partial_hz[i] / low_hz) * per_octave
        for h in range(1, tooth.size + 1):
            middle = position - math.log2(h) * per_octave
            first, last = max(0, math.ceil(middle - half)), min(pitches - 1, math.floor(middle + half))
            deviation = (middle - first) * spacing
            value = tooth[h - 1] * math.exp(-0.5 * deviation * deviation)
            change = math.exp(spacing * (deviation - 0.5 * spacing))
            for j in range(first, last + 1):
                unit[n], weight[n] = j, value
                value, change = value * change, change * bend
                n += 1
        start[i + 1] = n
