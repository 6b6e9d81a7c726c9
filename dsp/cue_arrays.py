"""What cues are read from and written to, and what all their kernels need. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel

from .basins_kernel import Found

MIDDLE_HZ = 700.0
"""Frequencies are told as ln of what they are over this."""

CLIP = 6.0
"""Ratios of levels are told up to e^±6 (26 dB): what is further apart is as good as alone."""

BAND_FLOOR = 1e-7
"""Levels are told down to this share (-70 dB) of the loudest band's, below which leakage rules."""

SILENCE = np.float32(1e-22)
"""Added to energies (-220 dBFS) whose logarithm is taken."""


class CueTables(NamedTuple):
    """Windows, from the shortest, which has no lines, to the longest, which has the pair; bands; moments compared.

    ahead: hops after the middle that a window may be used; spacing_hz and resolution_hz: of channels, and 1/N.
    first_weight, first_band_channel: of each window and band, where its weights begin, and the channel of the first.
    offset: hops before or after the middle at which bands are compared; line_offset: and lines.
    shorter: of each pair of windows the one whose levels are compared with themselves, smeared as the long one smears.
    """

    ahead: Annotated[NDArray[np.int64], "windows"]
    spacing_hz: Annotated[NDArray[np.float64], "windows"]
    resolution_hz: Annotated[NDArray[np.float64], "windows"]
    first_weight: Annotated[NDArray[np.int64], "windows", "band ends"]
    first_band_channel: Annotated[NDArray[np.int64], "windows", "bands"]
    weight: Annotated[NDArray[np.float32], "weights"]
    band_hz: Annotated[NDArray[np.float64], "bands"]
    offset: Annotated[NDArray[np.int64], "offsets"]
    line_offset: Annotated[NDArray[np.int64], "line offsets"]
    shorter: Annotated[NDArray[np.int64], "pairs"]
    smear: Annotated[NDArray[np.float32], "pairs", "taps"]


class CueState(NamedTuple):
    """Rings of the last hops: the channels', the bands', and what is known of the pairs."""

    power: Annotated[NDArray[np.float32], "streams", "rows", "channels"]
    moment: Annotated[NDArray[np.float32], "streams", "moment rows", "channels"]
    log_level: Annotated[NDArray[np.float32], "streams", "windows", "rows", "bands"]
    root: Annotated[NDArray[np.float32], "streams", "windows", "rows", "bands"]
    loudest: Annotated[NDArray[np.float32], "streams", "windows", "rows"]
    pair_hz: Annotated[NDArray[np.float32], "streams", "pair rows", "pair", "longest channels"]
    pair_energy: Annotated[NDArray[np.float32], "streams", "pair rows", "pair", "longest channels"]
    trust: Annotated[NDArray[np.float32], "streams", "trust rows", "longest channels"]


class Candidates(NamedTuple):
    """All lines of one moment, those of one window after the other, by frequency; then the pairs of the longest's.

    number: how many there are.  place: on the axis of bands, below the last.  window: counted from 0, the shortest that
    has lines.
    """

    number: Annotated[NDArray[np.int64], "one"]
    hz: Annotated[NDArray[np.float32], "candidates"]
    place: Annotated[NDArray[np.float32], "candidates"]
    energy: Annotated[NDArray[np.float32], "candidates"]
    window: Annotated[NDArray[np.int64], "candidates"]
    cues: Annotated[NDArray[np.float32], "line cues", "candidates"]


class BandCues(NamedTuple):
    """What the bands say at one moment: cues, and logarithmic corrections of the levels, for each pair of windows."""

    cues: Annotated[NDArray[np.float32], "band cues", "bands"]
    correction: Annotated[NDArray[np.float32], "pairs", "bands"]


class CandidatesOut(NamedTuple):
    """`Candidates` of several frames and streams, as they are learned from: each line's cues behind one another."""

    number: Annotated[NDArray[np.int64], "frames", "streams", "one"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    window: Annotated[NDArray[np.int64], "frames", "streams", "candidates"]
    cues: Annotated[NDArray[np.float32], "frames", "streams", "candidates", "line cues"]


class BandCuesOut(NamedTuple):
    """`BandCues` of several frames and streams, likewise."""

    cues: Annotated[NDArray[np.float32], "frames", "streams", "bands", "band cues"]
    correction: Annotated[NDArray[np.float32], "frames", "streams", "bands", "pairs"]


class CueRoom(NamedTuple):
    """Room for what one frame needs on the way.

    beside_hz, beside_log: of a window's lines by frequency, one that is far away before the first and behind the last.
    kept, at: of each candidate, which basin it is, and where among those lines.
    channel, part, own: of a window's candidates, between which channels of another they stand, and their level.
    weight: how much they count in the band below, at, above and once more above them.
    """

    found: Found
    edge: Annotated[NDArray[np.int64], "edges"]
    mean_trust: Annotated[NDArray[np.float32], "longest channels"]
    mean_root: Annotated[NDArray[np.float32], "bands"]
    purity: Annotated[NDArray[np.float32], "windows", "bands around", "four"]
    beside_hz: Annotated[NDArray[np.float32], "lines and two"]
    beside_log: Annotated[NDArray[np.float32], "lines and two"]
    kept: Annotated[NDArray[np.int64], "candidates"]
    at: Annotated[NDArray[np.int64], "candidates"]
    channel: Annotated[NDArray[np.int32], "lines"]
    part: Annotated[NDArray[np.float32], "lines"]
    own: Annotated[NDArray[np.float32], "lines"]
    weight: Annotated[NDArray[np.float32], "four", "lines"]
    claim_hz: Annotated[NDArray[np.float32], "claims"]
    claim_energy: Annotated[NDArray[np.float32], "claims"]


@kernel(inline=True)
def row_of(frame: int, lag: int, rows: int) -> int:
    """Where a ring of so many rows has the frame `lag` before another."""
    return (frame - lag) % rows


@kernel(inline=True)
def clipped(value: float, most: float) -> np.float32:
    """Within ± `most`."""
    return np.float32(min(max(value, -most), most))
