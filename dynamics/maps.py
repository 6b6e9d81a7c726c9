"""Winner-take-all maps that excite one another and so remember a choice."""

from sharpear.gpu import CPU, Backend

from .circuit import WtaCircuit
from .flows import Flow
from .network import Network
from .wta import Wta


def persistent_maps(
    units: int,
    maps: int = 2,
    *,
    circuit: WtaCircuit | None = None,
    coupling: float = 0.3,
    threshold: float = 0.1,
    inhibition_threshold: float = 0.25,
    tau_s: float = 0.01,
    step_s: float = 0.001,
    iterations: int = 1,
    streams: int = 1,
    backend: Backend = CPU,
) -> Network:
    """Maps of a `Wta` each, "map1" and so on, whose like units excite one another: a choice outlives its evidence.

    ``τẋᵢ = −Gxᵢ + f(Iᵢ + αxᵢ + φ Σ_maps x′ᵢ − β₁x_N − T)``

    A unit that is on in all maps excites itself by ``α′ = α + (maps − 1) φ``. With ``α′ > G`` it stays on without
    evidence, where the inhibition, which only begins at T_N, holds it at ``(β₁T_N/G − T) / (G + β₁β₂/G − α′)``; one
    that is off stays off until its evidence exceeds the inhibition, ``T + β₁ x_N``. Evidence comes in as "input" to the
    first map; what is read is the last one.

    Args:
        units: choices.
        maps: how many.
        circuit: gains of each; α 1.1, β₁ 3, β₂ 0.25, G 1 by default.
        coupling: φ.
        threshold: T.
        inhibition_threshold: T_N.
        tau_s: as of `Wta`.
        step_s: as of `Wta`.
        iterations: steps a frame.
        streams: independent signals.
        backend: where they run.

    Raises:
        ValueError: nothing would be remembered, or a choice would grow without end.

    Reference: Rutishauser & Douglas 2009, Neural Computation 21; Rutishauser, Douglas, Slotine 2011.

    >>> import numpy as np
    >>> choice = persistent_maps(3)
    >>> evidence = np.zeros((600, 1, 3), np.float32)
    >>> evidence[:100, 0] = [0.3, 1.0, 0.2]
    >>> choice.process(evidence)[-1].round(3).tolist()
    [[0.0, 1.8569999933242798, 0.0]]
    """
    gains = circuit or WtaCircuit(alpha=1.1, beta1=3.0, beta2=0.25, conductance=1.0)
    excitation = gains.alpha + (maps - 1) * coupling
    bound = gains.conductance + gains.beta1 * gains.beta2 / gains.conductance
    if maps < 2 or not gains.conductance < excitation < min(bound, 2 * (gains.beta1 * gains.beta2) ** 0.5):
        raise ValueError(
            f"expected 2 maps or more, and alpha + (maps - 1) * coupling between {gains.conductance:g} and "
            f"{min(bound, 2 * (gains.beta1 * gains.beta2) ** 0.5):g}, where choices stay, received {maps} and "
            f"{excitation:g}"
        )
    if not gains.beta1 * inhibition_threshold / gains.conductance > threshold:
        raise ValueError("expected beta1 * inhibition_threshold / G above threshold, where choices stay, received less")
    names = [f"map{n + 1}" for n in range(maps)]
    cells = {
        name: Wta(
            units, tau_s=tau_s, step_s=step_s, circuit=gains, threshold=threshold,
            inhibition_threshold=inhibition_threshold, streams=streams, backend=backend,
        )
        for name in names
    }  # fmt: skip
    between = [Flow(one, other, gain=coupling) for one in names for other in names if one != other]
    return Network(cells, [Flow("input", names[0]), *between], read=names[-1], iterations=iterations)
