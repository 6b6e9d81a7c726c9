"""What a tracker of voices reads, remembers and says, row by row. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .voice_evidence_kernel import EvidenceRule
from .voice_fit import VoiceTables
from .voice_hypotheses_kernel import HypothesisTables
from .voice_spectrum_kernel import SpectrumTables

ROW_HOPS = 4
"""Hops between two rows."""

LATER_ROWS = 2
"""A row is looked at a second time when so many more are known: 23 ms later."""

MIDDLE_HOPS = (ROW_HOPS - 1) / 2
"""From a row to the middle of the frames that it is said of, at which it is looked at again: no frame is farther from a
fit than this."""

ROWS = 2 * LATER_ROWS + 1
"""Rows that are remembered: those later and earlier than the one that is looked at again."""

BAND_PER_HOP = 16
"""Samples of the analytic band in a hop."""

TOLD = 6
"""Numbers that are told of all voices together."""


class TrackerTables(NamedTuple):
    """What a tracker needs beside its parts.

    taps_real, taps_imag: each sample of a hop's band from the last samples of sound.
    whole, right, left: fits around a moment, after and before it.
    bin_band, bin_part: band below each bin of the spectrum, -1 for none, and how much of it belongs above.
    """

    taps_real: Annotated[NDArray[np.float32], "band per hop", "taps"]
    taps_imag: Annotated[NDArray[np.float32], "band per hop", "taps"]
    hop_s: float
    whole: VoiceTables
    right: VoiceTables
    left: VoiceTables
    spectrum: SpectrumTables
    hypotheses: HypothesisTables
    rule: EvidenceRule
    bin_band: Annotated[NDArray[np.int64], "points"]
    bin_part: Annotated[NDArray[np.float64], "points"]


class TrackerState(NamedTuple):
    """The last samples of sound, and of the band; the voices of the last rows, the newest first; what a row has found.

    share: of the energy that the first look at each of these rows has left.
    left: its logarithm in the mean of the last rows since all voices were found anew.
    activity, level: of the hypotheses of the newest row.
    heard_hz, heard_energy, heard_pitch_hz: `Names` of each of these rows.

    And of what is said, at the middle of a row's frames:
    partials: how many; named: the same, or where voices do not explain the row how many may have a line of windows';
    hz, slope, curvature, growth, energy, phase, precision (energy over variance), multiple (Hz over its voice's
    fundamental): of each.
    beyond: energy of bands that voices leave.  told: of all voices, see `_tell` in voice_tracker_kernel.
    """

    recent: Annotated[NDArray[np.float32], "streams", "taps"]
    band_real: Annotated[NDArray[np.float32], "streams", "band"]
    band_imag: Annotated[NDArray[np.float32], "streams", "band"]
    number: Annotated[NDArray[np.int64], "streams", "rows", "one"]
    shared: Annotated[NDArray[np.float64], "streams", "rows", "voices", "shared"]
    used: Annotated[NDArray[np.bool_], "streams", "rows", "voices", "partials"]
    age: Annotated[NDArray[np.int64], "streams", "rows", "voices"]
    stiff: Annotated[NDArray[np.bool_], "streams", "rows", "voices"]
    share: Annotated[NDArray[np.float64], "streams", "rows"]
    left: Annotated[NDArray[np.float64], "streams"]
    heard_hz: Annotated[NDArray[np.float64], "streams", "rows", "all partials"]
    heard_energy: Annotated[NDArray[np.float64], "streams", "rows", "all partials"]
    heard_pitch_hz: Annotated[NDArray[np.float64], "streams", "rows", "all partials"]
    activity: Annotated[NDArray[np.float32], "streams", "grid"]
    level: Annotated[NDArray[np.float64], "streams", "one"]
    partials: Annotated[NDArray[np.int64], "streams"]
    named: Annotated[NDArray[np.int64], "streams"]
    hz: Annotated[NDArray[np.float64], "streams", "all partials"]
    slope: Annotated[NDArray[np.float64], "streams", "all partials"]
    curvature: Annotated[NDArray[np.float64], "streams", "all partials"]
    growth: Annotated[NDArray[np.float64], "streams", "all partials"]
    energy: Annotated[NDArray[np.float64], "streams", "all partials"]
    phase: Annotated[NDArray[np.float64], "streams", "all partials"]
    precision: Annotated[NDArray[np.float64], "streams", "all partials"]
    multiple: Annotated[NDArray[np.float64], "streams", "all partials"]
    beyond: Annotated[NDArray[np.float64], "streams", "bands"]
    told: Annotated[NDArray[np.float64], "streams", "told"]


class TrackerParts(NamedTuple):
    """A tracker as kernels take it."""

    tables: TrackerTables
    state: TrackerState


class TrackerOut(NamedTuple):
    """What is said of frames: see `VoiceFrames`."""

    partials: Annotated[NDArray[np.int64], "frames", "streams"]
    named: Annotated[NDArray[np.int64], "frames", "streams"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    precision: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    multiple: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    beyond: Annotated[NDArray[np.float32], "frames", "streams", "bands"]
    told: Annotated[NDArray[np.float32], "frames", "streams", "told"]
