"""How much of what the channels hold is noise: the level between the lines."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import Stateful

GROUP = 15
"""Channels in a group; each quantile is taken over three neighbouring groups."""

SILENT_NOISE_POWER = np.float32(1e-30)
"""Noise below this (-300 dBFS) is none."""


class Between(NamedTuple):
    """Where channels stand between the middles of groups: after the group `left`, by that `share` of the way on."""

    left: Annotated[NDArray[np.int64], "channels"]
    share: Annotated[NDArray[np.float32], "channels"]


class FloorRule(NamedTuple):
    """How the noise's power is told: see `NoiseFloor`."""

    quantile: np.float64
    per_quantile: np.float32
    """Mean power of noise for each unit of its quantile."""

    largest: np.float32
    """Bound, as a ratio to the strongest channel's power."""

    pace: np.float32
    """What of a change is followed in a frame."""


class NoiseFloor(Stateful):
    """Mean power of the noise in every channel, streaming.

    Lines stand out of the noise in few channels, so that a low quantile of the power over some 45 neighbouring channels
    is that of noise alone. For Gaussian noise, whose power is exponentially distributed, the q-quantile divided by
    ``-ln(1 - q)`` is the mean. It is smoothed over time and bounded to `largest` times the strongest channel of all:
    where lines are too dense to leave a gap they are not taken for noise, and noise alone is not taken for nothing.

    Args:
        channels: number of channels.
        frame_s: time between frames, s.
        tau_s: time constant of the smoothing, s.
        quantile: q.
        largest: the bound, as a power ratio.
        streams: number of streams.

    >>> rng = np.random.default_rng(0)
    >>> floor = NoiseFloor(90, frame_s=0.003, tau_s=0.2, quantile=0.3, largest=0.003)
    >>> power = rng.exponential(0.5, (1000, 1, 90)).astype(np.float32)
    >>> power[:, 0, 45] = 1000.0  # a line
    >>> bool(abs(floor.process(power)[-1].mean() / 0.5 - 1) < 0.1)
    True
    """

    def __init__(
        self, channels: int, frame_s: float, *, tau_s: float, quantile: float, largest: float, streams: int = 1
    ) -> None:
        if not 0 < quantile < 1 or not tau_s > 0 or not frame_s > 0:
            raise ValueError(
                "expected 0 < quantile < 1, tau_s > 0 and frame_s > 0, "
                f"received {quantile:g}, {tau_s:g} and {frame_s:g}"
            )
        groups = max(1, channels // GROUP)
        edge = np.linspace(0, channels, groups + 1).round().astype(np.int64)
        position = np.interp(np.arange(channels), 0.5 * (edge[1:] + edge[:-1] - 1), np.arange(groups))
        left = np.minimum(position.astype(np.int64), max(groups - 2, 0))
        self._edge = edge
        self._between = Between(left=left, share=(position - left).astype(np.float32))
        per_quantile, pace = -1.0 / math.log(1.0 - quantile), 1 - math.exp(-frame_s / tau_s)
        self._rule = numbers(FloorRule, quantile=quantile, per_quantile=per_quantile, largest=largest, pace=pace)
        self._remember([("floor", np.float32, (streams, groups)), ("begun", np.int32)])

    def process(self, power: NDArray[np.float32]) -> NDArray[np.float32]:
        """Power (frames, streams, channels) → mean power of the noise, likewise."""
        out = np.empty(power.shape, np.float32)
        state = self._state
        if len(power):
            noise_floor_process(power, self._edge, self._between, self._rule, state["floor"], bool(state["begun"]), out)
            state["begun"] = 1
        return out


@kernel
def noise_floor_process(
    power: Floats, edge: Integers, between: Between, rule: FloorRule, state: Floats, begun: bool, out: Floats
) -> None:
    """Quantile of every group with its neighbours, smoothed over frames, interpolated over channels."""
    left, share = between.left, between.share
    groups, channels = edge.size - 1, left.size
    smallest = np.empty(channels, np.float32)
    for f in range(power.shape[0]):
        for s in range(power.shape[1]):
            strongest = np.float32(0)
            for k in range(channels):
                strongest = max(strongest, power[f, s, k])
            for g in range(groups):
                low, high = edge[max(g - 1, 0)], edge[min(g + 2, groups)]
                rank = int(rule.quantile * (high - low))
                for i in range(high - low):  # by insertion, of as many as are asked for: most of the others are larger
                    value = power[f, s, low + i]
                    if i > rank and value >= smallest[rank]:
                        continue
                    j = min(i, rank)
                    while j > 0 and smallest[j - 1] > value:
                        smallest[j] = smallest[j - 1]
                        j -= 1
                    smallest[j] = value
                found = min(smallest[rank] * rule.per_quantile, rule.largest * strongest)
                state[s, g] += (rule.pace if begun or f > 0 else np.float32(1)) * (found - state[s, g])
                if state[s, g] < SILENT_NOISE_POWER:
                    state[s, g] = np.float32(0)
            for k in range(channels):
                right = min(left[k] + 1, groups - 1)
                out[f, s, k] = state[s, left[k]] + share[k] * (state[s, right] - state[s, left[k]])
