"""What locally competitive layers share: lateral weights, thresholds, receptive fields, and their parameters."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypedDict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sharpear.gpu import CPU, Backend

from .cell import Params, checked
from .lateral import BandedWeights
from .layer import Activity, ThresholdLayer, read_only, usable
from .rules import LevelRule
from .unit_fields import unit_columns

Threshold = Literal["soft", "hard"]


class LcaOptions(TypedDict, total=False):
    """What all three take; each class says it."""

    rule: Threshold
    retention: ArrayLike
    iterations: int
    streams: int
    backend: Backend


class Competitive(ThresholdLayer):
    """Common part of `Lca`, `LcaRms` and `LcAdam`: lateral weights, threshold, potential u and activation a.

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
        self._receptive_fields: NDArray[np.float32] | None = None
        self.threshold, self.retention, self.lateral = threshold, retention, lateral
        self._hard, self._step, self._remembered = rule == "hard", step, remembered
        self._run = self._kernel(process)

    @classmethod
    def over(cls, fields: ArrayLike, *arguments: Any, **options: Any) -> Self:
        """The layer over receptive fields W (inputs, units) of unit columns: its drive is Wᵀy, its weights WᵀW − I.

        `process` then takes y, (frames, streams, inputs), a single frame (streams, inputs) or, of one stream,
        (inputs,). In a `Network` the flow that brings y carries ``W.T``. Other arguments are the layer's.

        Raises:
            ValueError: W is no real finite matrix of columns of norm 1: divide by `np.linalg.norm(W, axis=0)`.

        >>> from sharpear.dynamics import Lca
        >>> W = np.array([[1.0, 0.6], [0.0, 0.8]])
        >>> layer = Lca.over(W, 0.1, tau_s=0.01, step_s=0.003, iterations=100)
        >>> layer(W[:, 0]).round(3).tolist()
        [0.8999999761581421, 0.0]
        """
        W = unit_columns(fields)
        layer = cls(BandedWeights.from_receptive_fields(W), *arguments, **options)
        layer._receptive_fields, layer._fields = W, layer.backend.array(W)
        return layer

    @property
    def receptive_fields(self) -> NDArray[np.float32] | None:
        """W of a layer made by `over`; setting it sets the lateral weights too."""
        return None if self._receptive_fields is None else read_only(self._receptive_fields)

    @receptive_fields.setter
    def receptive_fields(self, value: ArrayLike) -> None:
        if self._receptive_fields is None:
            raise ValueError("expected a layer made by `over`, received receptive fields for another")
        W = unit_columns(value)
        if W.shape != self._receptive_fields.shape:
            raise ValueError(f"expected fields of {self._receptive_fields.shape}, received {W.shape}")
        self.lateral = BandedWeights.from_receptive_fields(W)
        self._receptive_fields, self._fields = W, self.backend.array(W)
        self.revision += 1

    @property
    def retention(self) -> Activity:
        """(units,) what a potential is multiplied by from one frame to the next; one value sets all."""
        return read_only(self._retentions)

    @retention.setter
    def retention(self, value: ArrayLike) -> None:
        self._retentions = _retention(value, self.units, self.dtype)
        self._retention = self.backend.array(self._retentions)
        self.revision += 1

    @property
    def lateral(self) -> BandedWeights:
        """The lateral weights G."""
        return self._lateral

    @lateral.setter
    def lateral(self, value: BandedWeights) -> None:
        if not isinstance(value, BandedWeights):
            raise ValueError(
                f"expected BandedWeights, as `from_dense` makes of a matrix, received {type(value).__name__}"
            )
        if value.units != self.units or value.band.dtype != self.dtype:
            raise ValueError(
                f"expected {self.dtype} lateral weights of {self.units} units, received {value.band.dtype} of "
                f"{value.units}"
            )
        self._lateral, self._band = value, self.backend.array(value.band)
        self.revision += 1

    @property
    def extra(self) -> int:
        """Width of the lateral weights' band."""
        return int(self.lateral.band.shape[1])

    @property
    def packed(self) -> Params:
        """Thresholds, retention, the lateral weights' band, the rule (1 where hard) and the constants of the step."""
        arrays = {"threshold": self._thresholds, "retention": self._retentions, "lateral": self.lateral.band}
        hard = {"hard": np.array(self._hard, np.float32)}
        constants = {name: np.array(value) for name, value in self._constants().items()}
        return {name: np.array(value) for name, value in arrays.items()} | hard | constants

    @property
    def params(self) -> Params:
        """As the kernel takes them, and the receptive fields of a layer made by `over`."""
        fields = self._receptive_fields
        return self.packed | ({} if fields is None else {"receptive_fields": fields.copy()})

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
        with self._all_or_none():
            if "receptive_fields" in changes:
                self.receptive_fields = np.asarray(changes.pop("receptive_fields"))
            if "lateral" in changes:
                self.lateral = BandedWeights(np.asarray(changes.pop("lateral"), self.dtype))
            new = checked(self.params, changes)
            self.threshold, self.retention = (
                new.get("threshold", self._thresholds),
                new.get("retention", self._retentions),
            )
            self._hard = bool(new.get("hard", self._hard))
            constants = self._constants()
            self._step = self._stepped(constants | {name: new[name] for name in constants if name in new})

    @abstractmethod
    def _stepped(self, constants: Mapping[str, Any]) -> tuple[Any, ...]:
        """The constants of the step, checked, as the kernel takes them."""

    def process(self, drive: Activity, out: Activity | None = None) -> Activity:
        """Advance over drive (frames, streams, units), or over y (frames, streams, inputs) of a layer made by `over`.

        Raises:
            ValueError: the shape of `drive` or `out` is wrong, or a complex drive meets a real layer.
        """
        if self._receptive_fields is None:
            return super().process(drive, out)
        y, inputs = self.backend.view(drive), len(self._receptive_fields)
        if y.ndim != 3 or y.shape[1:] != (self.streams, inputs):
            raise ValueError(f"expected inputs of shape (frames, {self.streams}, {inputs}), received {y.shape}")
        if y.dtype.kind not in "biuf":
            raise ValueError(f"expected real inputs, received {y.dtype}")
        return super().process(usable(y, self.dtype, self.backend) @ self._fields, out)

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


def _retention(value: ArrayLike, units: int, dtype: np.dtype[np.generic]) -> Activity:
    array = np.asarray(value)
    if array.shape not in ((), (units,)) or not (np.abs(array) <= 1 + 1e-6).all():
        raise ValueError(f"expected a retention of modulus at most 1, one or {units}, received {value!r}")
    if np.iscomplexobj(array) and dtype.kind != "c":
        raise ValueError("expected a real retention for real units, received a complex one")
    return np.array(np.broadcast_to(array, units), dtype=dtype)
