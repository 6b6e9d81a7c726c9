"""The bank that separation works on: narrow channels at every sample, each with the delay and weight that add up."""

import numpy as np

from .gammatone import GammatoneDesign
from .scales import erb_hz
from .synthesis import SynthesisDesign

LOW_HZ, HIGH_HZ = 20.0, 20000.0
BANDWIDTH_ERB, MIN_BANDWIDTH_HZ = 0.25, 20.0
"""Bandwidth, in ERB and at least in Hz: as narrow as a Fourier transform's bins, with no channel slower than 24 ms."""

SPACING = 0.5
"""Distance of neighbours as a share of their bandwidth: even overlap gives even weights, so that masks cut cleanly."""

HIGHEST_CENTER = 0.495
"""The highest centre as a share of the sample rate, near the end of the band, so that the sum of all channels has no
edge within what can be heard."""

HOP_S = 0.004


def separation_bank(sample_rate: float) -> SynthesisDesign:
    """The bank at a sample rate; the same centres at every rate, as far as it reaches.

    >>> design = separation_bank(8000.0)
    >>> bool(design.snr_db(200.0, 3000.0) > 60)
    True
    """
    highest = min(HIGH_HZ, HIGHEST_CENTER * sample_rate)
    centers = [LOW_HZ]
    while (center := centers[-1] + SPACING * _bandwidth_hz(centers[-1])) <= highest:
        centers.append(center)
    bandwidths = np.array([_bandwidth_hz(center) for center in centers])
    return SynthesisDesign.over(GammatoneDesign(sample_rate, np.array(centers), bandwidths))


def _bandwidth_hz(center_hz: float) -> float:
    return max(BANDWIDTH_ERB * float(erb_hz(center_hz)), MIN_BANDWIDTH_HZ)


def hop_samples(sample_rate: float) -> int:
    """Samples between frames."""
    return max(1, round(HOP_S * sample_rate))
