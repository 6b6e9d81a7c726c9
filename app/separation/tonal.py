"""Tones, strokes and noise, told apart without knowing the instruments."""

from functools import partial
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, Split
from sharpear.dsp.tonal_evidence import TonalEvidence
from sharpear.dsp.tonal_evidence_kernel import FEATURES, ReadoutLayers, readout_process
from sharpear.gpu import CPU, Backend

from .shares import ShareFactory

READOUT = "tonal_readout.npz"
SILENT_SHARE = 1e-4
"""Shares below this (-80 dB) are set to zero."""


Readout = tuple[NDArray[np.float32], ...]


class TonalTransient:
    """Shares of "tonal" and "transient" sound; steady noise belongs to neither and stays in the residual.

    `TonalEvidence` says of each channel how loud it was before and will be, how loud its neighbourhood is, how evenly
    its phase advances and how sudden onsets around it are. A readout of two layers of rectified units and a softmax,
    the same for all channels, weighs that. It was fitted to the ideal shares of 56 rendered pieces with noise.

    Args:
        bank: the separation bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams in each that share one mask.
        readout: other weights, (units, inputs + 1) of each layer; `benchmarks.separation.fit_readout` makes some.
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
        readout: Readout | None = None,
        backend: Backend = CPU,
    ) -> None:
        self.backend = backend
        self._evidence = TonalEvidence(bank.center_hz, hop_s, groups, per_group, backend)
        self.wait_frames = self._evidence.wait_frames
        layers = readout or _readout()
        self._layers = ReadoutLayers(*(backend.array(layer) for layer in layers))
        units = dict(zip(("FIRST", "SECOND", "SOURCES"), map(len, layers), strict=True))
        self._run = backend.kernel(readout_process, units, blocks=groups, threads=bank.channels)

    @classmethod
    def on(cls, backend: Backend) -> ShareFactory:
        """What a `Separator` on that backend builds its shares with."""
        return partial(cls, backend=backend)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, 2, channels), `wait_frames` late."""
        features = self._evidence.process(split)
        frames, groups, _, channels = features.shape
        shares = self.backend.empty((frames, groups, len(self.names) + 1, channels), np.float32)
        self._run(features, self._layers, shares)
        shares[shares < SILENT_SHARE] = 0
        return shares[:, :, : len(self.names)]

    def reset(self) -> None:
        """Forget the past."""
        self._evidence.reset()

    @property
    def state(self) -> NDArray[np.void]:
        """Everything that the next output depends on (a copy)."""
        return self._evidence.state

    @state.setter
    def state(self, value: NDArray[np.void]) -> None:
        self._evidence.state = value


def _readout() -> Readout:
    with resources.files(__package__).joinpath(READOUT).open("rb") as file, np.load(file) as weights:
        layers = tuple(weights[name].astype(np.float32) for name in sorted(weights.files))
    assert layers[0].shape[1] == FEATURES + 1, "the readout was fitted to other features"
    return layers
