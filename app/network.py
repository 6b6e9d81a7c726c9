"""The configured pair LcAdam ⇄ WtaConv over a grid of atoms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.dynamics import BandedWeights, LcAdam, LcAdamWta, WtaCircuit, WtaConv
from sharpear.gpu import CPU, Backend

from .config import NetworkConfig


def window_atoms(atom_hz: NDArray[np.float64], cents: float) -> NDArray[np.int64]:
    """(atoms,) number of neighbours on either side that stand within `cents` of each atom, rounded."""
    cents_per_atom = 1200 * np.log2(atom_hz[1:] / atom_hz[:-1])
    return np.rint(cents / np.append(cents_per_atom, cents_per_atom[-1])).astype(np.int64)


def build_pair(
    lateral: BandedWeights,
    atom_hz: NDArray[np.float64],
    hop_s: float,
    config: NetworkConfig,
    streams: int,
    turn: ArrayLike,
    backend: Backend = CPU,
) -> LcAdamWta:
    """The pair with lateral weights `lateral`, whose memory is turned by `turn` from frame to frame."""
    level_atoms = int(window_atoms(atom_hz, config.level_cents).max()) if config.level_cents else None
    lcadam = LcAdam(
        lateral,
        config.threshold,
        frame_s=hop_s,
        level_tau_s=config.level_ms / 1e3,
        level_half_width=level_atoms,
        beta1=config.beta1,
        beta2=config.beta2,
        eta=config.eta,
        epsilon=config.epsilon,
        retention=np.asarray(turn) * np.exp(-hop_s / (config.memory_ms / 1e3)),
        streams=streams,
        backend=backend,
    )
    wta = WtaConv(
        atom_hz.size,
        window_atoms(atom_hz, config.window_cents),
        tau_s=config.wta_ms / 1e3,
        circuit=WtaCircuit(alpha=config.wta_excitation),
        step_s=hop_s / config.iterations,
        streams=streams,
        backend=backend,
    )
    return LcAdamWta(lcadam, wta, config.flow, iterations=config.iterations, readout=config.readout)
