"""Spectrum deconvolution: tones seen by filters 1 Hz apart that smear them over 8 Hz and more.

An LCA spreads each tone over filters that hardly differ; windows of winner-take-all beside it decide between them.
"""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save

from sharpear.dsp import GammatoneDesign
from sharpear.dynamics import Flow, LcAdam, Network, WtaCircuit, WtaConv

TONES = {350: 0.5, 400: 1.0, 407: 0.7, 430: 0.3, 470: 0.1}
ITERATIONS = 300


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw the smeared spectrum, the LCA alone and the pair; active filters of both."""
    hz = np.arange(300.0, 501.0)
    design = GammatoneDesign(44100.0, hz, np.full(hz.size, 8.0), 4)
    W = np.abs(design.response(hz)).T
    W /= np.linalg.norm(W, axis=0)
    y = np.array(list(TONES.values())) @ np.abs(design.response(np.array(list(TONES), float)))

    def partials() -> LcAdam:
        step = {"beta1": 0.65, "beta2": 0.75, "eta": 0.015, "epsilon": 0.015}
        return LcAdam.over(W, 0.003, frame_s=1.0, level_tau_s=1.0, **step)

    circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
    rivals = WtaConv(hz.size, 2, tau_s=1.0, step_s=0.35, circuit=circuit)
    flows = [
        Flow("input", "partials", W.T),
        Flow("partials.u", "rivals", gain=0.25),
        Flow("rivals", "partials", gain=0.25),
    ]
    alone = Network({"partials": partials()}, flows[:1])
    pair = Network({"partials": partials(), "rivals": rivals}, flows)
    frames = np.tile(y.astype(np.float32), (ITERATIONS, 1, 1))
    found = {"LcAdam alone": alone.process(frames)[-1, 0], "LcAdam and WtaConv": pair.process(frames)[-1, 0]}

    figure, axes = panels(3, sharex=True)
    axes[0, 0].plot(hz, y)
    axes[0, 0].set_title("what the filters say")
    for axis, (name, a) in zip(axes[1:, 0], found.items(), strict=True):
        axis.plot(hz, a)
        axis.plot(list(TONES), [a.max()] * len(TONES), "k|", ms=8)
        axis.set_title(f"{name}, {ITERATIONS} iterations")
    axes[-1, 0].set_xlabel("Hz")
    print(save(figure, "deconvolution", folder))
    active = {name: int((a > 0.02 * a.max()).sum()) for name, a in found.items()}
    exact = set(hz[found["LcAdam and WtaConv"] > 0.02 * found["LcAdam and WtaConv"].max()]) == set(map(float, TONES))
    print(f"active filters: {active}; the pair's are {'exactly' if exact else 'not'} the {len(TONES)} tones")
    return {"alone": active["LcAdam alone"], "pair": active["LcAdam and WtaConv"], "exact": float(exact)}


if __name__ == "__main__":
    main()
