"""Whose each partial is: what the voices expect of it, by the same receptive fields that the pitch layer has."""

from typing import NamedTuple

import numpy as np

from sharpear.compiler import Floats, kernel
from sharpear.dynamics.harmonic_fields import FieldRule, field_weight


class ShareRule(NamedTuple):
    """How activities become amplitudes: 1/compression, and ε', of the level, below which a voice's claim fades."""

    expand: np.float32
    epsilon: np.float32


@kernel
def share_partials(
    amplitude: Floats, frequency: Floats, f0: Floats, strength: Floats, field_rule: FieldRule, rule: ShareRule,
    share: Floats,
) -> None:  # fmt: skip
    """``s_vi = e_vi / (ε' + Σ_u e_ui)``, e_vi the amplitude that voice v expects of partial i, of the level."""
    for n in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            for i in range(amplitude.shape[2]):
                expected = rule.epsilon
                for v in range(f0.shape[2]):
                    share[n, s, v, i] = 0.0
                    if amplitude[n, s, i] > 0 and f0[n, s, v] > 0:
                        claim = field_weight(frequency[n, s, i], f0[n, s, v], field_rule)
                        if claim > 0:
                            share[n, s, v, i] = (claim * strength[n, s, v]) ** rule.expand
                            expected += share[n, s, v, i]
                for v in range(f0.shape[2]):
                    if share[n, s, v, i] > 0:
                        share[n, s, v, i] /= expected
