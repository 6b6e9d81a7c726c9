"""Top-down resolution: partials of two voices coincide, and the voices' expectations say how much is whose.

Two voices a fifth apart share every third partial of the lower one. From below nothing tells how much of it is whose.
The voices explain all partials together; what they expect flows down and divides what coincides.
"""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save

from sharpear.dynamics import Divisive, Flow, Network

PARTIALS, DRAWS = 12, 40
F0_HZ = np.array([200.0, 300.0])
UNEVEN = 0.15
"""Spread of the partials' levels around what the receptive fields expect, neper."""


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw whose energy is whose; mean error of the shares of coinciding partials, from below and with expectations."""
    rng = np.random.default_rng(2)
    hz = np.arange(100.0, 3700.0, 100.0)
    harmonic = hz[:, None] / F0_HZ
    fields = np.where((harmonic % 1 == 0) & (harmonic <= PARTIALS), 1 / harmonic, 0)
    both = (fields > 0).all(axis=1)
    voices = Network({"voices": Divisive(fields / fields.sum(axis=0))}, [Flow("input", "voices")])
    errors = []
    for _ in range(DRAWS):
        voices.reset()
        level = fields * np.exp(UNEVEN * rng.standard_normal(fields.shape)) * rng.uniform(0.3, 1, 2)
        y = level.sum(axis=1)
        a = voices.settle(y, 1e-6).activity[0]
        expected = fields / fields.sum(axis=0) * a
        share = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-9)
        truth = level[both] / y[both, None]
        errors.append((np.abs(0.5 - truth).mean(), np.abs(share[both] - truth).mean()))
    below, above = np.mean(errors, axis=0)

    figure, axes = panels(3, sharex=True)
    shown = {"what is there": level, "from below: half each": y[:, None] / (1 + both[:, None]) * (fields > 0)}
    shown["divided by what the voices expect"] = share * y[:, None]
    for axis, (title, parts) in zip(axes[:, 0], shown.items(), strict=True):
        axis.bar(hz, parts[:, 0], 40, label=f"{F0_HZ[0]:g} Hz")
        axis.bar(hz, parts[:, 1], 40, bottom=parts[:, 0], label=f"{F0_HZ[1]:g} Hz")
        axis.set_title(title)
    axes[0, 0].legend()
    axes[-1, 0].set_xlabel("Hz")
    print(save(figure, "up_and_down", folder))
    print(f"error of a coinciding partial's shares: {below:.3f} from below, {above:.3f} with expectations")
    return {"below": float(below), "expected": float(above)}


if __name__ == "__main__":
    main()
