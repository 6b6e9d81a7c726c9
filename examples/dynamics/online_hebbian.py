"""Learning while listening: receptive fields that follow what a network hears, and change when that changes."""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save

from sharpear.dynamics import Flow, Hebbian, Lca, Network, random_fields

SIDE, FRAMES = 6, 3000


def bars(upright: bool) -> np.ndarray:
    """(bars, pixels) the rows or the columns of a square."""
    images = np.repeat(np.eye(SIDE), SIDE, axis=0).reshape(SIDE, SIDE, SIDE).transpose(2, 0, 1)
    images = images if upright else images.transpose(0, 2, 1)
    return images.reshape(SIDE, -1) / np.sqrt(SIDE)


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw the fields before, after rows, and after columns; how alike they are to what was shown."""
    rng = np.random.default_rng(0)
    W = random_fields(SIDE * SIDE, SIDE, rng)
    layer = Lca.over(W, 0.1, tau_s=0.01, step_s=0.003)
    learner = Hebbian(Network({"parts": layer}, [Flow("image", "parts", W.T)], iterations=30), "image->parts")
    seen, likeness = {"at first": learner.fields}, {}
    for name, parts in (("after rows", bars(True)), ("then after columns", bars(False))):
        codes = rng.uniform(0.5, 1, (FRAMES, 1, SIDE)) * (rng.random((FRAMES, 1, SIDE)) < 0.25)
        learner.process((codes @ parts).astype(np.float32))
        seen[name] = learner.fields
        likeness[name] = float((parts @ learner.fields).max(axis=1).min())
        print(f"{name}: of the least known part, cosine {likeness[name]:.3f} with the field most like it")
    figure, axes = panels(len(seen), SIDE)
    figure.set_size_inches(1.2 * SIDE, 1.4 * len(seen))
    for row, (name, fields) in zip(axes, seen.items(), strict=True):
        row[0].set_title(name, loc="left", fontsize=9)
        for axis, field in zip(row, fields.T, strict=True):
            axis.imshow(field.reshape(SIDE, SIDE), cmap="gray")
            axis.set_axis_off()
    print(save(figure, "online_hebbian", folder))
    return likeness


if __name__ == "__main__":
    main()
