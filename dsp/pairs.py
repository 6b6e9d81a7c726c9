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
    """What finds the pairs of the longest window's channels, in `longest_window`'s frames.

    >>> from sharpear.dsp import HannBank
    >>> design = HannDesign(8000.0, 32)
    >>> rule = LineRule(spacing_hops=4, neighbors=1, memory_s=0.02, residual=0.1, drift=0.1, drift_s=0.02, change=0.1)
    >>> time_s = np.arange(8000) / 8000
    >>> two = np.cos(2 * np.pi * 590 * time_s) + np.cos(2 * np.pi * 610 * time_s)
    >>> frames = HannBank(design).process(two[:, None])
    >>> lines = pair_finder(design, rule).process(longest_window(design, frames))
    >>> at = np.abs(design.center_hz[design.channels_of(len(design.windows) - 1)] - 600).argmin()
    >>> lines.frequency_hz[-1, 0, 1:, at].round(1)
    array([610., 590.], dtype=float32)
    """
    channels = design.channels_of(len(design.windows) - 1)
    reach_hz = np.full(int(design.counts[-1]), LOBE_BINS * design.sample_rate / design.length_samples[-1])
    return LineFinder(design.center_hz[channels], reach_hz, design.hop / design.sample_rate, rule, streams, backend)


def longest_window(design: HannDesign, frames: HannFrames) -> SubbandFrames:
    """The longest window's channels, as a `LineFinder` takes them; those that are silent are at 0 Hz.

    >>> from sharpear.dsp import HannBank
    >>> design = HannDesign(8000.0, 32)
    >>> tone = np.cos(2 * np.pi * 600 / 8000 * np.arange(8000))
    >>> longest = longest_window(design, HannBank(design).process(tone[:, None]))
    >>> float(longest.instantaneous_hz[-1, 0, longest.power[-1, 0].argmax()].round(1))
    600.0
    """
    channels = design.channels_of(len(design.windows) - 1)
    power, moment = frames.power[:, :, channels], frames.moment[:, :, channels]
    some: NDArray[np.float32] = np.maximum(power, SILENT_POWER)
    return SubbandFrames(frames.subband[:, :, None], power, moment / some)
