"""Winner-take-all circuits: Wta over all units, WtaConv over a window around each."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod, sqrt
from typing import Literal, Required, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers

from .cell import Params, checked
from .kernels import wta_process, wtaconv_process
from .kinds import WTA, WTACONV
from .layer import Activity, Layer, per_unit, rate_per_step
from .rules import Circuit, WtaRule


@dataclass(frozen=True)
class WtaCircuit:
    """Gains of a winner-take-all circuit, all positive.

    Args:
        alpha: self-excitation α.
        beta1: inhibition β₁ of the units by the inhibitory unit.
        beta2: excitation β₂ of the inhibitory unit by the units.
        conductance: leak G.

    Raises:
        ValueError: a gain is not positive.

    >>> WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0).winner(1.0)
    1.8181818181818181
    """

    alpha: float
    beta1: float
    beta2: float
    conductance: float

    def __post_init__(self) -> None:
        for name, gain in vars(self).items():
            if not 0 < gain < np.inf:
                raise ValueError(f"expected a positive {name}, received {gain:g}")

    def check_contraction(self) -> None:
        """Check ``0 < α < 2√(β₁β₂)``, ``¼ < β₁β₂ < 1``, where a circuit of one inhibitory unit is known to contract.

        Raises:
            ValueError: it is not.

        Reference: Rutishauser, Douglas, Slotine 2011, Neural Computation 23, section 2.
        """
        product = self.beta1 * self.beta2
        if not 0.25 < product < 1:
            raise ValueError(f"expected 1/4 < beta1*beta2 < 1 for contraction, received {product:g}")
        if not self.alpha < 2 * sqrt(product):
            raise ValueError(
                f"expected 0 < alpha < 2*sqrt(beta1*beta2) = {2 * sqrt(product):g}, received {self.alpha:g}"
            )

    def winner(self, drive: float, loops: int = 1, excited: float = 0.0) -> float:
        """Steady state of a lone winner that inhibits itself through `loops` inhibitory units, thresholds zero.

        ``x = I / (G + loops β₁β₂/G − α − excited)``; infinite where the self-excitation is stronger than all of them.
        excited: more of it, from outside the circuit.
        """
        left = self.conductance + loops * self.beta1 * self.beta2 / self.conductance - self.alpha - excited
        return drive / left if left > 0 else np.inf

    def largest_rate(self, loops: int) -> float:
        """The rate of a step up to which a lone winner settles: ``(2G − α) / (G(G − α) + loops β₁β₂)``.

        There the winner and its inhibitory units, whose step has the determinant
        ``1 − rate (2G − α) + rate² (G(G − α) + loops β₁β₂)``, neither grow nor swing for good.
        """
        G, alpha = self.conductance, self.alpha
        return (2 * G - alpha) / (G * (G - alpha) + loops * self.beta1 * self.beta2)

    def gains(self) -> Circuit:
        """The gains as the kernels take them."""
        return numbers(Circuit, **vars(self))


class CircuitOptions(TypedDict, total=False):
    """What both take; each class says it."""

    tau_s: Required[float]
    step_s: Required[float]
    circuit: Required[WtaCircuit]
    threshold: ArrayLike
    inhibition_threshold: float
    iterations: int
    streams: int
    backend: Backend


class _Circuit(Layer):
    """Common part of the two: gains, thresholds, excitatory x and inhibitory x_N."""

    output = "x"

    def __init__(
        self,
        units: int,
        inhibitory_units: int,
        *,
        tau_s: float,
        step_s: float,
        circuit: WtaCircuit,
        threshold: ArrayLike = 0.0,
        inhibition_threshold: float = 0.0,
        iterations: int = 1,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        fields = {"x": (np.float32, units), "x_n": (np.float32, inhibitory_units)}
        super().__init__(units, streams, np.float32, iterations, fields, backend)
        self.threshold = per_unit(threshold, units, "threshold")
        self._threshold = backend.array(self.threshold)
        self._set_circuit(circuit)
        self._inhibition_threshold = np.float32(inhibition_threshold)
        self._rate = rate_per_step(step_s, tau_s)

    def _set_circuit(self, circuit: WtaCircuit) -> None:
        self.circuit, self._gains = circuit, circuit.gains()

    @property
    def params(self) -> Params:
        """Thresholds, the circuit's gains, the inhibitory units' threshold, and the rate of a step."""
        gains = {name: np.array(value) for name, value in self._gains._asdict().items()}
        last = {"inhibition_threshold": np.array(self._inhibition_threshold), "rate": np.array(self._rate)}
        return {"threshold": self.threshold.copy()} | gains | last

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """
        before = self.circuit, self._inhibition_threshold, self._rate, self.threshold
        new = self.params | checked(self.params, params)
        try:
            self.threshold = per_unit(new["threshold"], self.units, "threshold")
            self._inhibition_threshold, self._rate = np.float32(new["inhibition_threshold"]), np.float32(new["rate"])
            self._set_circuit(WtaCircuit(**{name: float(new[name]) for name in vars(self.circuit)}))
            self._check()
        except ValueError:
            circuit, self._inhibition_threshold, self._rate, self.threshold = before
            self._set_circuit(circuit)
            raise
        self._threshold = self.backend.array(self.threshold)

    @abstractmethod
    def _check(self) -> None:
        """Check that winners settle."""

    @property
    def activation(self) -> Activity:
        """(streams, units) x of the excitatory units."""
        return self._state["x"]

    @property
    def potential(self) -> Activity:
        """(streams, units) the same x: these units carry their threshold inside."""
        return self._state["x"]


