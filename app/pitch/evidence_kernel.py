"""What speaks for each voice and against it, in numbers that a readout weighs. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.dynamics.harmonic_fields import FieldRule, field_weight

EVIDENCE = 37
"""Numbers that are told of a voice."""
FIRST_HARMONICS = 6
"""Harmonics that are told of one by one; those above are told of together."""
BESIDE_HARMONICS = 4
"""Harmonics of which it is told how far they stand out among those of a lower voice that has them, too."""
NEAR_OCTAVES = np.float32(0.05)
"""How far from an octave or a twelfth two voices may stand, to be told of as one."""
OLDEST_STEPS = 40
"""A voice that has sounded for longer is no older."""
SMALLEST = np.float32(1e-4)


class ReadoutLayers(NamedTuple):
    """Weights of the three layers that make a belief of evidence, the bias last in each row."""

    first: Annotated[NDArray[np.float32], "first", "evidence + 1"]
    second: Annotated[NDArray[np.float32], "second", "first + 1"]
    last: Annotated[NDArray[np.float32], "one", "second + 1"]


class VoicesHeard(NamedTuple):
    """The places of voices at a step, as they are followed."""

    f0: Annotated[NDArray[np.float32], "voices"]
    last_f0: Annotated[NDArray[np.float32], "voices"]
    strength: Annotated[NDArray[np.float32], "voices"]
    clear: Annotated[NDArray[np.float32], "voices"]
    age: Annotated[NDArray[np.int64], "voices"]
    """Steps since they began."""

    hidden: Annotated[NDArray[np.bool_], "voices"]
    """Whether others explain them: these claim nothing of what the others have, and stand beside none."""


@kernel(apart=True)
def weigh_evidence(
    y: Floats, line_hz: Floats, partials: int, rule: FieldRule, strongest: np.float32, history: Floats, step: int,
    voices: VoicesHeard, evidence: Floats,
) -> None:  # fmt: skip
    """Numbers (voices, `EVIDENCE`) of the voices that sound; 0 of the others."""
    f0, strength, hidden = voices.f0, voices.strength, voices.hidden
    count, total, loudest = 0, np.float32(0), SMALLEST
    for v in range(f0.size):
        if f0[v] > 0 and not hidden[v]:
            count += 1
            loudest = max(loudest, strength[v])
    evidence[:] = 0
    unexplained = np.float32(0)
    own = np.zeros((f0.size, rule.tooth.size + 1), np.float32)
    level = np.zeros((f0.size, rule.tooth.size + 1), np.float32)
    sums, claims = np.zeros((f0.size, 3), np.float32), np.empty(f0.size, np.float32)
    for i in range(partials):
        told_of = claim_all(line_hz[i], rule, f0, strength, hidden, claims)
        total += y[i]
        unexplained += max(y[i] - told_of, np.float32(0))
        for v in range(f0.size):
            if f0[v] > 0:
                claim = claims[v]
                if claim > 0:
                    h = max(1, round(line_hz[i] / f0[v]))
                    expected = told_of + (claim * strength[v] if hidden[v] else np.float32(0))
                    share = claim * strength[v] / expected * y[i]
                    octaves = math.log2(line_hz[i] / (h * f0[v])) / rule.sigma_octaves
                    own[v, h] += share
                    level[v, h] = max(level[v, h], claim / rule.tooth[h - 1] * y[i])
                    sums[v, 0] += claim * share
                    sums[v, 1] += claim * y[i]
                    sums[v, 2] += claim * share * octaves * octaves
                else:
                    place = line_hz[i] / f0[v]
                    if place < FIRST_HARMONICS:
                        evidence[v, 25] += y[i] * near_part(place, 2, rule)
                        evidence[v, 26] += y[i] * near_part(place, 3, rule)
    for v in range(f0.size):
        if f0[v] > 0:
            told = evidence[v]
            heard = max(strength[v], SMALLEST)
            told[0], told[1] = math.log(heard / strongest), math.log(heard)
            told[2] = math.log(max(voices.clear[v], np.float32(0.01)))
            first = np.float32(0)
            for h in range(1, rule.tooth.size + 1):
                first += own[v, h] if h <= FIRST_HARMONICS else np.float32(0)
                ratio = min(own[v, h] / (rule.tooth[h - 1] * heard), np.float32(3))
                if h <= FIRST_HARMONICS:
                    told[2 + h] = ratio
                else:
                    told[9] += ratio / max(1, rule.tooth.size - FIRST_HARMONICS)
            told[10] = sums[v, 0] / max(sums[v, 1], SMALLEST)
            told[11] = math.sqrt(sums[v, 2] / max(sums[v, 0], SMALLEST))
            told[12] = math.log2(f0[v] / np.float32(220))
            told[13] = min(voices.age[v], OLDEST_STEPS) / np.float32(OLDEST_STEPS)
            told[14] = math.log(loudest / heard)
            told[15] = beside(v, np.float32(0.5), voices)
            told[16] = beside(v, np.float32(2), voices)
            told[17] = beside(v, np.float32(1 / 3), voices)
            told[18] = beside(v, np.float32(3), voices)
            told[19] = count / np.float32(f0.size)
            told[20] = unexplained / max(total, SMALLEST)
            told[21] = partials / np.float32(y.size)
            remember(history, step, voices.last_f0[v], heard, rule, told[22:25])
            told[25] /= max(first, SMALLEST)
            told[26] /= max(first, SMALLEST)
            told[25], told[26] = min(told[25], np.float32(3)), min(told[26], np.float32(3))
            told[27] = math.log(1 + total)
            told[28] = hidden[v]
            told[29], told[30] = beside(v, np.float32(2 / 3), voices), beside(v, np.float32(1.5), voices)
            stand_out(v, level, voices, told[31:])


@kernel
def claim_all(
    hz: np.float32, rule: FieldRule, f0: Floats, strength: Floats, hidden: NDArray[np.bool_], claims: Floats
) -> np.float32:  # fmt: skip
    """The weight of a partial for each voice, and what all those together expect of it that nobody explains."""
    expected = np.float32(1e-6)
    for v in range(f0.size):
        claims[v] = field_weight(hz, f0[v], rule) if f0[v] > 0 else np.float32(0)
        if not hidden[v]:
            expected += claims[v] * strength[v]
    return expected


@kernel
def stand_out(v: int, level: Floats, voices: VoicesHeard, told: Floats) -> None:
    """How v's first harmonics stand out where they are harmonics of a voice whose k-th is v, the strongest such.

    Told are k, of the harmonics there are, that voice's share of both strengths, and ``(y − ȳ) / (y + ȳ)`` of each
    harmonic, ȳ the mean level of the two beside it in the other voice's series; 1 where there is no such voice.
    """
    last, lower, k = level.shape[1] - 1, -1, 0
    for u in range(voices.f0.size):
        if voices.f0[u] > 0 and not voices.hidden[u] and (lower < 0 or voices.strength[u] > voices.strength[lower]):
            ratio = round(voices.f0[v] / voices.f0[u])
            if 1 < ratio <= last and abs(math.log2(voices.f0[v] / (ratio * voices.f0[u]))) < NEAR_OCTAVES:
                lower, k = u, ratio
    if lower >= 0:
        told[0] = k / np.float32(last)
        told[1] = voices.strength[lower] / (voices.strength[lower] + voices.strength[v] + SMALLEST)
    for h in range(1, BESIDE_HARMONICS + 1):
        beside_it = np.float32(0)
        if k * h <= last and lower >= 0:
            above = level[lower, k * h + 1] if k * h < last else level[lower, k * h - 1]
            beside_it = np.float32(0.5) * (level[lower, k * h - 1] + above)
        told[1 + h] = (level[v, h] - beside_it) / (level[v, h] + beside_it + SMALLEST) if k * h <= last else 0


@kernel
def near_part(place: float, parts: int, rule: FieldRule) -> np.float32:
    """1 where a partial stands at a multiple of the fundamental's half, or third, that is none of the whole; else 0."""
    k = round(place * parts)
    if k < 1 or k % parts == 0 or abs(math.log2(place * parts / k)) > 2 * rule.sigma_octaves:
        return np.float32(0)
    return np.float32(1)


