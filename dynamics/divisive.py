"""Divisive competition of units for shared inputs, with feedback: one step, no validation.

Units a_j receive inputs y_i through sparse non-negative weights w_ij: input i's connections are the rows
``start[i]:start[i+1]`` of (unit, weight). Each unit sends back what it expects of every input, and an input passes on
only what it holds beyond all expectations together, so units that explain the same input share it.

Reference: Spratling 2008, Vision Research 48 (divisive input modulation); with full feedback the fixed point is the
non-negative decomposition of least Kullback-Leibler divergence (Lee & Seung 2001).
"""

from typing import NamedTuple

import numpy as np

from sharpear.compiler import Floats, ShortIntegers, kernel

FASTEST_FALL = np.float32(1e-4)
"""Added to a unit's relative support, from 0 on, so that one without any shrinks by this factor and does not vanish."""


class DivisiveGains(NamedTuple):
    """Constants of `divisive_step`."""

    feedback: np.float32
    """φ: 1 is the whole feedback; with 0 every unit knows only its own expectation."""

    epsilon: np.float32
    rate: np.float32
    rest: np.float32
    """No unit falls below, so that each can rise again."""


@kernel
def divisive_step(
    y: Floats,
    inputs: int,
    start: ShortIntegers,
    unit: ShortIntegers,
    weight: Floats,
    total: Floats,
    gains: DivisiveGains,
    a: Floats,
    support: Floats,
) -> None:
    """``p_i = Σ_k w_ik a_k``,  ``a_j ← a_j ( Σ_i w_ij y_i / (ε + φ p_i + (1−φ) w_ij a_j) / W_j )^rate``.

    total: W_j, what a unit's weights sum to when all its inputs are there: missing inputs count against it.
    """
    own, expected = np.empty(start[inputs], np.float32), np.empty(inputs, np.float32)
    expect(start, unit, weight, a, own, expected)
    share(y, start, unit, weight, total, gains, own, expected, a, support)


@kernel
def expect(start: ShortIntegers, unit: ShortIntegers, weight: Floats, a: Floats, own: Floats, expected: Floats) -> None:
    """What each unit expects of each input, ``w_ij a_j``, a connection one behind the other; and all of them, p_i."""
    for k in range(start[expected.size]):
        own[k] = weight[k] * a[np.uint32(unit[k])]
    _sum_up(own, start, expected)


@kernel
def share(
    y: Floats, start: ShortIntegers, unit: ShortIntegers, weight: Floats, total: Floats, gains: DivisiveGains,
    own: Floats, expected: Floats, a: Floats, support: Floats,
) -> None:  # fmt: skip
    """The rest of a step, from what `expect` says, which is used up by it."""
    for j in range(a.size):
        support[j] = 0.0
    for i in range(expected.size):
        first, past = start[i], start[i + 1]
        _claim(weight[first:past], y[i], expected[i], gains, own[first:past])
        for k in range(first, past):
            support[np.uint32(unit[k])] += own[k]
    for j in range(a.size):
        correction = max(support[j] / total[j], np.float32(0.0)) + FASTEST_FALL
        a[j] = max(a[j] * (correction if gains.rate == 1 else correction**gains.rate), gains.rest)


@kernel
def _sum_up(own: Floats, start: ShortIntegers, expected: Floats) -> None:
    """What all units expect of each input; of four inputs at once, as each addition waits for the one before."""
    together = expected.size - expected.size % 4
    for i in range(0, together, 4):
        a, b, c, d = start[i], start[i + 1], start[i + 2], start[i + 3]
        shortest = min(b - a, c - b, d - c, start[i + 4] - d)
        p, q, r, s = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(shortest):
            p += own[a + k]
            q += own[b + k]
            r += own[c + k]
            s += own[d + k]
        expected[i], expected[i + 1], expected[i + 2], expected[i + 3] = p, q, r, s
        for n in range(i, i + 4):
            for k in range(start[n] + shortest, start[n + 1]):
                expected[n] += own[k]
    for i in range(together, expected.size):
        expected[i] = 0.0
        for k in range(start[i], start[i + 1]):
            expected[i] += own[k]


@kernel
def _claim(weight: Floats, y: np.float32, expected: np.float32, gains: DivisiveGains, own: Floats) -> None:
    """What an input says for each unit, in place of what that expects of it; a loop by itself runs in lanes."""
    for k in range(own.size):
        own[k] = weight[k] * y / (gains.epsilon + own[k] + gains.feedback * (expected - own[k]))
