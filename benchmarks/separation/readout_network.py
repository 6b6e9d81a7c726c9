"""`sharpear.dsp.tonal_readout` in torch, which learns; and how it becomes a file of the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sharpear.compiler import Floats, kernel
from sharpear.dsp.tonal_readout_kernel import NEAR, NEIGHBOURS, ReadoutLayers

STRIDE = 2
"""Examples hold every other frame."""

FIRST_LIVES_FRAMES = 5.0, 500.0
"""How long the memory's units hold at first, from one to the other."""

SOURCES = 3
"""Tonal, transient and neither."""


@dataclass(frozen=True)
class Sizes:
    """Units of the layers and of the memory."""

    first: int = 40
    held: int = 8
    second: int = 20


class Network(nn.Module):
    """Features (frames, pieces, channels, features) → shares of tonal and transient (frames, pieces, channels, 2).

    Args:
        features: how many describe a channel.
        sizes: of the layers.
        without: "neighbours" or "memory", for an ablation.
    """

    def __init__(self, features: int, sizes: Sizes, without: str = "") -> None:
        super().__init__()
        self.held, self.without = sizes.held, without
        heard = sizes.first + 2 * NEIGHBOURS
        self.first = nn.Linear(features, sizes.first)
        self.memory = nn.Linear(heard, 2 * sizes.held)
        self.second = nn.Linear(heard + sizes.held + 2 * NEIGHBOURS, sizes.second)
        self.last = nn.Linear(sizes.second, SOURCES)
        kept = 2 * np.exp(-1 / np.geomspace(*FIRST_LIVES_FRAMES, sizes.held)) - 1
        with torch.no_grad():
            self.memory.bias[: sizes.held] = torch.tensor(kept / np.sqrt(1 - kept**2))
            self.last.weight *= 0.1

    def forward(self, features: Tensor, thinned: int = 1) -> Tensor:
        """thinned: only every so many channels are there."""
        near = max(1, round(NEAR / thinned))
        first = torch.relu(self.first(features))
        heard = torch.cat([first, self._surround(first, near)], dim=-1)
        opening, value = self.memory(heard).split(self.held, dim=-1)
        retention = 0.5 + 0.5 * opening * torch.rsqrt(1 + opening * opening)
        held = _Remember.apply(retention**STRIDE, value)
        if self.without == "memory":
            held = 0 * held
        second = torch.relu(self.second(torch.cat([heard, held, self._surround(held, near)], dim=-1)))
        shares: Tensor = torch.softmax(self.last(second), dim=-1)[..., : SOURCES - 1]
        return shares

    def _surround(self, units: Tensor, near: int) -> Tensor:
        """Means of the first units over near channels and over all."""
        units = units[..., :NEIGHBOURS]
        if self.without == "neighbours":
            return torch.zeros_like(torch.cat([units, units], dim=-1))
        channels = torch.arange(units.shape[2])
        low, high = (channels - near).clamp(min=0), (channels + near + 1).clamp(max=len(channels))
        sums = nn.functional.pad(units.cumsum(2), (0, 0, 1, 0))
        means = (sums[:, :, high] - sums[:, :, low]) / (high - low)[:, None]
        return torch.cat([means, units.mean(dim=2, keepdim=True).expand_as(units)], dim=-1)

    def exported(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names of `ReadoutLayers`, the bias last in each row."""
        layers = {name: getattr(self, name) for name in ReadoutLayers._fields}
        return {
            name: torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().numpy()
            for name, layer in layers.items()
        }

    def take(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Go on from weights that were exported."""
        with torch.no_grad():
            for name, joined in weights.items():
                layer: nn.Linear = getattr(self, name)
                layer.weight.copy_(torch.from_numpy(joined[:, :-1]))
                layer.bias.copy_(torch.from_numpy(joined[:, -1]))


class _Remember(torch.autograd.Function):
    """``h(t) = c(t) + r(t) (h(t-1) - c(t))`` from zero on, the first axis being time."""

    @staticmethod
    def forward(context: Any, retention: Tensor, value: Tensor) -> Tensor:  # type: ignore[override]
        r, c = (part.detach().contiguous().numpy().reshape(len(part), -1) for part in (retention, value))
        h = np.zeros_like(r)
        _held(r, c, h)
        context.arrays = r, c, h
        return torch.from_numpy(h).view(value.shape)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        r, c, h = context.arrays
        of_r, of_c = np.empty_like(r), np.empty_like(r)
        _slopes(r, c, h, slope.contiguous().numpy().reshape(r.shape), of_r, of_c)
        return torch.from_numpy(of_r).view(slope.shape), torch.from_numpy(of_c).view(slope.shape)


@kernel
def _held(r: Floats, c: Floats, h: Floats) -> None:
    before = np.zeros(r.shape[1], np.float32)
    for t in range(len(r)):
        for n in range(before.size):
            before[n] = h[t, n] = c[t, n] + r[t, n] * (before[n] - c[t, n])


@kernel
def _slopes(r: Floats, c: Floats, h: Floats, of_h: Floats, of_r: Floats, of_c: Floats) -> None:
    later = np.zeros(r.shape[1], np.float32)
    for t in range(len(r) - 1, -1, -1):
        for n in range(later.size):
            before = h[t - 1, n] if t else np.float32(0.0)
            slope = of_h[t, n] + later[n]
            of_r[t, n] = slope * (before - c[t, n])
            of_c[t, n] = slope * (np.float32(1.0) - r[t, n])
            later[n] = slope * r[t, n]
