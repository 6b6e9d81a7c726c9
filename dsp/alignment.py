"""Delay alignment: fast channels wait for slow ones, so that an onset stands at one time over all frequencies."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.compiler import Complexes, Integers, kernel
from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful


class AlignParts(NamedTuple):
    """Hops that each channel waits, and the frames that wait, in a ring as long as the longest of them."""

    wait: Annotated[NDArray[np.int64], "channels"]
    held: Annotated[NDArray[np.complex64], "rows", "streams", "channels"]


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
        limit_samples: latency not to exceed; zero aligns nothing.
        latency_hops: the latency to have instead, that of what the channels stand beside.
        backend: where it runs, and where its input is.

    Raises:
        ValueError: the channels take longer than `latency_hops`.

    >>> aligner = Aligner([10.0, 250.0], hop=100, streams=1)
    >>> aligner.latency_hops, aligner.wait_hops.tolist()
    (3, [3, 0])
    """

    def __init__(
        self,
        delay_samples: ArrayLike,
        hop: int,
        streams: int,
        limit_samples: float = np.inf,
        latency_hops: int | None = None,
        backend: Backend = CPU,
    ) -> None:
        delay_hops = np.asarray(delay_samples, dtype=np.float64) / hop
        own_hops = int(min(np.ceil(delay_hops.max() - 1e-9), limit_samples // hop))
        if latency_hops is not None and latency_hops < own_hops:
            raise ValueError(f"expected channels that take at most {latency_hops} hops, received {own_hops}")
        waits: NDArray[np.int64] = np.rint(own_hops - delay_hops).clip(0).astype(np.int64)
        self.latency_hops = own_hops if latency_hops is None else latency_hops
        self.wait_hops = waits + (self.latency_hops - own_hops)
        """(channels,) hops by which each channel is held."""
        depth = int(self.wait_hops.max())
        self._wait = backend.array(self.wait_hops)
        self._remember(
            [("held", np.complex64, (depth, streams, delay_hops.size)), ("row", np.int64)],
            backend,
            below={"row": max(1, depth)},
        )
        self._run = backend.kernel(align_process, blocks=streams, threads=delay_hops.size)

    @property
    def parts(self) -> AlignParts:
        """What the kernels take, on the CPU always the same arrays."""
        return AlignParts(self._wait, self._state["held"])

    @property
    def row(self) -> int:
        """Row of the ring that the next frame takes."""
        return int(self._state["row"])

    def pass_on(self, frames: int) -> None:
        """So many frames have been aligned by who runs the kernels."""
        self._state["row"] = (self.row + frames) % max(1, len(self._state["held"]))

    def process(self, subband: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Return as many frames as came in, each channel as it was `wait_hops` ago (zero before the start).

        subband: (frames, streams, channels), as what it gives.
        """
        subband = self.backend.array(subband)
        out = self.backend.empty(subband.shape, np.complex64)
        self._run(subband, *self.parts, self.row, out)
        self.pass_on(len(subband))
        return out


@kernel
def align_process(fresh: Complexes, wait: Integers, held: Complexes, row: int, out: Complexes) -> None:
    """`align_frame` over fresh and out (frames, streams, channels)."""
    for f in range(fresh.shape[0]):
        for s in range(fresh.shape[1]):
            align_frame(fresh[f, s], wait, held, row + f, s, out[f, s])


@kernel
def align_frame(
    fresh: Complexes, wait: Integers, held: Complexes, row: int, s: int, out: Complexes
) -> None:  # fmt: skip
    """Delay each channel of a frame of stream `s` by `wait` frames, at most the ring's rows: the row-th of all."""
    depth = held.shape[0]
    now = row % depth if depth else 0
    for k in range(fresh.size):
        then = now - wait[k]
        out[k] = fresh[k] if wait[k] == 0 else held[then if then >= 0 else then + depth, s, k]
    for k in range(fresh.size if depth else 0):
        held[now, s, k] = fresh[k]
