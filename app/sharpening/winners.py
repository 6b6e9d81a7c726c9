"""The pair of layers that decides between lines on the atoms: drives in, what its winners take out."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.config import NetworkConfig
from sharpear.dynamics import BandedWeights
from sharpear.gpu import CPU, Backend

from .feasible import check_rivals
from .network_design import build_pair, window_atoms


class WinnerTables(NamedTuple):
    """How far each atom's rivals are, the farthest, and where atoms stand."""

    half_width: Annotated[NDArray[np.int64], "atoms"]
    farthest: int
    atom_hz: Annotated[NDArray[np.float32], "atoms"]


class WinnersRoom(NamedTuple):
    """Room for a frame: what each atom takes; and how much more a rival counts that is so many atoms away."""

    energy: Doubles
    moment: Doubles
    nearness: Doubles


class Winners:
    """The pair of layers that decides between the lines on the atoms, and what its winners take.

    pair: LcAdam ⇄ WtaConv, all that is remembered here.
    """

    def __init__(
        self, atom_hz: NDArray[np.float64], hop_s: float, network: NetworkConfig, streams: int, backend: Backend = CPU
    ) -> None:
        half_width = check_rivals(window_atoms(atom_hz, network.window_cents), "network.window_cents")
        self.tables = WinnerTables(
            backend.array(half_width), 2 * int(half_width.max()), backend.array(atom_hz, np.float32)
        )
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
        self._win(activation, *self.tables, amplitude, frequency, merged)
        return merged


@kernel
def winners_take_windows(
    activation: Floats, half_width: Integers, farthest: int, atom_hz: Floats, amplitude: Floats, frequency: Floats,
    merged: Floats,
) -> None:  # fmt: skip
    """Give each atom's energy to the most active atom within its window; frequencies become the energies' means.

    The nearer of two rivals counts more, as 1/(1 + distance²); energy with no active atom in reach is dropped. An atom
    without energy has its own frequency. farthest: the largest distance at which energy is taken.
    """
    tables = WinnerTables(half_width, farthest, atom_hz)
    room = winners_room(tables)
    for f in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            take_windows(activation[f, s], tables, amplitude[f, s], room, frequency[f, s], merged[f, s])


@kernel
def winners_room(tables: WinnerTables) -> WinnersRoom:
    """Room for one frame after the other."""
    atoms, nearness = tables.atom_hz.size, np.empty(tables.farthest + 1, np.float64)
    for distance in range(nearness.size):
        nearness[distance] = 1.0 / (1.0 + distance**2)
    return WinnersRoom(np.empty(atoms, np.float64), np.empty(atoms, np.float64), nearness)


@kernel(apart=True)
def take_windows(
    activation: Floats, tables: WinnerTables, amplitude: Floats, room: WinnersRoom, frequency: Floats, merged: Floats
) -> None:
    """`winners_take_windows` of one frame of a stream."""
    half_width, farthest, atom_hz = tables.half_width, tables.farthest, tables.atom_hz
    atoms, energy, moment, nearness = amplitude.size, room.energy, room.moment, room.nearness
    for j in range(atoms):
        energy[j] = moment[j] = 0.0
    for j in range(atoms):
        if amplitude[j] == 0:
            continue
        winner, best = -1, 0.0
        reach = min(2 * half_width[j], farthest)
        for i in range(max(0, j - reach), min(atoms, j + reach + 1)):
            claim = activation[i] * nearness[abs(i - j)]
            if claim > best:
                winner, best = i, claim
        if winner >= 0:
            power = amplitude[j] ** 2
            energy[winner] += power
            moment[winner] += power * frequency[j]
    for j in range(atoms):
        merged[j] = math.sqrt(energy[j])
        frequency[j] = moment[j] / energy[j] if energy[j] > 0 else atom_hz[j]
