"""What a `Network` of the pair costs beside the pair written by hand, `LcAdamWta`: processor time, one thread."""

import time

import numpy as np
from numpy.typing import NDArray

from sharpear.dynamics import BandedWeights, Flow, LcAdam, LcAdamWta, Network, WtaCircuit, WtaConv

UNITS, REACH, FRAMES, ITERATIONS, TRIES = 300, 20, 300, 5, 7


def layers() -> tuple[LcAdam, WtaConv]:
    """The two layers over a band of weak lateral weights."""
    rng = np.random.default_rng(0)
    near = np.abs(np.subtract.outer(np.arange(UNITS), np.arange(UNITS)))
    G = 0.01 * rng.random((UNITS, UNITS)) * ((near > 0) & (near < REACH))
    lateral = BandedWeights.from_dense((G + G.T) / 2)
    lcadam = LcAdam(lateral, 0.02, frame_s=0.003, level_tau_s=0.2, beta1=0.65, beta2=0.75, eta=0.05, epsilon=0.2)
    circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
    return lcadam, WtaConv(UNITS, 2, tau_s=0.01, step_s=0.001, circuit=circuit)


def best(layer: LcAdamWta | Network, pieces: list[NDArray[np.float32]]) -> float:
    """Microseconds a frame, the best of several."""
    times = []
    for _ in range(1 + TRIES):
        start = time.process_time()
        for piece in pieces:
            layer.process(piece)
        times.append(time.process_time() - start)
    return 1e6 * min(times) / FRAMES


def main() -> None:
    """Print both in blocks and frame by frame."""
    rng = np.random.default_rng(1)
    drive = (0.05 * rng.random((FRAMES, 1, UNITS))).astype(np.float32)
    drive[:, 0, ::10] += rng.random(UNITS // 10).astype(np.float32)
    pair = LcAdamWta(*layers(), [[0.0, 0.1], [0.1, 0.0]], iterations=ITERATIONS)
    lcadam, wta = layers()
    flows = [Flow("input", "lcadam"), Flow("wta", "lcadam", gain=0.1), Flow("lcadam.u", "wta", gain=0.1)]
    network = Network({"lcadam": lcadam, "wta": wta}, flows, iterations=ITERATIONS)
    for name, pieces in (("in blocks", [drive]), ("frame by frame", list(drive[:, None]))):
        hand, net = best(pair, pieces), best(network, pieces)
        print(f"{name}: LcAdamWta {hand:.1f} µs a frame, Network {net:.1f}, ratio {net / hand:.2f}")


if __name__ == "__main__":
    main()
