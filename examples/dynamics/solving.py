"""Networks that solve: a projection network's way to the constrained optimum, and a zeroing network after a jump."""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save
from scipy.optimize import nnls

from sharpear.dynamics import ProjectionNetwork, ZeroingNetwork


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw both; the distance of the first from `scipy.optimize.nnls`, and of the second from the direct solution."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((12, 6)), rng.standard_normal(12)
    exact = nnls(A, b)[0]
    path = ProjectionNetwork.over(A).process(np.tile((b @ A).astype(np.float32), (200, 1, 1)))[:, 0]
    away = np.abs(path - exact).max(axis=1)

    t = 0.01 * np.arange(150)
    matrices = np.stack([2 + np.sin(t), np.cos(t), -np.cos(t), 2 + np.sin(t)], axis=1).astype(np.float32)
    right = np.stack([np.sin(2 * t), np.cos(3 * t)], axis=1).astype(np.float32)
    direct = np.linalg.solve(matrices.reshape(-1, 2, 2), right[..., None])[..., 0]
    figure, axes = panels(2)
    axes[0, 0].semilogy(away)
    axes[0, 0].set(title="distance of a projection network from nnls", xlabel="step")
    for activation in ("linear", "sign-bi-power"):
        network = ZeroingNetwork(2, gamma=10.0, step_s=0.01, activation=activation)
        inputs = {"A": matrices[:, None], "B": right[:, None]}
        network.process({name: part[:1] for name, part in inputs.items()})
        state = network.state
        state["cell"]["x"] += 1
        network.state = state
        x = network.process({name: part[1:] for name, part in inputs.items()})[:, 0]
        error = np.abs(x - direct[1:]).max(axis=1)
        axes[1, 0].semilogy(np.maximum(error, 1e-7), label=activation)
    axes[1, 0].set(title="of a zeroing network, put 1 off, from the solution", xlabel="step")
    axes[1, 0].legend()
    print(save(figure, "solving", folder))
    print(f"projection: {away[-1]:.1e} from nnls; zeroing: {error[-1]:.1e} from the direct solution")
    return {"projection": float(away[-1]), "zeroing": float(error[-1])}


if __name__ == "__main__":
    main()
