"""Winner-take-all circuits: Wta over all units, WtaConv over a window around each."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cell import Params, check_counts
from .circuit import CircuitLayer, CircuitOptions
from .kinds import WTA, WTACONV
from .layer import Activity, read_only
from .rules import WtaRule
from .windows import half_widths, loops_of
from .wta_kernel import wta_process, wtaconv_process


class Wta(CircuitLayer):
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

    >>> from sharpear.dynamics import WtaCircuit
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


class WtaConv(CircuitLayer):
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

    >>> from sharpear.dynamics import WtaCircuit
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
        units: int | Sequence[int],
        half_width: ArrayLike,
        *,
        inhibits: Literal["window", "centre"] = "window",
        **options: Unpack[CircuitOptions],
    ) -> None:
        shape = tuple(units) if isinstance(units, Sequence) else (units,)
        check_counts(**{f"side{axis}": side for axis, side in enumerate(shape)})
        super().__init__(prod(shape), prod(shape), **options)
        if inhibits not in ("window", "centre"):
            raise ValueError(f"expected inhibits 'window' or 'centre', received {inhibits!r}")
        self._sides, self._inhibits, self._half_widths = shape, inhibits, half_widths(half_width, shape)
        self._loops = np.ones(self.units, np.int64) if inhibits == "centre" else loops_of(self._half_widths, shape)
        self._check()
        self._shape, self._half_width = (
            self.backend.array(part) for part in (np.array(shape, np.int64), self._half_widths)
        )
        self._run = self._kernel(wtaconv_process)

    @property
    def shape(self) -> tuple[int, ...]:
        """Units along each axis."""
        return self._sides

    @property
    def half_width(self) -> NDArray[np.int64]:
        """(axes, longest side) of the windows at every place along every axis."""
        return read_only(self._half_widths)

    @property
    def inhibits(self) -> str:
        """What an inhibitory unit inhibits: its "window", or the unit at its "centre"."""
        return self._inhibits

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
        windows = {"shape": np.array(self.shape, np.int64), "half_width": self._half_widths.copy()}
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
