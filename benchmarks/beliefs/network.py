"""The network of `sharpear.dynamics.beliefs` in torch, which learns; and how it becomes a file of the package.

Of each moment it takes cues x_b of all bands and x_i of all lines, and multiplies each line's energy by e^{o_i}:

    h_b = relu(A x_b),  g = (Σ_b w_b h_b / Σ_b w_b, mean_b h_b),  w_b = √(level of the band)
    y_b = relu((N ∗ h)_b + G g),  z_b = y_b + relu((F ∗ y)_b),  (s, l, k, c)_b = T z_b
    t_bw = log softmax_w(s_bw) + 4 tanh(l_bw/4) + Σ_{pairs q of w} k_bq r_bq       r: corrections, see dsp/cues.py
    u_i = 2 v·relu(B relu(C (x_i, c at f_i))) + t_w at f_i,   o_i = 14 tanh(u_i/14)

What is told of bands, c and t, is interpolated linearly at each line's place between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.beliefs.presets import Preset
from sharpear.dsp.cues import BANDS_PER_OCTAVE, LOWEST_BAND_HZ, CueDesign
from sharpear.dynamics.beliefs_kernel import LARGEST_BELIEF, LARGEST_GAIN, NOWHERE

BELIEF_GAIN = 2.0
"""A line's own belief is this times its last layer: it learns twice as fast."""

LEAST_SPREAD = 0.05
"""Added to the standard deviation of cues by which they are divided: some hardly ever differ."""

FIRST_TOLD = 0.05
"""Standard deviation of the first weights that bands are told by: at first all windows are believed alike."""


@dataclass(frozen=True)
class Sizes:
    """Units of the layers over bands (first, second), told to lines (context), and over lines (third, fourth)."""

    first: int = 48
    second: int = 32
    context: int = 12
    third: int = 32
    fourth: int = 16


@dataclass(frozen=True)
class Moments:
    """Cues and candidates of several moments; see `Examples`. moment: of each line, from 0."""

    bands: Tensor
    correction: Tensor
    lines: Tensor
    hz: Tensor
    energy: Tensor
    window: Tensor
    moment: Tensor


class BeliefNetwork(nn.Module):
    """See the equations above.

    Args:
        design: of the cues.
        sizes: of the layers.
    """

    def __init__(self, design: CueDesign, sizes: Sizes) -> None:
        super().__init__()
        self._level_cue, self._missing_cue = design.level_cue, design.missing_cue
        self._longer = design.longer
        self._windows = max(self._longer) + 1
        told = 2 * self._windows + len(self._longer) + sizes.context
        for name, cues in (("band", design.band_cues), ("line", design.line_cues)):
            self.register_buffer(f"{name}_mean", torch.zeros(cues))
            self.register_buffer(f"{name}_spread", torch.ones(cues))
        self.register_buffer("reach_hz", torch.from_numpy(design.reach_hz))
        self.cue = nn.Linear(design.band_cues, sizes.first)
        self.near = nn.Conv1d(sizes.first, sizes.second, 5, padding=2)
        self.whole = nn.Linear(2 * sizes.first, sizes.second)
        self.far = nn.Conv1d(sizes.second, sizes.second, 3, padding=1)
        self.told = nn.Linear(sizes.second, told)
        self.line = nn.Linear(design.line_cues + sizes.context, sizes.third)
        self.narrow = nn.Linear(sizes.third, sizes.fourth)
        self.belief = nn.Linear(sizes.fourth, 1)
        nn.init.zeros_(self.belief.weight)
        nn.init.zeros_(self.belief.bias)
        nn.init.normal_(self.told.weight, 0, FIRST_TOLD)
        nn.init.zeros_(self.told.bias)

    def normalise(self, bands: Tensor, lines: Tensor) -> None:
        """Take means and spreads of cues from examples: (moments, bands, band cues) and (lines, line cues)."""
        for name, cues in (("band", bands.reshape(-1, bands.shape[-1])), ("line", lines)):
            self.get_buffer(f"{name}_mean").copy_(cues.mean(0))
            self.get_buffer(f"{name}_spread").copy_(cues.std(0) + LEAST_SPREAD)
        # The first cues name the window, and say whether the line is of a pair: they stay 0 and 1.
        self.get_buffer("line_mean")[: self._windows + 1] = 0
        self.get_buffer("line_spread")[: self._windows + 1] = 1

    def forward(self, moments: Moments) -> Tensor:
        """(lines,) energies, as far as they are believed."""
        told = self._bands(moments.bands)
        share, level = self._trust(told, moments)
        context = told[..., 2 * self._windows + len(self._longer) :]
        band, part = between_bands(moments)
        at, window = moments.moment, moments.window
        present = (moments.hz[:, None] < self.get_buffer("reach_hz")).sum(1)
        has = 1 + (moments.bands[..., self._missing_cue :] == 0).sum(-1)
        # A band above that knows nothing of the longest window here has no say.
        above = torch.where(has[at, band + 1] < present, torch.zeros(()), part)
        below, variant = 1 - above, (present - 1).clamp(min=0)
        own = below * (share[at, band, variant, window] + level[at, band, window])
        own = own + above * (share[at, band + 1, variant, window] + level[at, band + 1, window])
        own = torch.where(window < present, own, torch.full((), float(NOWHERE)))
        around = below[:, None] * context[at, band] + above[:, None] * context[at, band + 1]
        cues = (moments.lines - self.get_buffer("line_mean")) / self.get_buffer("line_spread")
        third = torch.relu(self.line(torch.cat([cues, around], 1)))
        belief = own + BELIEF_GAIN * self.belief(torch.relu(self.narrow(third)))[:, 0]
        most = float(LARGEST_BELIEF)
        return moments.energy * torch.exp(most * torch.tanh(belief / most))

    def _bands(self, cues: Tensor) -> Tensor:
        """(moments, bands, told)."""
        normalised = (cues - self.get_buffer("band_mean")) / self.get_buffer("band_spread")
        return over_bands(self, normalised, cues[:, :, self._level_cue])

    def _trust(self, told: Tensor, moments: Moments) -> tuple[Tensor, Tensor]:
        """(moments, bands, present windows, windows) ln of shares, and (moments, bands, windows) ln of levels."""
        windows, most = self._windows, float(LARGEST_GAIN)
        beyond = float(NOWHERE) * torch.ones(windows, windows).triu(1)
        share = torch.log_softmax(told[..., None, :windows] + beyond, -1)
        followed = told[..., 2 * windows : 2 * windows + len(self._longer)] * moments.correction
        corrected = [
            sum((followed[..., q] for q, window in enumerate(self._longer) if window == w), torch.zeros(()))
            for w in range(windows)
        ]
        gain = most * torch.tanh(told[..., windows : 2 * windows] / most)
        return share, gain + torch.stack(corrected, -1)


