"""A small network with a memory that reads evidence, the same for every channel."""

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful, allocated

from .tonal_readout_kernel import NEIGHBOURS, ReadoutLayers, ReadoutRoom, readout_process


class TonalReadout(Stateful):
    r"""Weigh what is known of every channel, of its neighbourhood and of what it was before, streaming.

    ``a = ⌊W₁ x⌋₊``, ``h ← c + r (h − c)``, ``softmax(W₄ ⌊W₃ (a, ā, h, h̄)⌋₊)``: the values c and the retentions r, 0 to
    1, are linear in a and ā, and a bar means the first units' means over the neighbouring channels and over all. So a
    channel remembers how the sound that fills it began, as long as it lasts. Without a product with h in c and r, as
    in the minimal gated unit of Feng et al. 2024 (arXiv 2410.01201), it is quick to fit.

    Args:
        layers: (units, inputs + 1) of each layer; the first and the memory have 8 units or more.
        channels: channels of the bank.
        groups: independent signals.
        backend: where it runs.

    >>> shapes = ((8, 4), (16, 25), (5, 49), (3, 6))
    >>> readout = TonalReadout(ReadoutLayers(*(np.ones(shape, np.float32) for shape in shapes)), 20)
    >>> readout.process(np.ones((7, 1, 3, 20), np.float32)).sum(axis=2).round(4).max()
    np.float32(1.0)
    """

    def __init__(self, layers: ReadoutLayers, channels: int, groups: int = 1, backend: Backend = CPU) -> None:
        self._layers = ReadoutLayers(*(backend.array(layer, np.float32) for layer in layers))
        first, gates, second, self._sources = map(len, layers)
        self._remember([("held", np.float32, (groups, gates // 2, channels))], backend)
        lengths = {"rows": first + gates // 2 + 4 * NEIGHBOURS + max(gates, second)}
        lengths |= {"channels": channels, "neighbours": NEIGHBOURS, "channels + 1": channels + 1}
        self._room = allocated(ReadoutRoom, lengths, backend, groups)
        self._run = backend.kernel(readout_process, blocks=groups, threads=channels)

    def process(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(frames, groups, features, channels) → shares (frames, groups, sources, channels), which add up to 1."""
        frames, groups, _, channels = features.shape
        shares = self.backend.empty((frames, groups, self._sources, channels), np.float32)
        self._run(features, self._layers, self._state["held"], self._room, shares)
        return shares
