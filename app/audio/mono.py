"""Channels mixed down to one, and whether they cancel each other there."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CANCELLED = 0.01
"""Share of the channels' mean power below which a mix counts as cancelled: it has lost 20 dB, and channels that have
nothing in common lose only 10 log10(channels)."""


class MonoMix:
    """Mix blocks (samples, channels) down to (samples, 1), and watch what is lost.

    signs: of the channels in the mix; all positive if None, which is the mean.
    """

    def __init__(self, signs: NDArray[np.float32] | None = None) -> None:
        self._signs = signs
        self._mixed = self._apart = 0.0

    @property
    def cancels(self) -> bool:
        """Whether next to nothing was left of the channels."""
        return self._mixed < CANCELLED * self._apart

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the next block down."""
        with np.errstate(invalid="ignore", over="ignore"):
            mean: NDArray[np.float32] = (block if self._signs is None else block * self._signs).mean(
                axis=1, keepdims=True
            )
            self._mixed += float(np.square(mean, dtype=np.float64).sum())
            self._apart += float(np.square(block, dtype=np.float64).sum()) / block.shape[1]
        return mean


def signs_that_keep(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32] | None:
    """The signs to add channels with that cancel each other in their mean; None if they do not.

    A channel is turned over when it runs against the strongest one.
    """
    covariance, mean = np.zeros(()), MonoMix()
    for block in blocks:
        mean.mix(block)
        exact = block.astype(np.float64)
        covariance = covariance + exact.T @ exact
    if not mean.cancels:
        return None
    strongest = covariance[np.argmax(np.diag(covariance))]
    return np.where(strongest < 0, -1, 1).astype(np.float32)


def that_it_cancels(name: str) -> str:
    """The warning that channels cancel each other in their mean."""
    return f"{name}: its channels cancel each other when they are mixed to one: take them apart, without --mono"
