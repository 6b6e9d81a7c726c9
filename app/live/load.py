"""How long the work takes: a histogram that does not grow."""

import math
from bisect import bisect_left
from itertools import accumulate

SHORTEST_MS = 1e-3
BINS_PER_OCTAVE = 32
OCTAVES = 24


class LoadMeter:
    """Compute time per hop: p50, p99 and the largest, to 2 %, in a fixed amount of memory.

    >>> meter = LoadMeter()
    >>> for busy_ms in (1.0, 1.0, 1.0, 8.0):
    ...     meter.add(busy_ms, hops=2.0, hop_ms=2.9)
    >>> round(meter.percentile(0.5), 1), meter.largest
    (0.5, 4.0)
    """

    def __init__(self) -> None:
        self._counts = [0.0] * (BINS_PER_OCTAVE * OCTAVES)
        self.largest = 0.0
        self.recent = 0.0

    def add(self, busy_ms: float, hops: float, hop_ms: float) -> None:
        """Note the time spent on that many hops, which counts with their number."""
        if hops <= 0:
            return
        per_hop = busy_ms / hops
        octaves = math.log2(max(per_hop, SHORTEST_MS) / SHORTEST_MS)
        self._counts[min(round(octaves * BINS_PER_OCTAVE), len(self._counts) - 1)] += hops
        self.largest = max(self.largest, per_hop)
        # The load over about the last 200 hops.
        self.recent += min(1.0, hops / 200) * (per_hop / hop_ms - self.recent)

    def percentile(self, fraction: float) -> float:
        """Ms that this fraction of the hops took at most; 0 before the first."""
        sums = list(accumulate(self._counts))
        if not sums[-1]:
            return 0.0
        return float(SHORTEST_MS * 2 ** (bisect_left(sums, fraction * sums[-1]) / BINS_PER_OCTAVE))
