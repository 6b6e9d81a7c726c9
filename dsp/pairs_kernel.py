"""Inner loops of `Pairs`. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .basins_kernel import FAINTEST_LINE, MOST_LINES, basin_edges

LOUDEST_CLAIM = 1e-6
"""Part (-60 dB) of the largest energy that a channel claims in the frame, below which it claims nothing."""


class PairRule(NamedTuple):
    """When basins become pairs, and which of their channels' lines are the same one."""

    least_trust: np.float64
    """Trust, averaged over the lobe, from which a basin's lines are those of its pairs."""

    lobe: int
    """Channels on either side over which trust is averaged."""

    apart_hz: np.float64
    """Neighbours on the frequency axis that are farther apart are two lines."""


class PairOut(NamedTuple):
    """The fields of `PairLines`; lines: how many there are."""

    lines: Annotated[NDArray[np.int32], "frames", "streams"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "lines"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "lines"]
    trust: Annotated[NDArray[np.float32], "frames", "streams", "lines"]
    lobe_trust: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


@kernel
def pairs_process(hz: Floats, energy: Floats, trust: Floats, rule: PairRule, out: PairOut) -> None:
    """The lines of every frame's and stream's trusted basins."""
    channels = trust.shape[2]
    edge = np.empty(channels // 2 + 2, np.int64)
    claims = np.empty((4, 2 * channels), np.float64)
    for f in range(trust.shape[0]):
        for s in range(trust.shape[1]):
            P, T, S = energy[f, s, 0], trust[f, s], out.lobe_trust[f, s]
            _average_over_lobes(P, T, rule.lobe, S)
            count = _claims(hz[f, s], energy[f, s], T, S, rule.least_trust, edge, basin_edges(P, edge), claims)
            _sort(count, claims)
            out.lines[f, s] = _merge(
                count, claims, rule.apart_hz, out.hz[f, s], out.energy[f, s], out.trust[f, s]
            )  # fmt: skip


@kernel(fastmath={"contract"})
def _average_over_lobes(P: Floats, T: Floats, lobe: int, S: Floats) -> None:
    """``Σ P T / Σ P`` over `lobe` channels on either side of each; 0 where nothing sounds."""
    channels = P.size
    trusted, total = np.zeros(channels + 2 * lobe, np.float32), np.zeros(channels + 2 * lobe, np.float32)
    for k in range(channels):
        total[lobe + k] = P[k]
        trusted[lobe + k] = P[k] * T[k]
    for k in range(channels):
        above, below = np.float32(0), np.float32(0)
        for j in range(2 * lobe + 1):
            above += trusted[k + j]
            below += total[k + j]
        S[k] = above / below if below > 0 else np.float32(0)


@kernel
def _claims(
    hz: Floats, energy: Floats, T: Floats, S: Floats, least_trust: float, edge: Integers, basins: int,
    claims: Doubles,
) -> int:  # fmt: skip
    """Gather Hz, energy, weight and trust of the pairs of all channels whose basin's peak is trusted; their number."""
    P, count, loudest = energy[0], 0, 0.0
    for basin in range(basins):
        begin, end, peak, total = edge[basin], edge[basin + 1], edge[basin], 0.0
        for k in range(begin, end):
            peak = k if P[k] > P[peak] else peak
            total += P[k]
        if total < FAINTEST_LINE or S[peak] < least_trust:
            continue
        for k in range(begin, end):
            for line in range(1, 3):
                if energy[line, k] > 0:
                    claims[0, count], claims[1, count] = hz[line, k], energy[line, k]
                    claims[2, count], claims[3, count] = energy[line, k] * T[k], S[peak]
                    loudest = max(loudest, claims[1, count])
                    count += 1
    kept = 0
    for i in range(count):
        if claims[1, i] >= LOUDEST_CLAIM * loudest:
            for part in range(4):
                claims[part, kept] = claims[part, i]
            kept += 1
    return kept


@kernel
def _sort(count: int, claims: Doubles) -> None:
    """By frequency; channels follow one another, so that few claims move far."""
    for i in range(1, count):
        f, e, w, s = claims[0, i], claims[1, i], claims[2, i], claims[3, i]
        j = i
        while j > 0 and claims[0, j - 1] > f:
            for part in range(4):
                claims[part, j] = claims[part, j - 1]
            j -= 1
        claims[0, j], claims[1, j], claims[2, j], claims[3, j] = f, e, w, s


@kernel
def _merge(count: int, claims: Doubles, apart_hz: float, hz: Floats, energy: Floats, trust: Floats) -> int:
    """Chains of claims with no gap beyond `apart_hz` are a line: ``Σ e``, ``Σ e T f / Σ e T`` and ``Σ e S / Σ e``."""
    lines, begin = 0, 0
    for i in range(1, count + 1):
        if i < count and claims[0, i] - claims[0, i - 1] <= apart_hz:
            continue
        total, weight, moment, trusted = 0.0, 0.0, 0.0, 0.0
        for j in range(begin, i):
            total += claims[1, j]
            weight += claims[2, j]
            moment += claims[2, j] * (claims[0, j] - claims[0, begin])
            trusted += claims[1, j] * claims[3, j]
        begin_hz, begin = claims[0, begin], i
        if lines < MOST_LINES and total >= FAINTEST_LINE and weight > 0:
            hz[lines], energy[lines], trust[lines] = begin_hz + moment / weight, total, trusted / total
            lines += 1
    hz[lines:], energy[lines:], trust[lines:] = 0.0, 0.0, 0.0
    return lines
