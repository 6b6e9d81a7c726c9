"""Maps that remember: a choice stays when its evidence ends, and falls to stronger evidence for another."""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save

from sharpear.dynamics import persistent_maps

STEPS = (
    (300, (0.3, 1.0, 0.2)),
    (600, (0, 0, 0)),
    (300, (0.6, 0, 0)),
    (600, (0, 0, 0)),
    (600, (0, 0, 1.5)),
    (600, (0, 0, 0)),
)
"""Frames, and evidence for each of three choices."""


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw evidence and choices; what is chosen after each step without evidence."""
    evidence = np.concatenate([np.tile(np.float32(given), (frames, 1, 1)) for frames, given in STEPS])
    x = persistent_maps(3).process(evidence)[:, 0]
    figure, axes = panels(2, sharex=True)
    for axis, values, title in zip(axes[:, 0], (evidence[:, 0], x), ("evidence", "choice"), strict=True):
        axis.plot(values)
        axis.set_title(title)
    axes[-1, 0].set_xlabel("frame")
    print(save(figure, "remembered_choice", folder))
    ends = np.cumsum([frames for frames, _ in STEPS])[1::2] - 1
    chosen = x[ends].argmax(axis=1).tolist()
    print(f"chosen once the evidence is gone: {chosen}")
    return {f"step {n}": float(c) for n, c in enumerate(chosen)}


if __name__ == "__main__":
    main()
