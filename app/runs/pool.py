"""Sharpeners for one file after another: designing one takes seconds, resetting one nothing."""

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sharpear.config import Config
from sharpear.sharpening.sharpener import Sharpener


class SharpenerPool:
    """Lends sharpeners of one configuration, each to one borrower at a time; for use from any thread.

    >>> from sharpear.config import load_config
    >>> pool = SharpenerPool(load_config("low-latency"))
    >>> with pool.lend(16000, streams=1) as first, pool.lend(16000, streams=1) as second:
    ...     first is second
    False
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._unused: dict[tuple[int, int], Sharpener] = {}
        self._returned: dict[tuple[int, int], list[Sharpener]] = {}

    @contextmanager
    def lend(self, sample_rate: int, streams: int, start_s: float = 0.0) -> Iterator[Sharpener]:
        """A sharpener as new, whose first sample is at `start_s`.

        Raises:
            UsageError: the configuration does not suit the sample rate.
        """
        kind = sample_rate, streams
        with self._lock:
            if kind not in self._unused:
                self._unused[kind] = Sharpener(sample_rate, preset=self.config, streams=streams)
            returned = self._returned.setdefault(kind, [])
            sharpener = returned.pop() if returned else copy.deepcopy(self._unused[kind])
        sharpener.reset(start_s)
        try:
            yield sharpener
        finally:
            with self._lock:
                returned.append(sharpener)