class Wta(_Circuit):
    """Winner-take-all: units excite themselves and share one inhibitory unit; the strongest drive survives.

    ``τẋᵢ = −Gxᵢ + f(Iᵢ + αxᵢ − β₁x_N − Tᵢ)``,  ``τẋ_N = −Gx_N + f(β₂Σxⱼ − T_N)``,  f(z) = max(z, 0)

    Args:
        units: number of excitatory units.
        tau_s: time constant, s.
        step_s: time that one step stands for, s: the hop divided by `iterations`.
        circuit: gains.
        threshold: Tᵢ, one value or one per unit.
        inhibition_threshold: T_N.
        iterations: steps a frame.
        streams: independent signals.
        backend: where it runs.

    Raises:
        ValueError: the circuit is not known to contract, or another argument is out of range.

    Reference: Rutishauser, Douglas, Slotine 2011, Neural Computation 23.

    >>> circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> layer = Wta(3, tau_s=0.010, step_s=0.001, circuit=circuit)
    >>> for _ in range(2000):
    ...     x = layer(np.array([[0.2, 1.0, 0.3]], np.float32))
    >>> x.round(2).tolist()
    [[0.0, 1.8200000524520874, 0.0]]
    """

    kind = WTA

    def __init__(self, units: int, **options: Unpack[CircuitOptions]) -> None:
        super().__init__(units, 1, **options)
        self._check()
        self._run = self._kernel(wta_process)

    def _check(self) -> None:
        self.circuit.check_contraction()

    def gain(self, excited: float = 0.0) -> float:
        """The largest steady activity of a unit for a drive of 1, when `excited` by itself from outside as well."""
        return self.circuit.winner(1.0, excited=excited)

    def _advance(self, drive: Activity, out: Activity) -> None:
        constants = (self._gains, self._threshold, self._inhibition_threshold, self._rate)
        self._run(drive, *constants, self.iterations, self._state["x"], self._state["x_n"], out)


