"""Locally competitive layers: Lca and its two step rules, LcaRms and LcAdam."""

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .competitive import Competitive, LcaOptions
from .kinds import LCA, LCA_RMS, LCADAM
from .lateral import BandedWeights
from .layer import Activity, rate_per_step, usable_rate
from .lca_kernel import lca_process, lca_rms_process, lcadam_process
from .rules import AdamMoments, LcaRule, LcaState, LevelRule, RmsMoments
from .step_rules import level_over, level_rule, moments_of


class Lca(Competitive):
    """Locally competitive algorithm: units driven by b leak, and inhibit their neighbours through G while active.

    ``τ du/dt = b − u − G a``,  ``a = T_λ(u)``

    With ``b = Wᴴy`` and ``G = WᴴW − I`` (unit-norm columns) and the soft threshold, the fixed point minimises
    ``½‖y − Wa‖² + λ‖a‖₁`` (over a ≥ 0 for real units); the hard threshold approximates the ℓ0 problem.
    Real or complex follows the dtype of `lateral`.

    Args:
        lateral: G.
        threshold: λ, in units of the drive, one value or one per unit.
        tau_s: time constant, s.
        step_s: time that one step stands for, s: the hop divided by `iterations`.
        rule: "soft" or "hard".
        retention: what the potential is multiplied by from one frame to the next, one value or one per unit: a leak
            ρ ≤ 1, and for complex units the turn ``e^{i2πf·hop}`` that keeps the memory in phase with its tone.
        iterations: steps a frame.
        streams: independent signals.
        backend: where it runs.

    Raises:
        ValueError: an argument is out of range.

    Reference: Rozell, Johnson, Baraniuk, Olshausen 2008, Neural Computation 20.

    >>> layer = Lca(BandedWeights.from_dense(np.array([[0.0, 0.6], [0.6, 0.0]])), 0.1, tau_s=0.01, step_s=0.003)
    >>> for _ in range(100):
    ...     a = layer(np.array([[1.0, 0.6]], np.float32))
    >>> a.round(3).tolist()
    [[0.8999999761581421, 0.0]]
    """

    kind = LCA

    def __init__(
        self,
        lateral: BandedWeights,
        threshold: ArrayLike,
        *,
        tau_s: float,
        step_s: float,
        **options: Unpack[LcaOptions],
    ) -> None:
        step = (rate_per_step(step_s, tau_s),)
        super().__init__(lateral, threshold, lca_process, step, ("u", "a"), {}, **options)

    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        return (usable_rate(constants["rate"]),)


class LcaRms(Competitive):
    """Lca whose step is divided by the running root mean square of each unit's error.

    ``du = b − u − G a``,  ``v ← β₂v + (1−β₂)|du|²``,  ``u ← u + ηL du / (√v + εL)``,  ``a = T_λL(u)``

    L is the level around each unit, ``√Σ_{|j−i| ≤ h} |b_j|²``, falling with `level_tau_s`. Measuring η, ε and λ in
    units of it makes the output scale with the input; ε makes the step a plain gradient step (rate η/ε) once the error
    is small.

    Args:
        lateral: G.
        threshold: λ, as a fraction of the level.
        frame_s: time between frames (the hop), s.
        level_tau_s: time constant of the level's fall, s.
        level_half_width: h, units; None takes the whole stream.
        beta2: memory of v per step.
        eta: step, as a fraction of the level.
        epsilon: error, as a fraction of the level, below which steps shrink.
        rule, retention, iterations, streams, backend: as of `Lca`.

    >>> lateral = BandedWeights.from_dense(np.array([[0.0, 0.6], [0.6, 0.0]]))
    >>> layer = LcaRms(lateral, 0.1, frame_s=0.003, level_tau_s=0.2, beta2=0.75, eta=0.05, epsilon=0.2)
    >>> layer.process(np.tile(np.float32([1.0, 0.6]), (200, 1, 1)))[-1].round(3)
    array([[0.883, 0.   ]], dtype=float32)
    """

    kind = LCA_RMS

    def __init__(
        self,
        lateral: BandedWeights,
        threshold: ArrayLike,
        *,
        frame_s: float,
        level_tau_s: float,
        level_half_width: int | None = None,
        beta2: float,
        eta: float,
        epsilon: float,
        **options: Unpack[LcaOptions],
    ) -> None:
        moments = moments_of(RmsMoments, {"beta2": beta2, "eta": eta, "epsilon": epsilon})
        step = (moments, level_over(level_half_width, lateral.units, frame_s, level_tau_s))
        fields = {"v": np.float32, "level": np.float32}
        super().__init__(lateral, threshold, lca_rms_process, step, ("level", "u", "v", "a"), fields, **options)

    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        return moments_of(RmsMoments, constants), level_rule(constants["level_half_width"], constants["level_decay"])


