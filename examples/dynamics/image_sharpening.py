"""Image sharpening: stars behind a blur, found again by an LCA and by windows of winner-take-all on the plane."""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save

from sharpear.dynamics import Flow, LcAdam, Network, WtaCircuit, WtaConv, convolution

SIDE, SIGMA, STARS, ITERATIONS = 24, 1.3, 9, 60


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw the blurred image and what is found in it; active pixels of both."""
    rng = np.random.default_rng(4)
    places = np.stack(np.meshgrid(np.arange(3, SIDE, 5), np.arange(3, SIDE, 5)), axis=-1).reshape(-1, 2)
    places = places[rng.permutation(len(places))[:STARS]] + rng.integers(-1, 2, (STARS, 2))
    sky = np.zeros((SIDE, SIDE))
    sky[places[:, 0], places[:, 1]] = rng.uniform(0.3, 1, STARS)
    reach = np.arange(-4, 5)
    blur = np.exp(-0.5 * (reach[:, None] ** 2 + reach**2) / SIGMA**2)
    W = convolution(blur, (SIDE, SIDE)).toarray()
    y = W @ sky.ravel()
    W /= np.linalg.norm(W, axis=0)

    step = {"beta1": 0.65, "beta2": 0.75, "eta": 0.01, "epsilon": 0.01}
    circuit = WtaCircuit(alpha=0.5, beta1=1.0, beta2=0.25, conductance=1.0)
    cells = {
        "pixels": LcAdam.over(W, 0.003, frame_s=1.0, level_tau_s=1.0, **step),
        "rivals": WtaConv((SIDE, SIDE), (1, 1), tau_s=1.0, step_s=0.35, circuit=circuit),
    }
    flows = [Flow("input", "pixels", W.T), Flow("pixels.u", "rivals", gain=0.25), Flow("rivals", "pixels", gain=0.25)]
    frames = np.tile(y.astype(np.float32), (ITERATIONS, 1, 1))
    alone = Network({"pixels": cells["pixels"]}, flows[:1]).process(frames)[-1, 0]
    pair = Network(cells, flows).process(frames)[-1, 0]

    figure, axes = panels(1, 4)
    shown = {"stars": sky, "blurred": y, f"LcAdam, {ITERATIONS} iterations": alone, "with WtaConv": pair}
    for axis, (name, image) in zip(axes[0], shown.items(), strict=True):
        axis.imshow(np.sqrt(image.reshape(SIDE, SIDE)), cmap="inferno")
        axis.set_title(name)
        axis.set_axis_off()
    print(save(figure, "image_sharpening", folder))
    active = [int((image > 0.02 * image.max()).sum()) for image in (alone, pair)]
    right = int(((pair > 0.02 * pair.max()) & (sky.ravel() > 0)).sum())
    print(f"{STARS} stars; active pixels alone {active[0]}, with WtaConv {active[1]}, of which stars {right}")
    return {"alone": active[0], "pair": active[1], "right": right}


if __name__ == "__main__":
    main()
