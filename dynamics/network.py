"""Networks: layers that feed one another through a matrix of flows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .layer import Activity, Layer, usable

SMALLEST_MODULUS = np.finfo(np.float32).tiny
"""The least modulus of a number that has a phase."""


class Network:
    """Layers over the same units, stepped together; what each receives is set by a matrix of flows.

    ``input_i = drive_gain_i · b + flow_ii · a_i + Σ_{j≠i} flow_ij · u_j``

    A layer is fed its own activation a and the others' potentials u, all from the step before. Where the kinds differ,
    a complex signal reaches a real layer as its modulus, and a real signal reaches a complex layer with the phase of
    that layer's own potential. The origin's pair is ``Network([lcadam, wtaconv], [[f11, f12], [f21, f22]])``.

    Args:
        layers: all with the same number of units and streams; the first one's activation is the network's.
        flow: (layers, layers) gains.
        drive_gain: (layers,) how much of the external drive each layer receives; the first only by default.
        iterations: steps of the whole network a frame (each layer advances its own `iterations` in each).

    Raises:
        ValueError: sizes do not agree.

    >>> from sharpear.dynamics import BandedWeights, LcAdam, WtaCircuit, WtaConv
    >>> step = {"beta1": 0.65, "beta2": 0.75, "eta": 0.05, "epsilon": 0.2}
    >>> lateral = BandedWeights.from_dense(0.6 * (np.eye(3, k=1) + np.eye(3, k=-1)))
    >>> lcadam = LcAdam(lateral, 0.05, frame_s=0.003, level_tau_s=0.2, **step)
    >>> circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
    >>> wta = WtaConv(3, 1, tau_s=0.003, step_s=0.001, circuit=circuit)
    >>> network = Network([lcadam, wta], [[0.0, 0.1], [0.1, 0.0]], iterations=3)
    >>> for _ in range(100):
    ...     a = network(np.array([[0.5, 1.0, 0.2]], np.float32))
    >>> int(a[0].argmax())
    1
    """

    def __init__(
        self, layers: Sequence[Layer], flow: ArrayLike, *, drive_gain: ArrayLike | None = None, iterations: int = 1
    ) -> None:
        if not layers or len({(layer.units, layer.streams) for layer in layers}) > 1:
            sizes = [(layer.units, layer.streams) for layer in layers]
            raise ValueError(f"expected layers of equal (units, streams), received {sizes}")
        if any(layer.backend is not layers[0].backend for layer in layers):
            raise ValueError("expected all layers on one backend, received several")
        self.layers = list(layers)
        self.units, self.streams, self.dtype = layers[0].units, layers[0].streams, layers[0].dtype
        self.flow: NDArray[np.float32] = np.asarray(flow, dtype=np.float32)
        if self.flow.shape != (len(layers), len(layers)):
            raise ValueError(f"expected a flow of shape {(len(layers), len(layers))}, received {self.flow.shape}")
        gain = np.eye(1, len(layers))[0] if drive_gain is None else drive_gain
        self.drive_gain: NDArray[np.float32] = np.asarray(gain, dtype=np.float32)
        if self.drive_gain.shape != (len(layers),):
            raise ValueError(f"expected {len(layers)} drive gains, received shape {self.drive_gain.shape}")
        if iterations < 1:
            raise ValueError(f"expected at least 1 iteration, received {iterations}")
        self.iterations = iterations
        self.backend = layers[0].backend

    @property
    def activation(self) -> Activity:
        """(streams, units) the first layer's output."""
        return self.layers[0].activation

    @property
    def state(self) -> list[NDArray[np.void]]:
        """The state of every layer (copies)."""
        return [layer.state for layer in self.layers]

    @state.setter
    def state(self, value: Sequence[NDArray[np.void]]) -> None:
        count = len(self.layers)
        if not isinstance(value, list | tuple) or len(value) != count:
            received = f"{len(value)} states" if isinstance(value, list | tuple) else type(value).__name__
            raise ValueError(f"expected a list of the states of {count} layers, received {received}")
        before = self.state
        for index, layer in enumerate(self.layers):
            try:
                layer.state = value[index]
            except ValueError as error:
                for changed, kept in zip(self.layers, before, strict=True):
                    changed.state = kept
                raise ValueError(f"layer {index}: {error}") from error

    def reset(self) -> None:
        """Forget the past, in every layer."""
        for layer in self.layers:
            layer.reset()

    def __call__(self, drive: Activity) -> Activity:
        """Advance one frame: (streams, units) in, (streams, units) out."""
        activation: Activity = self.process(self.backend.view(drive)[None])[0]
        return activation

    def process(self, drive: Activity, out: Activity | None = None) -> Activity:
        """Advance over drive (frames, streams, units); the first layer's activation after each frame."""
        resident, drive = self.backend.holds(drive), self.backend.view(drive)
        if drive.ndim != 3 or drive.shape[1:] != (self.streams, self.units):
            raise ValueError(
                f"expected a drive of shape (frames, {self.streams}, {self.units}), received {drive.shape}"
            )
        drive = usable(drive, self.dtype if np.isrealobj(drive) else np.complex64, self.backend)
        if out is None:
            out = self.backend.empty(drive.shape, self.dtype)
        for frame, result in zip(drive, out, strict=True):
            for _ in range(self.iterations):
                inputs = [self._input(i, frame) for i in range(len(self.layers))]
                for layer, received in zip(self.layers, inputs, strict=True):
                    layer(received)
            result[...] = self.activation
        return out if resident else self.backend.numpy(out)

    def _input(self, index: int, drive: Activity) -> Activity:
        layer = self.layers[index]
        total = _as_input_of(layer, drive * self.drive_gain[index])
        for source, gain in zip(self.layers, self.flow[index], strict=True):
            if gain:
                signal = source.activation if source is layer else source.potential
                total = total + gain * _as_input_of(layer, signal)
        return total


def _as_input_of(layer: Layer, signal: Activity) -> Activity:
    """Convert `signal` to the kind of numbers, real or complex, that `layer` works with."""
    if layer.dtype.kind == "c" and not np.iscomplexobj(signal):
        own = layer.potential
        phase = own / np.maximum(np.abs(own), SMALLEST_MODULUS)
        return (signal * phase).astype(own.dtype)
    if layer.dtype.kind != "c" and np.iscomplexobj(signal):
        return np.abs(signal)
    return signal
