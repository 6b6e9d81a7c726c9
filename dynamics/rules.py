"""What the kernels of the layers are given: constants and states, by name."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class RmsMoments(NamedTuple):
    """Constants of `lca_rms_step`; η and ε are fractions of the level."""

    beta2: np.float32
    eta: np.float32
    epsilon: np.float32


class AdamMoments(NamedTuple):
    """Constants of `lcadam_step`; η and ε are fractions of the level."""

    beta1: np.float32
    beta2: np.float32
    eta: np.float32
    epsilon: np.float32


class LevelRule(NamedTuple):
    """How the level around a unit is taken."""

    half_width: int
    """Units on either side that are in it."""

    decay: np.float32
    """What is left of it a frame later."""


class LcaRule(NamedTuple):
    """Constants of an LcAdam."""

    threshold: Annotated[NDArray[np.float32], "units"]
    """λ, as a fraction of the level."""

    hard: bool
    """Whether λ is a hard threshold, or a soft one."""

    retention: Annotated[NDArray[Any], "units"]
    """Factor on the potential and its mean error from one frame to the next."""

    moments: AdamMoments


class LcaState(NamedTuple):
    """An LcAdam's level, potentials, moments and activations."""

    level: Annotated[NDArray[np.float32], "streams", "units"]
    u: Annotated[NDArray[Any], "streams", "units"]
    m: Annotated[NDArray[Any], "streams", "units"]
    v: Annotated[NDArray[np.float32], "streams", "units"]
    a: Annotated[NDArray[Any], "streams", "units"]


class Circuit(NamedTuple):
    """Gains of a winner-take-all circuit: α, β₁, β₂ and G."""

    alpha: np.float32
    beta1: np.float32
    beta2: np.float32
    conductance: np.float32


class WtaRule(NamedTuple):
    """Constants of a WtaConv."""

    circuit: Circuit
    threshold: Annotated[NDArray[np.float32], "units"]
    inhibition_threshold: np.float32
    rate: np.float32
    """Fraction of the way to its target that a unit goes in a step."""

    shape: Annotated[NDArray[np.int64], "axes"]
    """Units along each axis; the last axis side by side."""

    half_width: Annotated[NDArray[np.int64], "axes", "longest side"]
    """Units on either side, along each axis, that are in the window of a unit at that place of the axis."""

    whole_window: bool
    """Whether an inhibitory unit inhibits all units of its window, or the one at its centre only."""


class WtaState(NamedTuple):
    """Activities of the excitatory and of the inhibitory units."""

    x: Annotated[NDArray[np.float32], "streams", "units"]
    x_n: Annotated[NDArray[np.float32], "streams", "inhibitory units"]


class PairParts(NamedTuple):
    """An `LcAdamWta` as its kernels take it."""

    band: Annotated[NDArray[Any], "units", "neighbours"]
    lca_rule: LcaRule
    level_rule: LevelRule
    wta_rule: WtaRule
    flow: Annotated[NDArray[np.float32], "two", "two"]
    iterations: int
    winners: bool
    """Whether x comes out, or a."""

    lca_state: LcaState
    wta_state: WtaState
