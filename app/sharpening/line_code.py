"""Line evidence as a code over atoms: finite windows' frames in, amplitudes and frequencies out."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.config import LinesConfig, NetworkConfig
from sharpear.dsp import LineField, LineFinder, LineMemory, LineRule, NoiseFloor, SubbandFrames, WindowDesign
from sharpear.dsp.finite_window import FARTHEST_OFFSET
from sharpear.dsp.scales import Scale
from sharpear.dynamics import BandedWeights
from sharpear.gpu import CPU, Backend

from .composite import Composite
from .feasible import check_rivals
from .network_design import build_pair, window_atoms

NOISE_QUANTILE = 0.3
"""Quantile of the power of neighbouring channels that is taken for noise: it lies between the lines."""

LARGEST_NOISE = 0.003
"""The most noise there can be, as a share of the strongest channel's power (-25 dB)."""

GONE_AT = 0.4
"""Share of the energy at which lines begin to fade; below it they are gone."""


class LineCode(Composite):
    """Lines → atoms → LcAdam ⇄ WtaConv, whose winners take the energy of their window.

    The channels' lines put energies E_j on the atoms; what does not stand out of the noise fades. Driven by √E_j, the
    network decides which atoms are active: the LcAdam remembers, so that the winners of the frame before have a head
    start, and the WtaConv lets neighbours too close to be told apart compete. Each atom's energy then goes to the
    strongest active one within the window, where the frequency is the energies' mean: one peak a line, below the grid,
    and no energy invented. Last, lines that do not change by more than the noise does are averaged over time.
    """

    def __init__(
        self,
        window: WindowDesign,
        atom_hz: NDArray[np.float64],
        scale: Scale,
        lines: LinesConfig,
        network: NetworkConfig,
        streams: int,
        backend: Backend = CPU,
    ) -> None:
        hop_s = window.hop / window.bank.sample_rate
        reach_hz: NDArray[np.float64] = np.float64(FARTHEST_OFFSET / hop_s) / window.length_hops
        self._finder = LineFinder(window.bank.center_hz, reach_hz, hop_s, line_rule(lines, hop_s), streams, backend)
        half_frames = round(lines.average_ms / 1e3 / hop_s)
        channels = window.bank.channels
        self._field = LineField(
            atom_hz,
            scale,
            channels,
            window.calibration,
            hop_s,
            half_frames=half_frames,
            steady_hz=lines.steady_hz,
            swell=lines.swell,
            surge=lines.surge,
            streams=streams,
            backend=backend,
        )
        self._floor = NoiseFloor(
            channels,
            hop_s,
            tau_s=lines.floor_ms / 1e3,
            quantile=NOISE_QUANTILE,
            largest=LARGEST_NOISE,
            streams=streams,
            backend=backend,
        )
        self._nearest = backend.array(np.abs(window.bank.center_hz[None] - atom_hz[:, None]).argmin(axis=1))
        self._audible = np.float32(10 ** (lines.noise_db / 10))
        reach_atoms = check_rivals(window_atoms(atom_hz, lines.stride_cents).clip(min=1), "lines.stride_cents")
        self._memory = LineMemory(
            reach_atoms, hop_s, tau_s=lines.hold_ms / 1e3, patience=lines.patience, streams=streams, backend=backend
        )
        self._winners = Winners(atom_hz, hop_s, network, streams, backend)
        self._fade = backend.kernel(fade_into_noise, blocks=streams, threads=atom_hz.size, shared_bytes=0)
        self._backend = backend
        self.latency_hops = self._finder.latency_hops + half_frames
        self.period_hops = 2 * half_frames + 1

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "finder": self._finder,
            "field": self._field,
            "floor": self._floor,
            "pair": self._winners.pair,
            "memory": self._memory,
        }

    def evidence(self, frames: SubbandFrames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What drives the network: the lines' amplitudes and frequencies on the atoms, (frames, streams, atoms)."""
        return self._field.process(self._finder.process(frames))

    def compete(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32], subband: NDArray[np.complex64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, of the winners, each (frames, streams, atoms).

        `subband`: (frames, streams, channels), the frames' own, which tell how much of them is noise.
        """
        amplitude, frequency = amplitude.copy(), frequency.copy()  # the evidence may be resolved once more
        floor = self._floor.process(np.square(np.abs(subband)))
        noise = self._backend.empty(amplitude.shape, np.float32)
        self._fade(floor, self._nearest, self._audible, amplitude, noise)
        merged = self._winners.take(amplitude, frequency)
        return self._memory.process(merged, frequency, noise), frequency


class Winners:
    """The pair of layers that decides between the lines on the atoms, and what its winners take.

    pair: LcAdam ⇄ WtaConv, all that is remembered here.
    """

    def __init__(
        self, atom_hz: NDArray[np.float64], hop_s: float, network: NetworkConfig, streams: int, backend: Backend = CPU
    ) -> None:
        half_width = check_rivals(window_atoms(atom_hz, network.window_cents), "network.window_cents")
        self._half_width, self._farthest = backend.array(half_width), 2 * int(half_width.max())
        self._atom_hz = backend.array(atom_hz, np.float32)
        no_rivals = BandedWeights(np.zeros((atom_hz.size, 1), np.float32))  # the WtaConv alone decides between them
        self.pair = build_pair(no_rivals, atom_hz, hop_s, network, streams, 1.0, backend)
        self._win = backend.kernel(
            winners_take_windows, blocks=streams, threads=atom_hz.size, shared_bytes=16 * atom_hz.size + 32
        )
        self._backend = backend

    def take(self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32]) -> NDArray[np.float32]:
        """Amplitudes of the winners, (frames, streams, atoms); their frequencies, Hz, are written to `frequency`."""
        activation = self.pair.process(amplitude)
        merged = self._backend.empty(amplitude.shape, np.float32)
        self._win(activation, self._half_width, self._farthest, self._atom_hz, amplitude, frequency, merged)
        return merged


def line_rule(lines: LinesConfig, hop_s: float) -> LineRule:
    """How evidence is drawn from frames that are `hop_s` apart."""
    return LineRule(
        spacing_hops=max(1, round(lines.spacing_ms / 1e3 / hop_s)),
        neighbors=lines.neighbors,
        memory_s=lines.memory_ms / 1e3,
        residual=lines.residual,
        drift=lines.drift,
        drift_s=lines.drift_ms / 1e3,
        change=lines.change,
    )


@kernel
def fade_into_noise(
    noise: Floats, nearest: Integers, audible: np.float32, amplitude: Floats, atom_noise: Floats
) -> None:
    """Lines less than `audible` times the noise of the nearest channel fade, and are gone at `GONE_AT` of that."""
    for f in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            for j in range(amplitude.shape[2]):
                energy = amplitude[f, s, j] ** 2
                atom_noise[f, s, j] = noise[f, s, nearest[j]]
                edge = audible * atom_noise[f, s, j]
                if energy < edge:
                    share = max(energy / edge - GONE_AT, 0.0) / (1.0 - GONE_AT)
                    amplitude[f, s, j] *= math.sqrt(share)


@kernel
def winners_take_windows(
    activation: Floats, half_width: Integers, farthest: int, atom_hz: Floats, amplitude: Floats, frequency: Floats,
    merged: Floats,
) -> None:  # fmt: skip
    """Give each atom's energy to the most active atom within its window; frequencies become the energies' means.

    The nearer of two rivals counts more, as 1/(1 + distance²); energy with no active atom in reach is dropped. An atom
    without energy has its own frequency. farthest: the largest distance at which energy is taken.
    """
    atoms = amplitude.shape[2]
    energy, moment = np.empty(atoms, np.float64), np.empty(atoms, np.float64)
    for f in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            energy[:] = 0.0
            moment[:] = 0.0
            for j in range(atoms):
                if amplitude[f, s, j] == 0:
                    continue
                winner, best = -1, 0.0
                reach = min(2 * half_width[j], farthest)
                for i in range(max(0, j - reach), min(atoms, j + reach + 1)):
                    claim = activation[f, s, i] / (1.0 + (i - j) ** 2)
                    if claim > best:
                        winner, best = i, claim
                if winner >= 0:
                    power = amplitude[f, s, j] ** 2
                    energy[winner] += power
                    moment[winner] += power * frequency[f, s, j]
            for j in range(atoms):
                merged[f, s, j] = math.sqrt(energy[j])
                frequency[f, s, j] = moment[j] / energy[j] if energy[j] > 0 else atom_hz[j]
