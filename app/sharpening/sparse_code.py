"""The sparse code: subband frames in, amplitudes and refined frequencies of atoms out."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, kernel
from sharpear.config import NetworkConfig
from sharpear.dsp import Aligner, Encoder, GammatoneDesign, ReceptiveFields, receptive_fields
from sharpear.dynamics import BandedWeights
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend

from .composite import Composite, Memory
from .network_design import build_pair

ENCODER_TOLERANCE = 0.005
"""Entries of the encoder below this, of the largest, are left out."""

LATERAL_TOLERANCE = 0.02
"""Lateral weights below this are left out: they are sidelobes of the whitened fields, and would widen the band most."""


class RefineParts(NamedTuple):
    """What tells the phase advance of an atom's tone; last: activations of the frame before."""

    turn: Annotated[NDArray[np.complex64], "atoms"]
    atom_hz: Annotated[NDArray[np.float32], "atoms"]
    scale: Annotated[NDArray[np.float32], "atoms"]
    hop_s: np.float64
    highest_hz: np.float32
    last: Annotated[NDArray[np.complex64], "streams", "atoms"]


class SparseCode(Composite):
    """Drive → LcAdam ⇄ WtaConv over a grid of atoms, with a memory that turns with each atom's tone.

    The state of atom j is turned by ``e^{i2πf_j hop}`` from frame to frame, so that the memory stays in phase with the
    tone it stands for; what phase advance remains is the tone's distance from the atom's frequency.
    """

    def __init__(
        self,
        design: GammatoneDesign,
        aligner: Aligner,
        atom_hz: NDArray[np.float64],
        hop: int,
        config: NetworkConfig,
        streams: int,
        backend: Backend = CPU,
    ) -> None:
        hop_s = np.float64(hop / design.sample_rate)
        fields = self._fields(design, atom_hz, (aligner.wait_hops * hop).astype(np.float64), config.whitening)
        self.encoder = Encoder(fields.encoder, ENCODER_TOLERANCE, streams, backend)
        turn = np.exp(2j * np.pi * atom_hz * hop_s)
        lateral = BandedWeights.from_receptive_fields(fields.fields, LATERAL_TOLERANCE)
        self.pair = build_pair(lateral, atom_hz, hop_s, config, streams, turn, backend)
        self._tables: dict[str, Any] = {
            "turn": backend.array(turn, np.complex64),
            "atom_hz": backend.array(atom_hz, np.float32),
            "scale": backend.array(fields.amplitude_per_unit, np.float32),
            "hop_s": hop_s,
            "highest_hz": np.float32(design.sample_rate / 2),
        }
        self._memory = Memory([("last", np.complex64, (streams, atom_hz.size))], backend)
        self._refine = backend.kernel(refine_process, blocks=streams, threads=atom_hz.size)
        self._backend = backend

    def _fields(
        self, design: GammatoneDesign, atom_hz: NDArray[np.float64], wait_samples: NDArray[np.float64], whitening: float
    ) -> ReceptiveFields:
        try:
            return receptive_fields(design, atom_hz, wait_samples=wait_samples, whitening=whitening)
        except ValueError as error:
            raise UsageError(f"{error}: raise bank.bandwidth, bank.min_bandwidth_hz or bank.channels") from error

    @property
    def _parts(self) -> dict[str, Any]:
        return {"pair": self.pair, "memory": self._memory}

    @property
    def refining(self) -> RefineParts:
        """What the kernel takes that refines frequencies, on the CPU always the same arrays."""
        return RefineParts(**self._tables, last=self._memory.fields["last"])

    def compete(self, drive: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, each (frames, streams, atoms)."""
        activation: NDArray[Any] = self.pair.process(drive)
        amplitude, frequency = (self._backend.empty(activation.shape, np.float32) for _ in range(2))
        self._refine(activation, *self.refining, amplitude, frequency)
        return amplitude, frequency


@kernel
def refine_process(
    activation: Complexes, turn: Complexes, atom_hz: Floats, scale: Floats, hop_s: np.float64, highest_hz: np.float32,
    last: Complexes, amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """`refine_frame` over activation (frames, streams, atoms)."""
    parts = RefineParts(turn, atom_hz, scale, hop_s, highest_hz, last)
    for f in range(activation.shape[0]):
        for s in range(activation.shape[1]):
            refine_frame(activation[f, s], s, parts, amplitude[f, s], frequency[f, s])


@kernel
def refine_frame(activation: Complexes, s: int, parts: RefineParts, amplitude: Floats, frequency: Floats) -> None:
    """``f = f_j + arg( a conj(turn · a_before) ) / (2π hop)``: the phase advance beyond the atom's own.

    Where there was nothing before, or is nothing now, f is the atom's: the argument of a zero is that of its signs. So
    it is where the advance leads out of 0 to `highest_hz`, where no sound is.
    """
    turn, atom_hz, last = parts.turn, parts.atom_hz, parts.last
    for j in range(activation.size):
        a = activation[j]
        advance = a * (turn[j] * last[s, j]).conjugate()
        offset_hz = 0.0
        if advance != 0:
            offset_hz = math.atan2(advance.imag, advance.real) / (2 * math.pi * parts.hop_s)
        amplitude[j] = abs(a) * parts.scale[j]
        refined = atom_hz[j] + np.float32(offset_hz)
        frequency[j] = refined if 0 <= refined <= parts.highest_hz else atom_hz[j]
        last[s, j] = a
