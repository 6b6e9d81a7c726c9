"""Delay alignment: fast channels wait for slow ones, so that an onset stands at one time over all frequencies."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.gpu import CPU, Backend

from .filterbank import SubbandFrames
from .stateful import Stateful


class Aligner(Stateful):
    """Delay each channel's frames so that all channels share one delay.

    Channel k waits ``round(latency − delay_k / hop)`` hops, where latency is the largest channel delay rounded up to
    whole hops: after alignment every channel is late by `latency_hops`, to within half a hop, and two channels are up
    to a hop apart. A `limit_samples` below the largest delay bounds the latency: channels slower than that stay late by
    the difference.

    Args:
        delay_samples: (channels,) delay of each channel before alignment.
        hop: samples between frames.
        streams: number of streams.
        order: stages per channel in the frames.
        limit_samples: latency not to exceed; zero aligns nothing.
        backend: where it runs, and where its input is.

    >>> aligner = Aligner([10.0, 250.0], hop=100, streams=1, order=1)
    >>> aligner.latency_hops, aligner.wait_hops.tolist()
    (3, [3, 0])
    """

    def __init__(
        self,
        delay_samples: ArrayLike,
        hop: int,
        streams: int,
        order: int,
        limit_samples: float = np.inf,
        backend: Backend = CPU,
    ) -> None:
        delay_hops = np.asarray(delay_samples, dtype=np.float64) / hop
        self.latency_hops = int(min(np.ceil(delay_hops.max() - 1e-9), limit_samples // hop))
        self.wait_hops: NDArray[np.int64] = np.rint(self.latency_hops - delay_hops).clip(0).astype(np.int64)
        depth, channels = int(self.wait_hops.max()), delay_hops.size
        self._wait = backend.array(self.wait_hops)
        self._wait_of_stages = backend.array(np.tile(self.wait_hops.repeat(2), order))
        self._remember(
            [
                ("stages", np.complex64, (depth, streams, order, channels)),
                ("power", np.float32, (depth, streams, channels)),
                ("instantaneous_hz", np.float32, (depth, streams, channels)),
            ],
            backend,
        )
        self._run = backend.kernel(align_process, blocks=streams, threads=channels)

    def process(self, frames: SubbandFrames) -> SubbandFrames:
        """Return as many frames as came in, each channel as it was `wait_hops` ago (zero before the start)."""
        count, streams, order, channels = frames.stages.shape
        out = SubbandFrames.allocate(count, streams, order, channels, self.backend)
        state = self._state
        self._run(_floats(frames.stages), self._wait_of_stages, _floats(state["stages"]), _floats(out.stages))
        self._run(frames.power, self._wait, state["power"], out.power)
        self._run(frames.instantaneous_hz, self._wait, state["instantaneous_hz"], out.instantaneous_hz)
        return out


def _floats(stages: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Stages (frames, streams, order, channels) as (frames, streams, 2·order·channels) floats."""
    frames, streams, order, channels = stages.shape
    return stages.view(np.float32).reshape(frames, streams, 2 * order * channels)


@kernel
def align_process(fresh: Floats, wait: Integers, held: Floats, out: Floats) -> None:
    """Delay each value by `wait` frames.

    fresh, out (frames, streams, values); held (rows, streams, values): what came before; wait (values,): at most rows.
    """
    frames, streams, values = fresh.shape
    depth = held.shape[0]
    for f in range(frames):
        for s in range(streams):
            for v in range(values):
                then = f - wait[v]
                out[f, s, v] = fresh[then, s, v] if then >= 0 else held[depth + then, s, v]
    for row in range(depth):
        later = row + frames
        for s in range(streams):
            for v in range(values):
                held[row, s, v] = held[later, s, v] if later < depth else fresh[later - depth, s, v]
