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
"""Added to a unit's relative support, so that one without any shrinks by this factor a step instead of vanishing."""


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
    feedback, epsilon, rate, rest = gains.feedback, gains.epsilon, gains.rate, gains.rest
    for j in range(a.size):
        support[j] = 0.0
    for i in range(inputs):
        expected = np.float32(0.0)
        for k in range(start[i], start[i + 1]):
            expected += weight[k] * a[unit[k]]
        for k in range(start[i], start[i + 1]):
            own = weight[k] * a[unit[k]]
            support[unit[k]] += weight[k] * y[i] / (epsilon + own + feedback * (expected - own))
    for j in range(a.size):
        a[j] = max(a[j] * (support[j] / total[j] + FASTEST_FALL) ** rate, rest)