@kernel
def beside(v: int, ratio: np.float32, voices: VoicesHeard) -> np.float32:
    """Strength of the voice at `ratio` times the pitch of v, as a share of both."""
    other = np.float32(0)
    for u in range(voices.f0.size):
        if (
            voices.f0[u] > 0
            and not voices.hidden[u]
            and abs(math.log2(voices.f0[u] / (ratio * voices.f0[v]))) < NEAR_OCTAVES
        ):
            other = max(other, voices.strength[u])
    return np.float32(other / (other + voices.strength[v] + SMALLEST))


@kernel
def remember(
    history: Floats, step: int, grid_hz: np.float32, heard: np.float32, rule: FieldRule, told: Floats
) -> None:  # fmt: skip
    """How a pitch's newest, oldest and least activity over the steps of the median stand to the median: ln of each."""
    width, units = history.shape
    j = min(max(round(math.log2(grid_hz / rule.low_hz) * rule.per_octave), 0), units - 1)
    least = np.float32(np.inf)
    for r in range(width):
        value = history[r, max(j - 1, 0)] + history[r, j] + history[r, min(j + 1, units - 1)]
        value = np.float32(math.log((value + SMALLEST) / heard))
        least = min(least, value)
        if r == step % width:
            told[0] = value
        if r == (step + 1) % width:
            told[1] = value
    told[2] = least


@kernel(apart=True)
def believe(evidence: Floats, readout: ReadoutLayers, f0: Floats, belief: Floats) -> None:
    """Probability that each voice sounds, ``σ(W₃ ⌊W₂ ⌊W₁ x⌋₊⌋₊)``; 0 of those that are silent."""
    first, second = np.empty(len(readout.first), np.float32), np.empty(len(readout.second), np.float32)
    last = np.empty(1, np.float32)
    for v in range(f0.size):
        if f0[v] > 0:
            weigh(evidence[v], readout.first, first)
            weigh(np.maximum(first, np.float32(0)), readout.second, second)
            weigh(np.maximum(second, np.float32(0)), readout.last, last)
            belief[v] = 1 / (1 + math.exp(-last[0]))
        else:
            belief[v] = 0.0


@kernel(fastmath={"contract", "reassoc"})
def weigh(inputs: Floats, weights: Floats, out: Floats) -> None:
    """``W x + b``, b the last column; sums run in lanes."""
    for u in range(len(weights)):
        row, total = weights[u], weights[u, inputs.size]
        for k in range(inputs.size):
            total += row[k] * inputs[k]
        out[u] = total
