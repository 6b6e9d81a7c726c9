"""The sparse code: subband frames in, amplitudes and refined frequencies of atoms out."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, kernel
from sharpear.config import NetworkConfig
from sharpear.dsp import Aligner, Encoder, GammatoneDesign, ReceptiveFields, SubbandFrames, receptive_fields
from sharpear.dynamics import BandedWeights
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend

from .composite import Composite, Memory
from .network_design import build_pair

ENCODER_TOLERANCE = 0.005
"""Entries of the encoder below this, of the largest, are left out."""

LATERAL_TOLERANCE = 0.02
"""Lateral weights below this are left out: they are sidelobes of the whitened fields, and would widen the band most."""


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
        self._hop_s = np.float64(hop / design.sample_rate)
        self._atom_hz = backend.array(atom_hz, np.float32)
        self._highest_hz = np.float32(design.sample_rate / 2)
        fields = self._fields(design, atom_hz, (aligner.wait_hops * hop).astype(np.float64), config.whitening)
        self._encoder = Encoder(fields.encoder, ENCODER_TOLERANCE, streams, backend)
        self._scale = backend.array(fields.amplitude_per_unit, np.float32)
        turn = np.exp(2j * np.pi * atom_hz * self._hop_s)
        lateral = BandedWeights.from_receptive_fields(fields.fields, LATERAL_TOLERANCE)
        self._pair = build_pair(lateral, atom_hz, self._hop_s, config, streams, turn, backend)
        self._turn = backend.array(turn, np.complex64)
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
        return {"pair": self._pair, "memory": self._memory}

    def evidence(self, frames: SubbandFrames) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """What drives the network, and the atoms' own frequencies, each (frames, streams, atoms)."""
        drive = self._encoder.process(frames.subband)
        return drive, np.broadcast_to(self._atom_hz, drive.shape)

    def compete(
        self, drive: NDArray[Any], _atom_hz: NDArray[np.float32], _subband: NDArray[np.complex64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, each (frames, streams, atoms)."""
        activation: NDArray[Any] = self._pair.process(drive)
        amplitude, frequency = (self._backend.empty(activation.shape, np.float32) for _ in range(2))
        last = self._memory.fields["last"]
        grid = self._turn, self._atom_hz, self._scale
        self._refine(activation, *grid, self._hop_s, self._highest_hz, last, amplitude, frequency)
        return amplitude, frequency


@kernel
def refine_process(
    activation: Complexes, turn: Complexes, atom_hz: Floats, scale: Floats, hop_s: float, highest_hz: np.float32,
    last: Complexes, amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """``f = f_j + arg( a conj(turn · a_before) ) / (2π hop)``: the phase advance beyond the atom's own.

    Where there was nothing before, or is nothing now, f is the atom's: the argument of a zero is that of its signs. So
    it is where the advance leads out of 0 to `highest_hz`, where no sound is.
    """
    for f in range(activation.shape[0]):
        for s in range(activation.shape[1]):
            for j in range(activation.shape[2]):
                a = activation[f, s, j]
                advance = a * (turn[j] * last[s, j]).conjugate()
                offset_hz = 0.0
                if advance != 0:
                    offset_hz = math.atan2(advance.imag, advance.real) / (2 * math.pi * hop_s)
                amplitude[f, s, j] = abs(a) * scale[j]
                refined = atom_hz[j] + np.float32(offset_hz)
                frequency[f, s, j] = refined if 0 <= refined <= highest_hz else atom_hz[j]
                last[s, j] = a