class WtaConv(_Circuit):
    """Convolutional winner-take-all: units inhibit one another through the windows that they share.

    ``τẋ = −Gx + f(I + αx − β₁W x_N − T)``,  ``τẋ_N = −Gx_N + f(β₂W x − T_N)``,  ``(W x)ᵢ = Σ_{|j−i| ≤ h} xⱼ``

    Every unit has an inhibitory unit, fed by the window around it, which inhibits that window. Neighbours too close to
    be told apart compete, distant units do not know of each other. Units may stand on a grid of any number of axes;
    windows are then boxes.

    With ``inhibits="centre"`` an inhibitory unit inhibits the unit at its centre alone, x_N in place of W x_N. Then a
    lone bump whose neighbours are nearly as strong may silence its own middle.

    Args:
        units: number of excitatory units, or how many along each axis; activities stay (streams, all units).
        half_width: h, units: one value, one per axis, or along a single axis one per unit.
        tau_s, step_s, threshold, inhibition_threshold, iterations, streams, backend: as of `Wta`.
        circuit: gains. The single circuit's condition of contraction is asked for with ``inhibits="centre"`` only.
        inhibits: what an inhibitory unit inhibits.

    Raises:
        ValueError: a lone winner would grow without end or would not settle, and the message says the bound; or another
            argument is out of range.

    >>> circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> layer = WtaConv(5, 1, tau_s=0.010, step_s=0.001, circuit=circuit)
    >>> for _ in range(2000):
    ...     x = layer(np.array([[0.2, 1.0, 0.0, 0.0, 0.6]], np.float32))
    >>> x.round(2).tolist()
    [[0.0, 0.36000001430511475, 0.0, 0.0, 0.30000001192092896]]
    """

    kind = WTACONV

    def __init__(
        self,
        units: int | tuple[int, ...],
        half_width: ArrayLike,
        *,
        inhibits: Literal["window", "centre"] = "window",
        **options: Unpack[CircuitOptions],
    ) -> None:
        self.shape = units if isinstance(units, tuple) else (units,)
        super().__init__(prod(self.shape), prod(self.shape), **options)
        if inhibits not in ("window", "centre"):
            raise ValueError(f"expected inhibits 'window' or 'centre', received {inhibits!r}")
        self.inhibits = inhibits
        self.half_width = _half_widths(half_width, self.shape)
        self._loops = np.ones(self.units, np.int64) if inhibits == "centre" else _loops(self.half_width, self.shape)
        self._check()
        self._shape, self._half_width = (
            self.backend.array(part) for part in (np.array(self.shape, np.int64), self.half_width)
        )
        self._run = self._kernel(wtaconv_process)

    def gain(self, excited: float = 0.0) -> float:
        """The largest steady activity of a unit for a drive of 1, when `excited` by itself from outside as well."""
        return self.circuit.winner(1.0, int(self._loops.min()), excited)

    @property
    def extra(self) -> int:
        """Axes of the grid."""
        return len(self.shape)

    @property
    def params(self) -> Params:
        """As of `Wta`, and the windows, which stay as they are."""
        windows = {"shape": np.array(self.shape, np.int64), "half_width": self.half_width.copy()}
        return super().params | windows | {"whole_window": np.array(self.inhibits == "window", np.int64)}

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, it has another shape or an impossible value, or is of the windows.
        """
        for name in ("shape", "half_width", "whole_window"):
            if name in params and not np.array_equal(params[name], self.params[name]):
                raise ValueError(f"expected the {name} that the layer was made with, received another")
        super().replace(params)

    def _check(self) -> None:
        if self.inhibits == "centre":
            self.circuit.check_contraction()
            return
        fewest, most = int(self._loops.min()), int(self._loops.max())
        circuit = self.circuit
        bound = circuit.conductance + fewest * circuit.beta1 * circuit.beta2 / circuit.conductance
        if not circuit.alpha < min(bound, 2 * circuit.conductance):
            raise ValueError(
                f"expected alpha below {min(bound, 2 * circuit.conductance):g}, with which a winner's activity has an "
                f"end in these windows, received {circuit.alpha:g}"
            )
        if not self._rate < circuit.largest_rate(most):
            raise ValueError(
                f"expected a rate 1 - exp(-step_s / tau_s) below {circuit.largest_rate(most):.3g}, with which a winner "
                f"settles in these windows, received {self._rate:.3g}"
            )

    @property
    def kernel_rule(self) -> WtaRule:
        """The layer's constants as the kernels take them."""
        return WtaRule(
            circuit=self._gains,
            threshold=self._threshold,
            inhibition_threshold=self._inhibition_threshold,
            rate=self._rate,
            shape=self._shape,
            half_width=self._half_width,
            whole_window=self.inhibits == "window",
        )

    def _advance(self, drive: Activity, out: Activity) -> None:
        self._run(drive, self.kernel_rule, self.iterations, self._state["x"], self._state["x_n"], out)


def _half_widths(value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(axes, longest side) half widths of the windows, whole numbers, at every place along every axis."""
    given = np.asarray(value)
    if not (
        np.isrealobj(given) and np.isfinite(given).all() and (given == np.rint(given)).all() and (given >= 0).all()
    ):
        raise ValueError(f"expected half_width in whole units, none negative, received {value!r}")
    if given.shape not in ((), (len(shape),), *([shape] if len(shape) == 1 else [])):
        wanted = f"one for each of {len(shape)} axes" if len(shape) > 1 else f"{shape[0]}, one per unit"
        raise ValueError(f"expected one half_width or {wanted}, received {value!r}")
    rows = given if given.ndim and len(shape) == 1 else np.broadcast_to(given, len(shape))[:, None]
    return np.array(np.broadcast_to(rows, (len(shape), max(shape))), np.int64)


def _loops(half_width: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(units,) inhibitory units through which each unit inhibits itself: the diagonal of W W."""
    loops = np.ones((), np.int64)
    for side, half in zip(shape, half_width, strict=True):
        apart = np.abs(np.subtract.outer(np.arange(side), np.arange(side)))
        inside = apart <= half[:side, None]
        loops = np.multiply.outer(loops, (inside & inside.T).sum(axis=1))
    return loops.ravel()