def between_bands(moments: Moments) -> tuple[Tensor, Tensor]:
    """(lines,) the band below each line, and how far it is on the way to the next."""
    last = moments.bands.shape[1] - 1.001
    place = (torch.log2(moments.hz / LOWEST_BAND_HZ) * BANDS_PER_OCTAVE).clamp(0, last)
    band = place.long()
    return band, place - band


def over_bands(layers: Any, cues: Tensor, level: Tensor) -> Tensor:
    """(moments, bands, told) of normalised cues, by layers `cue`, `near`, `whole`, `far` and `told`.

    level: (moments, bands), a quarter of ln of each band's energy.
    """
    first = torch.relu(layers.cue(cues))
    weight = torch.exp(2 * level)
    mean = (first * weight[..., None]).sum(1) / (weight.sum(1)[:, None] + 1e-6)
    whole = layers.whole(torch.cat([mean, first.mean(1)], 1))
    second = torch.relu(layers.near(first.transpose(1, 2)) + whole[:, :, None])
    second = second + torch.relu(layers.far(second))
    told: Tensor = layers.told(second.transpose(1, 2))
    return told


def values_of(network: nn.Module) -> dict[str, NDArray[np.float64]]:
    """Weights and buffers by name."""
    return {name: value.detach().numpy().astype(np.float64) for name, value in network.state_dict().items()}


def band_layers(
    values: dict[str, NDArray[np.float64]], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The layers of `over_bands` as the package reads them; mean, spread: of the cues, which become part of them."""
    cue, cue_bias = _folded(values["cue.weight"], values["cue.bias"], mean, spread)
    return {
        "cue": cue,
        "cue_bias": cue_bias,
        "near": values["near.weight"].transpose(2, 1, 0),
        "near_bias": values["near.bias"] + values["whole.bias"],
        "whole": values["whole.weight"].T,
        "far": values["far.weight"].transpose(2, 1, 0),
        "far_bias": values["far.bias"],
        "told": values["told.weight"].T,
        "told_bias": values["told.bias"],
    }


def exported(network: BeliefNetwork, preset: Preset) -> dict[str, NDArray[np.generic]]:
    """What `sharpear.dynamics.beliefs.load_beliefs` reads: normalisation becomes part of the weights."""
    values = values_of(network)
    own = len(values["line_mean"])
    line, line_bias = _folded(
        values["line.weight"][:, :own], values["line.bias"], values["line_mean"], values["line_spread"]
    )
    layers = {
        **band_layers(values, values["band_mean"], values["band_spread"]),
        "line": np.concatenate([line, values["line.weight"][:, own:].T]),
        "line_bias": line_bias,
        "narrow": values["narrow.weight"].T,
        "narrow_bias": values["narrow.bias"],
        "belief": BELIEF_GAIN * values["belief.weight"][0],
        "belief_bias": BELIEF_GAIN * values["belief.bias"],
    }
    windows = preset.layout.windows
    layout = {
        "length_hops": np.array([window.length_hops for window in windows]),
        "points": np.array([window.points for window in windows]),
        "top_hz": np.array([window.top_hz for window in windows]),
        "latency_hops": np.array(preset.layout.latency_hops),
    }
    return layout | {name: layer.astype(np.float32) for name, layer in layers.items()}


def _folded(
    weight: NDArray[np.float64], bias: NDArray[np.float64], mean: NDArray[np.float64], spread: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``W ((x − m)/s) + b = (W/s) x + (b − (W/s) m)``, the first from inputs to outputs."""
    scaled = weight / spread
    return scaled.T, bias - scaled @ mean
