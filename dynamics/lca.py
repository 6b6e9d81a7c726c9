"""Locally competitive layers: Lca and its two step rules, LcaRms and LcAdam."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers

from .cell import Params, checked
from .kernels import lca_process, lca_rms_process, lcadam_process
from .kinds import LCA, LCA_RMS, LCADAM
from .lateral import BandedWeights
from .layer import Activity, Layer, per_unit, rate_per_step, usable
from .rules import AdamMoments, LcaRule, LcaState, LevelRule, RmsMoments

Threshold = Literal["soft", "hard"]
Moments = TypeVar("Moments", RmsMoments, AdamMoments)


class LcaOptions(TypedDict, total=False):
    """What all three take; each class says it."""

    rule: Threshold
    retention: ArrayLike
    iterations: int
    streams: int
    backend: Backend


class _Competitive(Layer):
    """Common part of the three: lateral weights, threshold, potential u and activation a.

    Args:
        process: the kernel, given `step` between the layer's constants and the `remembered` fields of the state.
        moments: the fields of the state beside u and a.
    """

    output = "a"

    def __init__(
        self,
        lateral: BandedWeights,
        threshold: ArrayLike,
        process: Callable[..., None],
        step: tuple[Any, ...],
        remembered: tuple[str, ...],
        moments: Mapping[str, DTypeLike],
        *,
        rule: Threshold = "soft",
        retention: ArrayLike = 1.0,
        iterations: int = 1,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        if rule not in ("soft", "hard"):
            raise ValueError(f"expected the threshold rule 'soft' or 'hard', received {rule!r}")
        units, dtype = lateral.units, lateral.band.dtype
        fields = {name: (kind, units) for name, kind in {"u": dtype, "a": dtype, **moments}.items()}
        super().__init__(units, streams, dtype, iterations, fields, backend)
        self.receptive_fields: NDArray[np.float32] | None = None
        self.threshold = per_unit(threshold, units, "threshold")
        self._hard = rule == "hard"
        self.retention = _retention(retention, units, self.dtype)
        self._threshold, self._retention = backend.array(self.threshold), backend.array(self.retention)
        self.lateral = lateral
        self._step, self._remembered = step, remembered
        self._run = self._kernel(process)

    @classmethod
    def over(cls, fields: ArrayLike, *arguments: Any, **options: Any) -> Self:
        """The layer over receptive fields W (inputs, units) of unit columns: its drive is Wᵀy, its weights WᵀW − I.

        `process` then takes y, (frames, streams, inputs), a single frame (streams, inputs) or, of one stream,
        (inputs,). In a `Network` the flow that brings y carries ``W.T``. Other arguments are the layer's.

        Raises:
            ValueError: W is no real finite matrix of columns of norm 1: divide by `np.linalg.norm(W, axis=0)`.

        >>> W = np.array([[1.0, 0.6], [0.0, 0.8]])
        >>> layer = Lca.over(W, 0.1, tau_s=0.01, step_s=0.003, iterations=100)
        >>> layer(W[:, 0]).round(3).tolist()
        [0.8999999761581421, 0.0]
        """
        W = unit_columns(fields)
        layer = cls(BandedWeights.from_receptive_fields(W), *arguments, **options)
        layer.receptive_fields = W
        return layer

    @property
    def lateral(self) -> BandedWeights:
        """The lateral weights G."""
        return self._lateral

    @lateral.setter
    def lateral(self, value: BandedWeights) -> None:
        if value.units != self.units or value.band.dtype != self.dtype:
            raise ValueError(
                f"expected {self.dtype} lateral weights of {self.units} units, received {value.band.dtype} of "
                f"{value.units}"
            )
        self._lateral, self._band = value, self.backend.array(value.band)

    @property
    def extra(self) -> int:
        """Width of the lateral weights' band."""
        return int(self.lateral.band.shape[1])

    @property
    def params(self) -> Params:
        """Thresholds, retention, the lateral weights' band, the rule (1 where hard) and the constants of the step."""
        constants = {name: np.array(value) for name, value in self._constants().items()}
        arrays: Params = {"threshold": self.threshold, "retention": self.retention, "lateral": self.lateral.band}
        arrays = {name: np.array(value) for name, value in arrays.items()}
        return arrays | {"hard": np.array(self._hard, np.float32)} | constants

    def _constants(self) -> dict[str, np.float32]:
        """The constants of the step, in the kernel's order."""
        named: dict[str, Any] = {}
        for part in self._step:
            prefix = "level_" if isinstance(part, LevelRule) else ""
            fields = part._asdict() if hasattr(part, "_asdict") else {"rate": part}
            named |= {prefix + name: value for name, value in fields.items()}
        return {name: np.float32(value) for name, value in named.items()}

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters; receptive fields set the lateral weights with them.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """
        changes = dict(params)
        if "receptive_fields" in changes:
            if self.receptive_fields is None:
                raise ValueError("expected a layer made by `over`, received receptive fields for another")
            W = unit_columns(changes.pop("receptive_fields"))
            if W.shape != self.receptive_fields.shape:
                raise ValueError(f"expected fields of {self.receptive_fields.shape}, received {W.shape}")
            self.receptive_fields, self.lateral = W, BandedWeights.from_receptive_fields(W)
        new = checked(self.params, changes)
        if "threshold" in new:
            self.threshold = per_unit(new["threshold"], self.units, "threshold")
        if "retention" in new:
            self.retention = _retention(new["retention"], self.units, self.dtype)
        self._threshold, self._retention = self.backend.array(self.threshold), self.backend.array(self.retention)
        if "lateral" in new:
            self.lateral = BandedWeights(new["lateral"])
        self._hard = bool(new.get("hard", self._hard))
        self._step = self._stepped(self._constants() | {name: new[name] for name in self._constants() if name in new})

    @abstractmethod
    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        """The constants of the step, checked, as the kernel takes them."""

    def __call__(self, drive: ArrayLike) -> Activity:
        """Advance one frame: (streams, inputs) in, (streams, units) out, or both without streams where there is one."""
        given = self.backend.view(drive)
        activity: Activity = self.process(given[None] if given.ndim > 1 else given[None, None])[0]
        return activity if given.ndim > 1 else activity[0]

    def process(self, drive: Activity, out: Activity | None = None) -> Activity:
        """Advance over drive (frames, streams, units), or over y (frames, streams, inputs) of a layer made by `over`.

        Raises:
            ValueError: the shape of `drive` or `out` is wrong, or a complex drive meets a real layer.
        """
        W = self.receptive_fields
        if W is None:
            return super().process(drive, out)
        y = self.backend.view(drive)
        if y.ndim != 3 or y.shape[1:] != (self.streams, len(W)):
            raise ValueError(f"expected inputs of shape (frames, {self.streams}, {len(W)}), received {y.shape}")
        return super().process(usable(y, self.dtype, self.backend) @ self.backend.array(W), out)

    def _advance(self, drive: Activity, out: Activity) -> None:
        constants = (self._band, self._threshold, self._hard, self._retention, *self._step)
        self._run(drive, *constants, self.iterations, *(self._state[name] for name in self._remembered), out)

    @property
    def activation(self) -> Activity:
        """(streams, units) a = T_λ(u)."""
        return self._state["a"]

    @property
    def potential(self) -> Activity:
        """(streams, units) u."""
        return self._state["u"]


class Lca(_Competitive):
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
        rate = np.float32(constants["rate"])
        if not 0 < rate < 1:
            raise ValueError(f"expected a rate between 0 and 1, received {rate:g}")
        return (rate,)


class LcaRms(_Competitive):
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
        moments = _step_rule(RmsMoments, beta2=beta2, eta=eta, epsilon=epsilon)
        level_rule = _level_rule(level_half_width, lateral.units, frame_s, level_tau_s)
        step, fields = (moments, level_rule), {"v": np.float32, "level": np.float32}
        super().__init__(lateral, threshold, lca_rms_process, step, ("level", "u", "v", "a"), fields, **options)

    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        return _moments(RmsMoments, constants), _level_of(constants)


class LcAdam(_Competitive):
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
        moments = _step_rule(AdamMoments, beta1=beta1, beta2=beta2, eta=eta, epsilon=epsilon)
        level_rule = _level_rule(level_half_width, lateral.units, frame_s, level_tau_s)
        step = (moments, level_rule)
        fields: dict[str, DTypeLike] = {"m": lateral.band.dtype, "v": np.float32, "level": np.float32}
        super().__init__(lateral, threshold, lcadam_process, step, LcaState._fields, fields, **options)

    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        return _moments(AdamMoments, constants), _level_of(constants)

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


def _step_rule(kind: Callable[..., Moments], **values: float) -> Moments:
    """Check the constants of a step rule, and name them."""
    for name, value in values.items():
        inside = 0 < value < 1 if name.startswith("beta") else value > 0
        if not inside:
            expected = "between 0 and 1" if name.startswith("beta") else "positive"
            raise ValueError(f"expected {name} {expected}, received {value:g}")
    return numbers(kind, **values)


def _moments(kind: Callable[..., Moments], constants: Mapping[str, Any]) -> Moments:
    return _step_rule(kind, **{name: float(constants[name]) for name in kind.__annotations__})


def _level_of(constants: Mapping[str, Any]) -> LevelRule:
    half_width, decay = int(constants["level_half_width"]), np.float32(constants["level_decay"])
    if half_width < 0 or not 0 <= decay < 1:
        raise ValueError(f"expected a level of half width >= 0 and decay below 1, received {half_width}, {decay:g}")
    return LevelRule(half_width, decay)


def unit_columns(fields: ArrayLike) -> NDArray[np.float32]:
    """Receptive fields (inputs, units) as float32.

    Raises:
        ValueError: they are no real finite matrix of columns of norm 1.
    """
    W = np.asarray(fields)
    if W.ndim != 2 or np.iscomplexobj(W) or not np.isfinite(W).all():
        raise ValueError(f"expected real finite receptive fields (inputs, units), received {W.dtype} {W.shape}")
    norms = np.linalg.norm(W, axis=0)
    if not np.allclose(norms, 1, atol=1e-3):
        raise ValueError(
            f"expected receptive fields of unit columns, received norms from {norms.min():.3g} to {norms.max():.3g}: "
            "divide by np.linalg.norm(W, axis=0)"
        )
    return W.astype(np.float32)


def random_fields(inputs: int, units: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Receptive fields (inputs, units) to begin learning with: not negative, of unit columns.

    >>> W = random_fields(4, 3, np.random.default_rng(0))
    >>> W.shape, np.linalg.norm(W, axis=0).round(3).tolist(), bool((W >= 0).all())
    ((4, 3), [1.0, 1.0, 1.0], True)
    """
    W = np.abs(rng.standard_normal((inputs, units)))
    return np.asarray(W / np.linalg.norm(W, axis=0), np.float32)


def _retention(value: ArrayLike, units: int, dtype: np.dtype[np.generic]) -> Activity:
    array = np.asarray(value)
    if array.shape not in ((), (units,)) or not (np.abs(array) <= 1 + 1e-6).all():
        raise ValueError(f"expected a retention of modulus at most 1, one or {units}, received {value!r}")
    if np.iscomplexobj(array) and dtype.kind != "c":
        raise ValueError("expected a real retention for real units, received a complex one")
    return np.array(np.broadcast_to(array, units), dtype=dtype)


def _level_rule(half_width: int | None, units: int, frame_s: float, tau_s: float) -> LevelRule:
    """Half width of the level's window and its decay per frame, as the kernels take them."""
    if half_width is not None and half_width < 0:
        raise ValueError(f"expected level_half_width >= 0, received {half_width}")
    return LevelRule(
        half_width=units if half_width is None else half_width, decay=np.float32(1) - rate_per_step(frame_s, tau_s)
    )
