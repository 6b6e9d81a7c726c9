"""Lines remember their level: what changes less than the noise does is averaged."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import Stateful, fields_of, named

NO_NOISE = np.float32(1e-30)
"""Stands for the energy of noise where there is none: far below any line of a sound at -120 dBFS."""

ANYWHERE_HZ = np.float32(1e30)
"""A frequency farther away than any line, for places that hold none."""


class MemoryRule(NamedTuple):
    """How fast a line's memory follows: see `LineMemory`."""

    slowest: np.float32
    """The smallest K: what of a change is followed in a frame, however little it is."""

    patience: np.float32
    """Square of a change, in variances of the noise, that is followed halfway."""


class MemoryState(NamedTuple):
    """Each atom's line in the frame before: its remembered energy and its Hz, both 0 where there was none."""

    energy: Annotated[NDArray[np.float32], "streams", "atoms"]
    hz: Annotated[NDArray[np.float32], "streams", "atoms"]


class LineMemory(Stateful):
    """Follow every line's energy through time, as closely as the noise allows, streaming.

    A line of energy e over noise of mean energy N fluctuates by ``σ² = 2 e N + N²``. Its memory ē, handed on to the
    nearest line of the next frame, moves by

        ē += K (e - ē),   K = max( frame_s / tau_s, x² / (1 + x²) ),   x = (e - ē)² / (patience σ²):

    a change that noise cannot explain is followed at once, what noise explains is averaged over up to `tau_s`. A line
    that has no predecessor within `reach` atoms begins with its own energy.

    Args:
        reach: (atoms,) how many atoms a line may move from frame to frame.
        frame_s: time between frames, s.
        tau_s: longest average, s.
        patience: K is one half where the change's square is `patience` times σ²; 0 remembers nothing.
        streams: number of streams.
        backend: where it runs.
    """

    def __init__(
        self,
        reach: NDArray[np.int64],
        frame_s: float,
        *,
        tau_s: float,
        patience: float,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        if not tau_s > 0 or not patience >= 0:
            raise ValueError(f"expected tau_s > 0 and patience >= 0, received {tau_s:g} and {patience:g}")
        self._reach = backend.array(reach)
        self._rule = numbers(MemoryRule, slowest=1 - math.exp(-frame_s / tau_s), patience=patience)
        self._remember(fields_of(MemoryState, {"streams": streams, "atoms": reach.size}), backend)
        needed = 12 * reach.size + 24
        self._run = backend.kernel(line_memory_process, blocks=streams, threads=reach.size, shared_bytes=needed)

    def process(
        self, amplitude: NDArray[np.float32], frequency_hz: NDArray[np.float32], noise: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Amplitudes of lines (zero: none), their frequencies and the noise's energy, each (frames, streams, atoms)."""
        out = self.backend.empty(amplitude.shape, np.float32)
        self._run(amplitude, frequency_hz, noise, self._reach, self._rule, named(MemoryState, self._state), out)
        return out


@kernel
def line_memory_process(
    amplitude: Floats, frequency_hz: Floats, noise: Floats, reach: Integers, rule: MemoryRule, state: MemoryState,
    out: Floats,
) -> None:  # fmt: skip
    """Hand every line's energy on to its successor."""
    energy_before, hz_before = state.energy, state.hz
    atoms = reach.size
    energy = np.empty(atoms, np.float32)
    for f in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            for j in range(atoms):
                energy[j] = out[f, s, j] = np.float32(0)
                if amplitude[f, s, j] == 0:
                    continue
                e = amplitude[f, s, j] * amplitude[f, s, j]
                before, nearest = np.float32(-1), ANYWHERE_HZ
                for i in range(max(0, j - reach[j]), min(atoms, j + reach[j] + 1)):
                    distance = abs(hz_before[s, i] - frequency_hz[f, s, j])
                    if energy_before[s, i] > 0 and distance < nearest:
                        before, nearest = energy_before[s, i], distance
                if before > 0:
                    N = noise[f, s, j]
                    change = e - before
                    # Two ratios, since the product of two energies leaves single precision where sound is faint.
                    spread = max(rule.patience * (np.float32(2) * e + N), NO_NOISE)
                    x = change / spread * (change / max(N, NO_NOISE))
                    e = before + max(rule.slowest, np.float32(1) - np.float32(1) / (np.float32(1) + x * x)) * change
                energy[j], out[f, s, j] = e, math.sqrt(e)
            for j in range(atoms):
                energy_before[s, j] = energy[j]
                hz_before[s, j] = frequency_hz[f, s, j] if energy[j] > 0 else np.float32(0)
