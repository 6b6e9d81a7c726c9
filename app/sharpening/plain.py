"""Amplitudes unsharpened, beside the lines and as late as they are."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.dsp import HannBank, HannFrames
from sharpear.dsp.basins import basin_tables
from sharpear.dynamics.unit_kernel import copy
from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import named

from .composite import Composite, Memory


def delayed(memory: Memory, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """As many frames as came in, each as late as the memory is long."""
    if not len(values):
        return values
    joined = np.concatenate([memory.fields[name], values])
    memory.fields[name] = joined[len(values) :]
    return joined[: len(values)]


class PlainReader(NamedTuple):
    """Which channels of a window are read, how far on the way to the next, and what power makes an amplitude 1."""

    first: Annotated[NDArray[np.int64], "read"]
    part: Annotated[NDArray[np.float32], "read"]
    per_share: np.float32


class Late(NamedTuple):
    """Amplitudes on their way, from the oldest: those read of the long window, and of the short one."""

    long: Annotated[NDArray[np.float32], "late", "streams", "read"]
    short: Annotated[NDArray[np.float32], "late", "streams", "read"]


class PlainParts(NamedTuple):
    """`PlainAmplitudes` as the kernel takes them."""

    long: PlainReader
    short: PlainReader
    late: Late


class PlainAmplitudes(Composite):
    r"""What a windowed Fourier transform shows: \|v\| of one window, scaled so that a cosine's peak is its amplitude.

    Args:
        bank: the windows.
        channel_hz: (channels,) where amplitudes are read, Hz, linearly in power between the window's channels.
        latency_hops: as late as what it stands beside.
        backend: where the bank runs.
    """

    def __init__(
        self, bank: HannBank, channel_hz: NDArray[np.float64], latency_hops: int, backend: Backend = CPU
    ) -> None:
        design = bank.design
        self._channel_hz = channel_hz
        long = len(design.windows) - 2
        reach_hz = (design.counts[long] - 2) * design.spacing_hz[long]
        self.channels = channel_hz.size
        self._below = int(np.searchsorted(channel_hz, reach_hz))
        per_share = basin_tables(design).per_share
        self._readers: dict[str, PlainReader] = {}
        memory: list[tuple[Any, ...]] = []
        for name, window, hz in (("long", long, channel_hz[: self._below]), ("short", 1, channel_hz[self._below :])):
            place = hz / design.spacing_hz[window]
            k = np.minimum(place.astype(np.int64), design.counts[window] - 2)
            first = design.channels_of(window).start + k
            part = backend.array((place - k).clip(0, 1), np.float32)
            self._readers[name] = PlainReader(backend.array(first), part, np.float32(per_share[window]))
            memory.append((name, np.float32, (latency_hops - int(design.delay_hops[window]), bank.streams, hz.size)))
        self._length_s = design.length_samples[[long, 1]] / design.sample_rate
        self.late = Memory(memory, backend)
        self._nothing = backend.empty((0, bank.streams, channel_hz.size), np.float32)

    @property
    def _parts(self) -> dict[str, Any]:
        return {"late": self.late}

    @property
    def parts(self) -> "PlainParts":
        """What the kernel takes, on the CPU always the same arrays."""
        return PlainParts(**self._readers, late=named(Late, self.late.fields))

    def process(self, frames: HannFrames) -> NDArray[np.float32]:
        """(frames, streams, channels) amplitudes."""
        if not len(frames):
            return self._nothing
        read = []
        for name, (first, part, per_share) in self._readers.items():
            power = frames.power[:, :, first] * (1 - part) + frames.power[:, :, first + 1] * part
            read.append(delayed(self.late, name, np.sqrt(per_share * power)))
        return np.concatenate(read, axis=2)

    def power_response(self, atom_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(atoms, channels): a Hann window's, ``sinc(x) / (1 − x²)`` with x in bins, squared."""
        length_s = np.where(np.arange(self._channel_hz.size) < self._below, *self._length_s)
        x = (atom_hz[:, None] - self._channel_hz) * length_s
        edge = np.abs(np.abs(x) - 1) < 1e-6
        return np.square(np.where(edge, 0.5, np.sinc(x) / np.where(edge, 1, 1 - x**2)))


@kernel(apart=True)
def plain_frame(power: Floats, s: int, plain: PlainParts, amplitude: Floats) -> None:
    """Amplitudes of a frame of stream `s` from its windows' power: those that are late enough by now."""
    below = plain.long.first.size
    _read(power, s, plain.long, plain.late.long, amplitude[:below])
    _read(power, s, plain.short, plain.late.short, amplitude[below:])


@kernel
def _read(power: Floats, s: int, reader: PlainReader, late: Floats, amplitude: Floats) -> None:
    """The oldest ones leave, all others move up, and new ones enter: ``√(g ((1 − p) P_k + p P_{k+1}))``."""
    last, newest = late.shape[0] - 1, amplitude
    if last >= 0:
        newest = late[last, s]
        copy(late[0, s], amplitude)
        for n in range(last):
            copy(late[n + 1, s], late[n, s])
    for i in range(newest.size):  # what is gathered is gathered alone, so that the roots run in lanes
        k, part = reader.first[i], reader.part[i]
        newest[i] = power[k] * (np.float32(1) - part) + power[k + 1] * part
    for i in range(newest.size):
        newest[i] = math.sqrt(reader.per_share * newest[i])
