"""Two tones in one peak of the longest window: what its channels are to be asked."""

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend

from .filterbank import SubbandFrames
from .hann_bank import HannDesign, HannFrames
from .hann_bank_kernel import SILENT_POWER
from .lines import LineFinder, LineRule

LOBE_BINS = 2
"""Bins of 1/N from the middle of a Hann window's main lobe to its end."""


def pair_finder(design: HannDesign, rule: LineRule, streams: int = 1, backend: Backend = CPU) -> LineFinder:
    """What finds the pairs of the longest window's channels, in `longest_window`'s frames."""
    channels = design.channels_of(len(design.windows) - 1)
    reach_hz = np.full(int(design.counts[-1]), LOBE_BINS * design.sample_rate / design.length_samples[-1])
    return LineFinder(design.center_hz[channels], reach_hz, design.hop / design.sample_rate, rule, streams, backend)


def longest_window(design: HannDesign, frames: HannFrames) -> SubbandFrames:
    """The longest window's channels, as a `LineFinder` takes them; those that are silent are at 0 Hz."""
    channels = design.channels_of(len(design.windows) - 1)
    power, moment = frames.power[:, :, channels], frames.moment[:, :, channels]
    some: NDArray[np.float32] = np.maximum(power, SILENT_POWER)
    return SubbandFrames(frames.subband[:, :, None], power, moment / some)