class LcAdam(Competitive):
    """Lca with an Adam step: momentum m of the error over its running root mean square.

    ``m ← β₁m + (1−β₁)du``,  ``v ← β₂v + (1−β₂)|du|²``,  ``u ← u + ηL (m/β₁) / (√(v/β₂) + εL)``,  ``a = T_λL(u)``

    The corrections 1/β₁ and 1/β₂ are constant. L is the level as in `LcaRms`, so that the output scales with
    the input; a step is at most about η of it, and becomes a plain gradient step where the error is below ε of it.

    Args:
        lateral: G.
        threshold: λ, as a fraction of the level.
        frame_s: time between frames (the hop), s.
        level_tau_s: time constant of the level's fall, s.
        level_half_width: h, units; None takes the whole stream.
        beta1: memory of m per step.
        beta2: memory of v per step.
        eta: step, as a fraction of the level.
        epsilon: error, as a fraction of the level, below which steps shrink.
        rule, retention, iterations, streams, backend: as of `Lca`.

    Reference: Kingma & Ba 2015 (arXiv 1412.6980) for the step; the combination is NeurodynamicalSystems' LcAdam.

    >>> step = {"beta1": 0.65, "beta2": 0.75, "eta": 0.05, "epsilon": 0.2}
    >>> lateral = BandedWeights.from_dense(np.array([[0.0, 0.6], [0.6, 0.0]]))
    >>> layer = LcAdam(lateral, 0.1, frame_s=0.003, level_tau_s=0.2, **step)
    >>> layer.process(np.tile(np.float32([1.0, 0.6]), (200, 1, 1)))[-1].round(3).tolist()
    [[0.8830000162124634, 0.0]]
    """

    kind = LCADAM

    def __init__(
        self,
        lateral: BandedWeights,
        threshold: ArrayLike,
        *,
        frame_s: float,
        level_tau_s: float,
        level_half_width: int | None = None,
        beta1: float,
        beta2: float,
        eta: float,
        epsilon: float,
        **options: Unpack[LcaOptions],
    ) -> None:
        moments = moments_of(AdamMoments, {"beta1": beta1, "beta2": beta2, "eta": eta, "epsilon": epsilon})
        step = (moments, level_over(level_half_width, lateral.units, frame_s, level_tau_s))
        fields: dict[str, DTypeLike] = {"m": lateral.band.dtype, "v": np.float32, "level": np.float32}
        super().__init__(lateral, threshold, lcadam_process, step, LcaState._fields, fields, **options)

    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        return moments_of(AdamMoments, constants), level_rule(constants["level_half_width"], constants["level_decay"])

    @property
    def level_rule(self) -> LevelRule:
        """How the level is taken."""
        rule: LevelRule = self._step[1]
        return rule

    @property
    def kernel_band(self) -> Activity:
        """The lateral weights' band as the kernels take it."""
        return self._band

    @property
    def kernel_rule(self) -> LcaRule:
        """The layer's constants as the kernels take them."""
        return LcaRule(threshold=self._threshold, hard=self._hard, retention=self._retention, moments=self._step[0])
