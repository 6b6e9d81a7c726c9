"""Gains of winner-take-all circuits, and what layers of such circuits share."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Required, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers

from .cell import Params, checked
from .layer import Activity, ThresholdLayer, rate_per_step, usable_rate
from .rules import Circuit


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


class CircuitLayer(ThresholdLayer):
    """Common part of `Wta` and `WtaConv`: gains, thresholds, excitatory x and inhibitory x_N."""

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
        self.threshold = threshold
        self._circuit, self._gains = circuit, circuit.gains()
        self._inhibition_threshold = _finite(inhibition_threshold, "inhibition_threshold")
        self._rate = rate_per_step(step_s, tau_s)

    @property
    def circuit(self) -> WtaCircuit:
        """The gains; `replace` sets them."""
        return self._circuit

    @property
    def params(self) -> Params:
        """Thresholds, the circuit's gains, the inhibitory units' threshold, and the rate of a step."""
        gains = {name: np.array(value) for name, value in self._gains._asdict().items()}
        last = {"inhibition_threshold": np.array(self._inhibition_threshold), "rate": np.array(self._rate)}
        return {"threshold": self._thresholds.copy()} | gains | last

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value.
        """
        new = self.params | checked(self.params, params)
        with self._all_or_none():
            self.threshold, self._rate = new["threshold"], usable_rate(new["rate"])
            self._inhibition_threshold = _finite(new["inhibition_threshold"], "inhibition_threshold")
            self._circuit = WtaCircuit(**{name: float(new[name]) for name in vars(self.circuit)})
            self._gains = self._circuit.gains()
            self._check()

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


def _finite(value: ArrayLike, name: str) -> np.float32:
    number = np.float32(np.asarray(value))
    if not np.isfinite(number):
        raise ValueError(f"expected a finite {name}, received {value!r}")
    return number
