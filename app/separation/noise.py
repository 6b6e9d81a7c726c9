"""Steady noise, told from all else by the level between tones and between sounds."""

import math
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.dsp import GammatoneDesign, NoiseFloor, Split
from sharpear.gpu.arguments import numbers
from sharpear.sharpening.composite import Composite, Memory

IN_TIME, IN_TIME_S = 0.25, 2.0
"""Quantile of each channel's power that is followed, and how long the sound is by which it is told, s."""

EARLY, BEGIN_FRAMES = 3.0, 20
"""At first a quantile moves by ``EARLY / n`` nepers in frame n, after so many frames in which the bank fills."""

ACROSS, ACROSS_S = 0.4, 0.05
"""Quantile of these over some 45 neighbouring channels, for tones may last longer than they do; and its smoothing."""

REACH_FRAMES, REACH_CHANNELS = 4, 1
"""Frames and channels on either side over which power is averaged before it is compared with the noise's."""

NO_POWER = np.float32(1e-30)


class QuantileRule(NamedTuple):
    """The quantile, and nepers by which it moves in a frame: later, and ``early / n`` at first."""

    quantile: np.float32
    pace: np.float32
    early: np.float32
    begin: int


class SteadyNoise(Composite):
    r"""Shares of "noise": what lasts and fills the channels evenly; the residual is the sound without it.

    A quantile of each channel's power over time is the level to which it falls between sounds; of these a quantile
    over neighbouring channels (`NoiseFloor`), as they would be in pink noise, is the level between tones that last. By
    the quantiles of the exponential distribution, which the power of Gaussian noise has, that tells the noise's power
    N. The share is Wiener's, ``min(N / Y, 1)``, of the mean power Y around each channel and frame.

    Args:
        bank: the separation bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams in each that share one mask.

    >>> from sharpear import separate
    >>> rng, t = np.random.default_rng(0), np.arange(32000) / 16000
    >>> tone, hiss = 0.1 * np.sin(2 * np.pi * 440 * t), 0.01 * rng.standard_normal(t.size)
    >>> clean = separate(tone + hiss, 16000, SteadyNoise)["residual"]
    >>> bool(np.std((clean - tone)[16000:]) < 0.3 * np.std(hiss))
    True
    """

    names: tuple[str, ...] = ("noise",)
    wait_frames = REACH_FRAMES

    def __init__(self, bank: GammatoneDesign, hop_s: float, groups: int, per_group: int) -> None:
        self._groups, self._per_group = groups, per_group
        self._rule = numbers(
            QuantileRule, quantile=IN_TIME, pace=4 * hop_s / IN_TIME_S, early=EARLY, begin=BEGIN_FRAMES
        )
        self._floor = NoiseFloor(bank.channels, hop_s, tau_s=ACROSS_S, quantile=ACROSS, largest=1.0, streams=groups)
        # Noise falls with the frequency, as a rule, and channels that are as loud as one another are compared.
        self._pink = (bank.center_hz / bank.center_hz.mean()).astype(np.float32)
        # A quantile is no power of noise: what `NoiseFloor` takes for one is undone, and this one's own is done.
        self._per_quantile = np.float32(math.log(1 - ACROSS) / math.log(1 - IN_TIME))
        self._memory = Memory(
            [
                ("power", np.float32, (2 * REACH_FRAMES, groups, bank.channels)),
                ("level", np.float32, (groups, bank.channels)),
                ("heard", np.int64, (groups,)),
            ]
        )

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, 1, channels), `wait_frames` late."""
        state, (count, _, channels) = self._memory.fields, split.power.shape
        power = split.power.reshape(count, self._groups, self._per_group, channels).sum(axis=2)
        quiet = np.empty_like(power)
        follow_quantile(power, self._rule, state["level"], state["heard"], quiet)
        noise = self._per_quantile * self._floor.process(quiet * self._pink) / self._pink
        known = np.concatenate([state["power"], power])
        state["power"] = known[count:]
        share: NDArray[np.float32] = np.minimum(noise / (_around(known) + NO_POWER), np.float32(1))
        return share[:, :, None]

    @property
    def _parts(self) -> dict[str, Any]:
        return {"floor": self._floor, "memory": self._memory}


def _around(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over `REACH_FRAMES` and `REACH_CHANNELS` on either side; frames without as many are left out."""
    wide, long = 2 * REACH_CHANNELS + 1, 2 * REACH_FRAMES + 1
    padded = np.pad(power, ((0, 0), (0, 0), (REACH_CHANNELS, REACH_CHANNELS)), mode="edge")
    beside = reduce(np.add, (padded[..., k : k + power.shape[2]] for k in range(wide)))
    total = reduce(np.add, (beside[n : len(power) - long + 1 + n] for n in range(long)))
    return np.asarray(total / np.float32(wide * long))


@kernel
def follow_quantile(power: Floats, rule: QuantileRule, level: Floats, heard: Integers, out: Floats) -> None:
    """``l ← l + μ (q − [ln y < l])``, out = eˡ, of power and out (frames, groups, channels); silence changes nothing.

    level (groups, channels), nepers; heard (groups,): frames with sound so far.
    """
    for n in range(power.shape[0]):
        for g in range(power.shape[1]):
            if power[n, g].max() > 0:
                step = max(rule.pace, rule.early / np.float32(heard[g] + 1))
                for k in range(power.shape[2]):
                    now = np.float32(math.log(max(power[n, g, k], NO_POWER)))
                    if heard[g] < rule.begin:
                        level[g, k] = now
                    else:
                        level[g, k] += step * (rule.quantile - np.float32(now < level[g, k]))
                heard[g] += 1
            for k in range(power.shape[2]):
                out[n, g, k] = math.exp(level[g, k]) if heard[g] > 0 else np.float32(0)
