"""The pair at the heart of sharpening: LcAdam ⇄ WtaConv, compiled as one loop."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu.stateful import named

from .cell import Params
from .kinds import NO_CELL
from .layer import Activity, Layer, read_only
from .lca import LcAdam
from .pair_kernel import pair_process
from .rules import LcaState, PairParts, WtaState
from .wiring import warn_of_growth
from .wta import WtaConv


class LcAdamWta(Layer):
    """An `LcAdam` and a `WtaConv` over the same units, coupled by flows: `Network` for this pair, in one kernel.

    ``LcAdam ← b + f₁₁ a + f₁₂ e u/|u|``,  ``WtaConv ← f₂₁ |u| + f₂₂ e``

    a and u are the activation and potential of the first layer, e of the second; the pair advances `iterations` steps
    a frame. Unlike in a `Network`, once a frame and before any flow, the first layer's retention applies and its level
    is taken from the drive alone.

    Args:
        lcadam: the first layer. Its state, and the other's, are the pair's own; it runs where they do.
        wta: the second layer.
        flow: (2, 2) gains f.
        iterations: steps a frame.
        readout: the layer whose activation is the pair's.

    Raises:
        ValueError: the layers differ in units, streams or backend, or `flow` is not (2, 2).

    Warns:
        UserWarning: the `loop_gain` is not below 1.

    >>> from sharpear.dynamics import LcAdam, WtaCircuit, WtaConv
    >>> W = np.eye(4) + 0.6 * np.eye(4, k=1)
    >>> W /= np.linalg.norm(W, axis=0)
    >>> lcadam = LcAdam.over(W, 0.05, frame_s=0.003, level_tau_s=0.2, beta1=0.65, beta2=0.75, eta=0.05, epsilon=0.2)
    >>> circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> wta = WtaConv(4, 1, tau_s=0.003, step_s=0.001, circuit=circuit)
    >>> pair = LcAdamWta(lcadam, wta, [[0.05, 0.1], [0.1, 0.05]], readout="wtaconv")
    >>> pair.process(np.tile(np.float32(W.T @ W[:, 2]), (200, 1, 1)))[-1].argmax(axis=1).tolist()
    [2]
    """

    kind = NO_CELL
    output = "a"

    def __init__(
        self,
        lcadam: LcAdam,
        wta: WtaConv,
        flow: ArrayLike,
        *,
        iterations: int = 1,
        readout: Literal["lcadam", "wtaconv"] = "lcadam",
    ) -> None:
        if (lcadam.units, lcadam.streams) != (wta.units, wta.streams):
            sizes = [(layer.units, layer.streams) for layer in (lcadam, wta)]
            raise ValueError(f"expected layers of equal (units, streams), received {sizes}")
        if readout not in ("lcadam", "wtaconv"):
            raise ValueError(f"expected the readout 'lcadam' or 'wtaconv', received {readout!r}")
        if wta.backend is not lcadam.backend:
            raise ValueError("expected both layers on one backend, received two")
        super().__init__(lcadam.units, lcadam.streams, lcadam.dtype, iterations, {}, lcadam.backend)
        self.lcadam, self.wta = lcadam, wta
        self._winners = readout == "wtaconv"
        self._remember([("lcadam", lcadam.state.dtype), ("wta", wta.state.dtype)], self.backend)
        self._set_flow(flow)
        warn_of_growth(self.loop_gain)
        self._run = self._kernel(pair_process)

    @property
    def params(self) -> Params:
        """Parameters of both layers, "lcadam.name" and "wta.name", and the flow."""
        layers = {"lcadam": self.lcadam.params, "wta": self.wta.params}
        of_layers = {f"{layer}.{name}": value for layer, params in layers.items() for name, value in params.items()}
        return of_layers | {"flow": self._flows.copy()}

    def replace(self, params: Mapping[str, ArrayLike]) -> None:
        """Set some parameters.

        Raises:
            ValueError: there is none of that name, or it has another shape or an impossible value; then none is set.
        """
        before = self.params
        for name in params:
            if name not in before:
                raise ValueError(f"expected parameters {', '.join(before)}, received {name!r}")
        try:
            self._set(params)
        except ValueError:
            self._set(before)
            raise
        warn_of_growth(self.loop_gain)

    def _set(self, params: Mapping[str, ArrayLike]) -> None:
        for prefix, layer in (("lcadam.", self.lcadam), ("wta.", self.wta)):
            own = {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
            layer.replace(own)
        self._set_flow(params.get("flow", self._flows))

    def _set_flow(self, value: ArrayLike) -> None:
        flow = np.asarray(value)
        if flow.shape != (2, 2) or flow.dtype.kind not in "biuf" or not np.isfinite(flow).all():
            raise ValueError(f"expected a finite real flow of shape (2, 2), received {flow.dtype} {flow.shape}")
        self._flows: NDArray[np.float32] = flow.astype(np.float32)
        self._flow = self.backend.array(self._flows)

    @property
    def flow(self) -> NDArray[np.float32]:
        """(2, 2) gains f; `replace` sets them."""
        return read_only(self._flows)

    @property
    def loop_gain(self) -> float:
        """What comes back of a signal around the loop of the two layers, at most: ``|f₁₁| + |f₁₂ f₂₁| g(f₂₂)``.

        g is the gain of the WtaConv. For receptive fields that are nowhere negative, ``aᵀWᵀWa ≥ ‖a‖²`` over a ≥ 0, so
        that no steady activity is larger than ``‖b‖ / (1 − loop gain)``.
        """
        (own, back), (forth, excited) = self.flow.tolist()
        return float(abs(own) + abs(back * forth) * self.wta.gain(excited))

    @property
    def activation(self) -> Activity:
        """(streams, units) of the layer that is read out."""
        layer, field = ("wta", "x") if self._winners else ("lcadam", "a")
        activation: Activity = self._state[layer][field]
        return activation

    @property
    def potential(self) -> Activity:
        """(streams, units) u of the LcAdam layer."""
        potential: Activity = self._state["lcadam"]["u"]
        return potential

    @property
    def parts(self) -> PairParts:
        """What the kernels take, as it is now."""
        return PairParts(
            self.lcadam.kernel_band, self.lcadam.kernel_rule, self.lcadam.level_rule, self.wta.kernel_rule,
            self._flow, self.iterations, self._winners,
            named(LcaState, self._state["lcadam"]), named(WtaState, self._state["wta"]),
        )  # fmt: skip

    def _advance(self, drive: Activity, out: Activity) -> None:
        self._run(drive, *self.parts, out)
