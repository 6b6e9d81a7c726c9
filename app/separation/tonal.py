"""Tones, strokes and noise, told apart without knowing the instruments."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, Split
from sharpear.dsp.tonal_evidence import TonalEvidence
from sharpear.dsp.tonal_evidence_kernel import FEATURES
from sharpear.dsp.tonal_readout import TonalReadout
from sharpear.dsp.tonal_readout_kernel import ReadoutLayers
from sharpear.dynamics.weights import layers, learned
from sharpear.gpu import CPU, Backend
from sharpear.sharpening.composite import Composite

from .shares import ShareFactory

READOUT = "tonal_readout.npz"
SILENT_SHARE = 1e-4
"""Shares below this (-80 dB) are set to zero."""


class TonalTransient(Composite):
    """Shares of "tonal" and "transient" sound; steady noise belongs to neither and stays in the residual.

    `TonalEvidence` says of each channel how loud it was before and will be, how loud its neighbourhood is, how evenly
    its phase advances and how sudden onsets around it are. `TonalReadout`, a network with a memory, weighs that. It was
    fitted to rendered pieces with noise, so that the power of stems less sources is least.

    Args:
        bank: the separation bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams in each that share one mask.
        readout: other weights; `benchmarks.separation.fit_readout` makes some.
        backend: where it runs, and where its input is.

    >>> shares = TonalTransient(GammatoneDesign(8000.0, np.array([100.0, 200.0]), np.ones(2)), 0.004, 1, 1)
    >>> shares.names, shares.wait_frames
    (('tonal', 'transient'), 17)
    """

    names: tuple[str, ...] = ("tonal", "transient")

    def __init__(
        self,
        bank: GammatoneDesign,
        hop_s: float,
        groups: int,
        per_group: int,
        readout: ReadoutLayers | None = None,
        backend: Backend = CPU,
    ) -> None:
        self.backend = backend
        self._evidence = TonalEvidence(bank.center_hz, hop_s, groups, per_group, backend)
        self.wait_frames = self._evidence.wait_frames
        self._readout = TonalReadout(readout or _readout(), bank.channels, groups, backend)

    @classmethod
    def on(cls, backend: Backend) -> ShareFactory:
        """What a `Separator` on that backend builds its shares with."""
        return partial(cls, backend=backend)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, 2, channels), `wait_frames` late."""
        shares = self._readout.process(self._evidence.process(split))
        shares[shares < SILENT_SHARE] = 0
        return shares[:, :, : len(self.names)]

    @property
    def _parts(self) -> dict[str, Any]:
        return {"evidence": self._evidence, "readout": self._readout}


def _readout() -> ReadoutLayers:
    weights = ReadoutLayers(**layers(learned("sharpear.separation", READOUT), ReadoutLayers._fields))
    assert weights.first.shape[1] == FEATURES + 1, "the readout was fitted to other features"
    return weights
