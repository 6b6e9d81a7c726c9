"""What every layer shares: units, streams, a persistent state, and a call that advances it."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.backend import Kernel
from sharpear.gpu.stateful import Stateful

from .cell import Cell, check_counts

Activity = NDArray[Any]
"""float32 (not negative) or complex64, by the layer's dtype."""

LARGEST_DRIVE = 1e15
"""Drives beyond this are damage, not sound; squared they still fit float32."""


def rate_per_step(step_s: float, tau_s: float) -> np.float32:
    """Fraction of the way to its target that a unit with time constant `tau_s` goes in `step_s`: ``1 − e^(−step/τ)``.

    >>> round(float(rate_per_step(0.003, 0.010)), 4)
    0.2592
    """
    if not (tau_s > 0 and step_s > 0):
        raise ValueError(f"expected positive times in seconds, received step_s={step_s:g}, tau_s={tau_s:g}")
    return np.float32(-np.expm1(-step_s / tau_s))


def usable_rate(value: ArrayLike) -> np.float32:
    """The rate of a step, checked."""
    rate = np.float32(np.asarray(value))
    if not 0 < rate <= 1:
        raise ValueError(f"expected a rate between 0 and 1, received {rate:g}")
    return rate


def per_unit(value: ArrayLike, units: int, name: str) -> NDArray[np.float32]:
    """`value`, a scalar or one per unit and not negative, as (units,) float32."""
    given = np.asarray(value)
    array = given.astype(np.float32) if given.dtype.kind in "biuf" else np.full((), np.nan, np.float32)
    if array.shape not in ((), (units,)) or not (array >= 0).all():
        raise ValueError(f"expected {name} to be one value or {units}, none negative, received {value!r}")
    return np.array(np.broadcast_to(array, units))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, which cannot be written over: a kernel may have its own copy of them."""
    view = array.view()
    view.flags.writeable = False
    return view


def usable(drive: ArrayLike, dtype: DTypeLike, backend: Backend) -> Any:
    """`drive` as the backend's contiguous `dtype`, with zero for what is not finite or beyond `LARGEST_DRIVE`."""
    with np.errstate(over="ignore", invalid="ignore"):
        ours = backend.array(drive, dtype)
        return np.where(np.abs(ours) <= LARGEST_DRIVE, ours, ours.dtype.type(0))


def working_bytes(units: int, streams: int, dtype: np.dtype[Any], state: np.dtype[Any]) -> int:
    """What a GPU's block keeps of a stream: its state, two more rows of units, three of floats, and prefix sums."""
    rows = units * (2 * dtype.itemsize + 3 * np.dtype(np.float32).itemsize)
    sums = (2 * units + 1) * np.dtype(np.float64).itemsize
    alignment = 8 * 16
    return -(-state.itemsize // streams) + rows + sums + alignment


class Layer(Stateful, Cell):
    """Units with a persistent state that a drive moves, frame by frame.

    ``layer(drive)`` advances one frame, drive and result (streams, units); ``layer.process(drives)`` advances over
    (frames, streams, units). Both give the activation after the frame and leave the state for the next one.

    On a GPU, drives may be its own arrays or NumPy's; the result is of the same kind. `activation` and `potential` are
    its own, `state` is NumPy's, the same on every backend.

    >>> from sharpear.dynamics import Lca
    >>> layer = Lca.over(np.array([[1.0, 0.6], [0.0, 0.8]]), 0.1, tau_s=0.01, step_s=0.003, iterations=100)
    >>> first = layer(np.float32([[1.0, 0.6]]))
    >>> kept = layer.state
    >>> later = layer(np.float32([[0.0, 0.0]]))
    >>> layer.state = kept
    >>> np.array_equal(layer(np.float32([[0.0, 0.0]])), later)
    True
    """

    def __init__(
        self,
        units: int,
        streams: int,
        dtype: DTypeLike,
        iterations: int,
        fields: Mapping[str, tuple[DTypeLike, int]],
        backend: Backend = CPU,
    ) -> None:
        check_counts(units=units, streams=streams, iterations=iterations)
        self.units = units
        self.streams = streams
        self.iterations = iterations
        """Steps a frame."""
        self.dtype = np.dtype(dtype)
        """That of its activities: float32, or complex64 where these have phases."""
        self._widths = {name: width for name, (_, width) in fields.items()}
        self._remember([(name, kind, (streams, width)) for name, (kind, width) in fields.items()], backend)

    @property
    def state_fields(self) -> dict[str, int]:
        """Width of each field of the state."""
        return dict(self._widths)

    def _kernel(self, function: Any) -> Kernel:
        """The kernel that advances this layer, on its backend."""
        needed = working_bytes(self.units, self.streams, self.dtype, self._state.dtype)
        return self.backend.kernel(
            function, {"UNIT": self.dtype}, blocks=self.streams, threads=self.units, shared_bytes=needed
        )

    @property
    @abstractmethod
    def activation(self) -> Activity:
        """(streams, units) the layer's present output."""

    @property
    @abstractmethod
    def potential(self) -> Activity:
        """(streams, units) what other layers of a network receive: the state before the threshold."""

    @abstractmethod
    def _advance(self, drive: Activity, out: Activity) -> None:
        """Run the kernel over (frames, streams, units)."""

    def __call__(self, drive: ArrayLike) -> Activity:
        """Advance one frame: (streams, units) in and out, or (units,) of a single stream."""
        given = self.backend.view(drive)
        activity: Activity = self.process(given[None] if given.ndim > 1 else given[None, None])[0]
        return activity if given.ndim > 1 else activity[0]

    def process(self, drive: Activity, out: Activity | None = None) -> Activity:
        """Advance over drive (frames, streams, units); the activation after each frame, in `out` when given.

        Raises:
            ValueError: the shape of `drive` or `out` is wrong, or a complex drive meets a real layer.
        """
        resident, drive = self.backend.holds(drive), self.backend.view(drive)
        if drive.ndim != 3 or drive.shape[1:] != (self.streams, self.units):
            raise ValueError(
                f"expected a drive of shape (frames, {self.streams}, {self.units}), received {drive.shape}"
            )
        if drive.dtype.kind not in "biufc":
            raise ValueError(f"expected a drive of numbers, received {drive.dtype}")
        if np.iscomplexobj(drive) and self.dtype.kind != "c":
            raise ValueError("expected a real drive for a real layer, received a complex one")
        drive = usable(drive, self.dtype, self.backend)
        if out is None:
            out = self.backend.empty(drive.shape, self.dtype)
        elif out.shape != drive.shape or out.dtype != self.dtype or not self.backend.holds(out):
            raise ValueError(f"expected out of {drive.shape} {self.dtype}, received {out.shape} {out.dtype}")
        self._advance(drive, out)
        return out if resident else self.backend.numpy(out)


class ThresholdLayer(Layer):
    """A layer whose units have thresholds: λ of `Lca` and its kin, T of circuits."""

    @property
    def threshold(self) -> NDArray[np.float32]:
        """(units,) threshold of each unit; one value sets all."""
        return read_only(self._thresholds)

    @threshold.setter
    def threshold(self, value: ArrayLike) -> None:
        self._thresholds = per_unit(value, self.units, "threshold")
        self._threshold = self.backend.array(self._thresholds)
        self.revision += 1

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        """Within, a change that is refused leaves everything as it was."""
        before = dict(vars(self))
        try:
            yield
        except ValueError:
            vars(self).update(before)
            raise
