"""The network of `sharpear.dynamics.voice_beliefs` in torch, which learns; and how it becomes a file of the package.

Layers over bands are those of the judge of windows (see network.py), and tell each band b shares s and levels l:

    E_i ← E_i exp(log softmax_p(s_bp) + 4 tanh(l_bp/4))      of a line i of picture p, between the bands beside it
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.beliefs import learn
from benchmarks.beliefs.examples import Examples
from benchmarks.beliefs.learn import ALL_SYNTHETIC, Stage
from benchmarks.beliefs.network import (
    FIRST_TOLD,
    LEAST_SPREAD,
    Moments,
    band_layers,
    between_bands,
    over_bands,
    values_of,
)
from sharpear.dynamics.beliefs_kernel import LARGEST_GAIN
from sharpear.dynamics.voice_beliefs_kernel import PICTURES, WINDOWS
from sharpear.voices.voice_cues_kernel import LEVEL_CUE
from sharpear.voices.voice_tracker import TOP_HZ

FIRST, SECOND = 32, 24
"""Units of the layers."""

STAGES = (Stage(0, 4e-3, 2.0, 1e-4, ALL_SYNTHETIC), Stage(0, 2e-3, 0.4, 1e-5, ALL_SYNTHETIC))
"""As the judge of windows learns; how many steps each has is told."""

FIRST_TRUST = 1.0
"""Windows are trusted e times as much as voices before anything is learned."""


class VoiceNetwork(nn.Module):
    """See the equations above; cues: of a band."""

    def __init__(self, cues: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(cues))
        self.register_buffer("spread", torch.ones(cues))
        self.cue = nn.Linear(cues, FIRST)
        self.near = nn.Conv1d(FIRST, SECOND, 5, padding=2)
        self.whole = nn.Linear(2 * FIRST, SECOND)
        self.far = nn.Conv1d(SECOND, SECOND, 3, padding=1)
        self.told = nn.Linear(SECOND, 2 * PICTURES)
        nn.init.normal_(self.told.weight, 0, FIRST_TOLD)
        nn.init.zeros_(self.told.bias)
        with torch.no_grad():
            self.told.bias[WINDOWS] = FIRST_TRUST

    def normalise(self, moments: Moments) -> None:
        """Take means and spreads of cues from those moments at which there are voices."""
        cues = moments.bands[moments.correction[:, 0, 0] > 0].reshape(-1, moments.bands.shape[-1])
        self.get_buffer("mean").copy_(cues.mean(0))
        self.get_buffer("spread").copy_(cues.std(0) + LEAST_SPREAD)

    def forward(self, moments: Moments) -> Tensor:
        """(lines,) energies, as far as they are believed."""
        gain = self._gain(moments.bands)
        band, above = between_bands(moments)
        at = moments.moment
        own = (1 - above) * gain[at, band, moments.window] + above * gain[at, band + 1, moments.window]
        stays = ((moments.hz > TOP_HZ) & (moments.window == WINDOWS)) | (moments.correction[at, 0, 0] == 0)
        return moments.energy * torch.exp(torch.where(stays, torch.zeros(()), own))

    def _gain(self, cues: Tensor) -> Tensor:
        """(moments, bands, pictures)."""
        normalised = (cues - self.get_buffer("mean")) / self.get_buffer("spread")
        told = over_bands(self, normalised, cues[:, :, LEVEL_CUE])
        most = float(LARGEST_GAIN)
        level: Tensor = torch.log_softmax(told[..., :PICTURES], -1) + most * torch.tanh(told[..., PICTURES:] / most)
        return level


def learned(
    train: Sequence[Examples], validation: Sequence[Examples], steps: Sequence[int], seed: int,
    log: Callable[[str], None],
) -> tuple[dict[str, NDArray[np.generic]], dict[str, dict[str, float]]]:  # fmt: skip
    """What the package reads, and what is reached on the scenes that validate."""
    learn.deterministic()
    torch.manual_seed(seed)
    network = VoiceNetwork(train[0].bands.shape[-1])
    network.normalise(learn.batch_of([(scene, np.arange(2)) for scene in train]).moments)
    learn.train_in_stages(network, train, "music", steps, seed, log, stages=STAGES)
    judges: dict[str, learn.Judgement] = {"windows": learn.only_window(WINDOWS), "windows and voices": network}
    reached = {name: learn.validated(judge, validation) for name, judge in judges.items()}
    return exported(network), reached


def exported(network: VoiceNetwork) -> dict[str, NDArray[np.generic]]:
    """What `load_voice_beliefs` reads: normalisation becomes part of the weights."""
    values = values_of(network)
    layers = band_layers(values, values["mean"], values["spread"])
    return {name: layer.astype(np.float32) for name, layer in layers.items()}
