"""Delay alignment: fast channels wait for slow ones, so that an onset stands at one time over all frequencies."""

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .filterbank import SubbandFrames
from .stateful import Stateful

T = TypeVar("T", bound=np.generic)


class Aligner(Stateful):
    """Delay each channel's frames so that all channels share one delay.

    Channel k waits ``round(latency − delay_k / hop)`` hops, where latency is the largest channel delay rounded up to
    whole hops: after alignment every channel is late by `latency_hops`, to within half a hop. A `limit_samples` below
    the largest delay bounds the latency: channels slower than that stay late by the difference.

    Args:
        delay_samples: (channels,) delay of each channel before alignment.
        hop: samples between frames.
        streams: number of streams.
        order: stages per channel in the frames.
        limit_samples: latency not to exceed; zero aligns nothing.

    >>> aligner = Aligner([10.0, 250.0], hop=100, streams=1, order=1)
    >>> aligner.latency_hops, aligner.wait_hops.tolist()
    (3, [3, 0])
    """

    def __init__(
        self, delay_samples: ArrayLike, hop: int, streams: int, order: int, limit_samples: float = np.inf
    ) -> None:
        delay_hops = np.asarray(delay_samples, dtype=np.float64) / hop
        self.latency_hops = int(min(np.ceil(delay_hops.max() - 1e-9), limit_samples // hop))
        self.wait_hops: NDArray[np.int64] = np.rint(self.latency_hops - delay_hops).clip(0).astype(np.int64)
        depth, channels = int(self.wait_hops.max()), delay_hops.size
        self._depth = depth
        self._channel = np.arange(channels)
        self._remember(
            [
                ("stages", np.complex64, (depth, streams, order, channels)),
                ("power", np.float32, (depth, streams, channels)),
                ("instantaneous_hz", np.float32, (depth, streams, channels)),
            ]
        )

    def process(self, frames: SubbandFrames) -> SubbandFrames:
        """Return as many frames as came in, each channel as it was `wait_hops` ago (zero before the start)."""
        return SubbandFrames(
            self._delay(frames.stages, "stages"),
            self._delay(frames.power, "power"),
            self._delay(frames.instantaneous_hz, "instantaneous_hz"),
        )

    def _delay(self, new: NDArray[T], name: str) -> NDArray[T]:
        held = np.concatenate([self._state[name], new])
        row = np.arange(len(new))[:, None] + (self._depth - self.wait_hops)
        self._state[name] = held[len(new) :]
        # Advanced indices at both ends put (frame, channel) first; the streams (and stages) go back between them.
        return np.ascontiguousarray(np.moveaxis(held[row, ..., self._channel], 1, -1))
