"""Winner-take-all circuits: Wta over all units, WtaConv over a window around each."""

from dataclasses import dataclass
from math import sqrt
from typing import Required, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu import CPU, Backend

from .kernels import wta_process, wtaconv_process
from .layer import Activity, Layer, per_unit, rate_per_step
from .rules import Circuit, WtaRule


@dataclass(frozen=True)
class WtaCircuit:
    """Gains of a winner-take-all circuit, checked for contraction.

    Args:
        alpha: self-excitation α.
        beta1: inhibition β₁ of the units by the inhibitory unit.
        beta2: excitation β₂ of the inhibitory unit by the units.
        conductance: leak G.

    Raises:
        ValueError: outside ``0 < α < 2√(β₁β₂)``, ``¼ < β₁β₂ < 1``, where the dynamics are known to contract.

    Reference: Rutishauser, Douglas, Slotine 2011, Neural Computation 23, section 2.

    >>> WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0).winner(1.0)
    1.8181818181818181
    """

    alpha: float
    beta1: float
    beta2: float
    conductance: float

    def __post_init__(self) -> None:
        product = self.beta1 * self.beta2
        if not 0.25 < product < 1:
            raise ValueError(f"expected 1/4 < beta1*beta2 < 1 for contraction, received {product:g}")
        if not 0 < self.alpha < 2 * sqrt(product):
            raise ValueError(
                f"expected 0 < alpha < 2*sqrt(beta1*beta2) = {2 * sqrt(product):g}, received {self.alpha:g}"
            )
        if not self.conductance > 0:
            raise ValueError(f"expected a positive conductance, received {self.conductance:g}")

    def winner(self, drive: float) -> float:
        """Steady state of a lone winner: ``x = I / (G + β₁β₂/G − α)`` for thresholds of zero."""
        return drive / (self.conductance + self.beta1 * self.beta2 / self.conductance - self.alpha)

    def gains(self) -> Circuit:
        """The gains as the kernels take them."""
        return Circuit(
            alpha=np.float32(self.alpha),
            beta1=np.float32(self.beta1),
            beta2=np.float32(self.beta2),
            conductance=np.float32(self.conductance),
        )


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
        self.circuit = circuit
        self.threshold = per_unit(threshold, units, "threshold")
        self._threshold = backend.array(self.threshold)
        self._gains = circuit.gains()
        self._inhibition_threshold = np.float32(inhibition_threshold)
        self._rate = rate_per_step(step_s, tau_s)

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

    Reference: Rutishauser, Douglas, Slotine 2011, Neural Computation 23.

    >>> circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> layer = Wta(3, tau_s=0.010, step_s=0.001, circuit=circuit)
    >>> for _ in range(2000):
    ...     x = layer(np.array([[0.2, 1.0, 0.3]], np.float32))
    >>> x.round(2).tolist()
    [[0.0, 1.8200000524520874, 0.0]]
    """

    def __init__(self, units: int, **options: Unpack[CircuitOptions]) -> None:
        super().__init__(units, 1, **options)
        self._run = self._kernel(wta_process)

    def _advance(self, drive: Activity, out: Activity) -> None:
        constants = (self._gains, self._threshold, self._inhibition_threshold, self._rate)
        self._run(drive, *constants, self.iterations, self._state["x"], self._state["x_n"], out)


class WtaConv(_Circuit):
    """Convolutional winner-take-all: the circuit of `Wta` in a window of ±h neighbours around every unit.

    ``τẋᵢ = −Gxᵢ + f(Iᵢ + αxᵢ − β₁x_N,i − Tᵢ)``,  ``τẋ_N,i = −Gx_N,i + f(β₂ Σ_{|j−i| ≤ hᵢ} xⱼ − T_N)``

    Windows overlap: neighbours too close to be told apart compete, distant units do not know of each other.

    Args:
        units: number of excitatory units.
        half_width: h, units; one value or one per unit.
        tau_s, step_s, circuit, threshold, inhibition_threshold, iterations, streams, backend: as of `Wta`.

    >>> circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> layer = WtaConv(5, 1, tau_s=0.010, step_s=0.001, circuit=circuit)
    >>> for _ in range(2000):
    ...     x = layer(np.array([[0.5, 1.0, 0.0, 0.0, 0.6]], np.float32))
    >>> x.round(2).tolist()
    [[0.0, 1.8200000524520874, 0.0, 0.0, 1.090000033378601]]
    """

    def __init__(self, units: int, half_width: ArrayLike, **options: Unpack[CircuitOptions]) -> None:
        super().__init__(units, units, **options)
        self.half_width: NDArray[np.int64] = per_unit(half_width, units, "half_width").astype(np.int64)
        self._half_width = self.backend.array(self.half_width)
        self._run = self._kernel(wtaconv_process)

    @property
    def kernel_rule(self) -> WtaRule:
        """The layer's constants as the kernels take them."""
        return WtaRule(
            circuit=self._gains,
            threshold=self._threshold,
            inhibition_threshold=self._inhibition_threshold,
            rate=self._rate,
            half_width=self._half_width,
        )

    def _advance(self, drive: Activity, out: Activity) -> None:
        self._run(drive, self.kernel_rule, self.iterations, self._state["x"], self._state["x_n"], out)
