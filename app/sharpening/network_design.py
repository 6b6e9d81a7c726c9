"""The configured pair LcAdam ⇄ WtaConv over a grid of atoms."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.config import NetworkConfig
from sharpear.dynamics import BandedWeights, LcAdam, LcAdamWta, WtaCircuit, WtaConv
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend

LARGEST_FLOW = 100.0
"""The largest gain of a flow: beyond it, a layer is driven by nothing but the other one."""

LARGEST_INHIBITION = 100.0
"""The largest inhibition of the winner-take-all circuit, for the same reason."""


INHIBITION, FEED, LEAK = 3.0, 0.25, 1.0
"""β₁, β₂ and G of the WtaConv, with which it contracts for excitations up to 1.7."""

LEAST_REST = 0.01
"""The least value of 1 − β₁²/β₂: nearer to zero, errors of long ago still move the LcAdam."""

LARGEST_STEP = 4.0
"""The largest step of the LcAdam, in units of the level: an overshoot beyond it drowns what drives the activity."""


def window_atoms(atom_hz: NDArray[np.float64], cents: float) -> NDArray[np.int64]:
    """(atoms,) number of neighbours on either side that stand within `cents` of each atom, rounded."""
    cents_per_atom = 1200 * np.log2(atom_hz[1:] / atom_hz[:-1])
    return np.rint(cents / np.append(cents_per_atom, cents_per_atom[-1])).astype(np.int64)


def wta_circuit(config: NetworkConfig) -> WtaCircuit:
    """The gains of the WtaConv."""
    return WtaCircuit(alpha=config.wta_excitation, beta1=INHIBITION, beta2=FEED, conductance=LEAK)


def check_flow(config: NetworkConfig, circuit: WtaCircuit) -> None:
    """Check that a signal around the loop of the two layers comes back smaller, so that it dies out.

    The WtaConv's excitation α + f₂₂ leaves the circuit contracting, and with the gain g of a lone winner the loops
    ``|f₁₁| + |f₁₂ f₂₁| g`` stay below 1.

    Raises:
        UsageError: they do not.
    """
    (own, from_wta), (to_wta, excited) = config.flow
    product = circuit.beta1 * circuit.beta2
    excitation = circuit.alpha + excited
    if not -LARGEST_INHIBITION <= excitation < 2 * product**0.5:
        raise UsageError(
            f"network.flow: expected network.wta_excitation + flow[1][1] from {-LARGEST_INHIBITION:g} to below "
            f"{2 * product**0.5:.3g}, where winners settle, received {excitation:g}"
        )
    gain = abs(own) + abs(from_wta * to_wta) / (circuit.conductance + product / circuit.conductance - excitation)
    if not (gain < 1 and max(abs(from_wta), abs(to_wta)) <= LARGEST_FLOW):
        raise UsageError(
            f"network.flow = {[list(row) for row in config.flow]}: expected gains up to {LARGEST_FLOW:g} and a loop "
            f"gain below 1, above which activity grows without end, received {gain:.3g}: lower them"
        )


def check_step(config: NetworkConfig) -> None:
    """Check that the LcAdam's step is bounded, and so small that activity does not overshoot what drives it.

    With ``r = 1 − β₁²/β₂ > 0`` the mean of errors is at most ``(1−β₁)/√((1−β₂) r)`` times the root of their mean square
    (Cauchy and Schwarz), and so a step at most ``η √β₂ / β₁`` times that, of the level.

    Raises:
        UsageError: it is not.
    """
    beta1, beta2 = config.beta1, config.beta2
    rest = 1 - beta1**2 / beta2
    if rest < LEAST_REST:
        raise UsageError(
            f"network.beta1 = {beta1:g}: expected below the square root of network.beta2 = {beta2:g}, "
            "where Adam's steps are bounded: lower it"
        )
    step = config.eta * beta2**0.5 / beta1 * (1 - beta1) / ((1 - beta2) * rest) ** 0.5
    if step > LARGEST_STEP:
        raise UsageError(
            f"network.eta = {config.eta:g}: with network.beta1 = {beta1:g} and network.beta2 = {beta2:g} a step may be "
            f"{step:.3g} times the level: expected at most {LARGEST_STEP:g}: lower it, or move beta1 towards beta2"
        )


def build_pair(
    lateral: BandedWeights,
    atom_hz: NDArray[np.float64],
    hop_s: float,
    config: NetworkConfig,
    streams: int,
    turn: ArrayLike,
    backend: Backend = CPU,
) -> LcAdamWta:
    """Build the pair with lateral weights `lateral`, whose memory is turned by `turn` from frame to frame."""
    circuit = wta_circuit(config)
    check_flow(config, circuit)
    check_step(config)
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
        circuit=circuit,
        step_s=hop_s / config.iterations,
        inhibits="centre",
        streams=streams,
        backend=backend,
    )
    return LcAdamWta(lcadam, wta, config.flow, iterations=config.iterations, readout=config.readout)
