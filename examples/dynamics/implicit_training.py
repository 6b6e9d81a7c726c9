"""Training through the fixed point: a code learns its thresholds and fields, and the kernels run what it learned."""

from pathlib import Path

import numpy as np
import torch
from pictures import FOLDER, panels, save

from sharpear.dynamics import Flow, Lca, Network, random_fields
from sharpear.dynamics.train import implicit

INPUTS, UNITS, BATCH, STEPS = 24, 16, 16, 120


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw the loss and the thresholds; the loss before and after."""
    rng = np.random.default_rng(0)
    W = random_fields(INPUTS, UNITS, rng) ** 3
    W /= np.linalg.norm(W, axis=0)
    noise = np.linspace(0.02, 0.3, INPUTS)  # some inputs are noisier than others

    def draw() -> tuple[np.ndarray, np.ndarray]:
        a = rng.uniform(0.3, 1, (BATCH, UNITS)) * (rng.random((BATCH, UNITS)) < 0.15)
        return a @ W.T + noise * rng.standard_normal((BATCH, INPUTS)), a

    step = {"tau_s": 1.0, "step_s": 0.2}
    network = Network({"code": Lca.over(W, 0.1, **step)}, [Flow("input", "code", W.T)])
    before = network.params["code.threshold"]
    trainer = implicit(network, torch.nn.functional.mse_loss, ["code.threshold", "input->code"], rate=0.01)
    losses = []
    for _ in range(STEPS):
        y, a = draw()
        losses.append(trainer.learn({"input": y}, a))
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "implicit_training.npz")
    figure, axes = panels(2)
    axes[0, 0].plot(losses, color="0.8")
    axes[0, 0].plot(np.arange(10, STEPS + 1), np.convolve(losses, np.ones(10) / 10, "valid"))
    axes[0, 0].set(title="mean square error of the code", xlabel="step", ylim=0)
    axes[1, 0].plot(noise[np.abs(W).argmax(axis=0)], "k:", label="noise of the input that it hears best")
    axes[1, 0].plot(before, label="at first")
    axes[1, 0].plot(network.params["code.threshold"], label="learned")
    axes[1, 0].set(title="thresholds", xlabel="unit")
    axes[1, 0].legend(fontsize=7)
    print(save(figure, "implicit_training", folder))
    first, last = float(np.mean(losses[:10])), float(np.mean(losses[-10:]))
    print(f"mean square error {first:.4f} at first, {last:.4f} after {STEPS} steps; written for the kernels as npz")
    return {"first": first, "last": last}


if __name__ == "__main__":
    main()
