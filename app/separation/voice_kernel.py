"""The loop of voices: partials with owners → how strong each voice is in every channel. No validation here."""

import math
from typing import Any

import numpy as np
from numba import njit

FARTHEST_BANDWIDTHS = 8.0
"""A channel of order 4 hears what is farther than this, of its bandwidth, below -100 dB."""


@njit(nogil=True, cache=True, error_model="numpy")
def expected_levels(amplitude: Any, frequency_hz: Any, share: Any, owner: Any, bank: Any, out: Any) -> None:
    r"""``e_vk = Σ_i s_vi A_i \|H_k(f_i)\|²``: every voice in every channel, from its share of the partials.

    amplitude, frequency_hz: (atoms,); share: (places, atoms); owner: (places,) the voice of each place, -1 for none;
    bank: (centres in Hz, bandwidths in Hz, λ_k, order, sample rate); out: (voices, channels).
    """
    center_hz, bandwidth_hz, damping, order, sample_rate = bank
    out[...] = np.float32(0)
    channels = center_hz.size
    for i in range(amplitude.size):
        if amplitude[i] == 0:
            continue
        f = frequency_hz[i]
        k = np.searchsorted(center_hz, f)
        while k > 0 and f - center_hz[k - 1] < FARTHEST_BANDWIDTHS * bandwidth_hz[k - 1]:
            k -= 1
        while k < channels and center_hz[k] - f < FARTHEST_BANDWIDTHS * bandwidth_hz[k]:
            r = damping[k]
            turn = math.cos(2 * math.pi * (f - center_hz[k]) / sample_rate)
            gain = ((1 - r) ** 2 / (1 - 2 * r * turn + r * r)) ** order
            for place in range(owner.size):
                if owner[place] >= 0 and share[place, i] > 0:
                    out[owner[place], k] += share[place, i] * amplitude[i] * gain
            k += 1
