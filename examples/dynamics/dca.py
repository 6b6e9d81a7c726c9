"""Stacked sparse layers with top-down reconstruction (deconvolutional competitive algorithm) over log frequency.

Layer 1 writes a spectrum with harmonic kernels of several timbres at every pitch; layer 2 writes what layer 1 says with
kernels over timbres (which go together), and what it reconstructs flows down again. Weights are tied over pitch.

Reference: Paiton et al. 2016, BICT.
"""

from pathlib import Path

import numpy as np
from pictures import FOLDER, panels, save
from scipy import sparse

from sharpear.dynamics import Flow, Lca, Network

PER_OCTAVE, BINS, PITCHES, SLOPES, FRAMES = 24, 96, 40, (0.3, 0.8, 1.5), 20
NOISE, TOP_DOWN = 0.1, 0.3


def kernels() -> np.ndarray:
    """Layer 1 (bins, pitches × slopes): partials falling as h^-slope, above every pitch."""
    W = np.zeros((BINS, PITCHES, len(SLOPES)))
    for k, slope in enumerate(SLOPES):
        for h in range(1, 9):
            for pitch in range(PITCHES):
                place = pitch + PER_OCTAVE * np.log2(h)
                low = int(place)
                for at, part in ((low, low + 1 - place), (low + 1, place - low)):
                    if at < BINS:
                        W[at, pitch, k] += part * h**-slope
    W = W.reshape(BINS, -1)
    return np.asarray(W / np.linalg.norm(W, axis=0))


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw a spectrum's codes; how far the flat code and the stack's are from what made the spectra."""
    rng = np.random.default_rng(1)
    W = kernels()
    # Timbres go together: a source sounds with two neighbouring slopes at once.
    pairs = np.array([[0.8, 0.6, 0.0], [0.0, 0.6, 0.8]])
    upper = np.kron(np.eye(PITCHES), pairs.T / np.linalg.norm(pairs, axis=1))
    truth = np.zeros((FRAMES, PITCHES, len(SLOPES)))
    for frame in truth:
        for pitch in rng.choice(PITCHES - 8, 3, replace=False):
            frame[pitch] = pairs[rng.integers(2)] * rng.uniform(0.5, 1)
    truth = truth.reshape(FRAMES, -1)
    spectra = np.maximum(truth @ W.T + NOISE * rng.standard_normal((FRAMES, BINS)), 0)

    rate = {"tau_s": 1.0, "step_s": float(-np.log1p(-1 / np.linalg.norm(W, 2) ** 2)), "streams": FRAMES}
    top = {"tau_s": 1.0, "step_s": 0.5, "streams": FRAMES}
    cells = {"structures": Lca.over(W, 0.15, **rate), "notes": Lca.over(upper, 0.05, **top)}
    up, down = sparse.csr_array(upper.T), sparse.csr_array(upper)
    flows = [
        Flow("input", "structures", W.T),
        Flow("structures", "notes", up),
        # g (W₂ a₂ − a₁): what the upper layer reconstructs, against what is there.
        Flow("notes", "structures", down, gain=TOP_DOWN),
        Flow("structures", "structures", gain=-TOP_DOWN),
    ]
    codes = {
        "flat": Network({"structures": cells["structures"]}, flows[:1]).settle(spectra, 1e-4, 2000).activity,
        "with the layer above": Network(cells, flows).settle(spectra, 1e-4, 2000).activity,
    }
    result: dict[str, float] = {}
    for name, a in codes.items():
        error = np.linalg.norm(a - truth) / np.linalg.norm(truth)
        active = (a > 0.02 * a.max()).sum(axis=1).mean()
        result[name] = float(error)
        print(f"{name}: code {error:.2f} from the true one (of its norm), {active:.1f} active units a frame")

    shown = {"what made it": truth, **codes}
    figure, axes = panels(1 + len(shown))
    axes[0, 0].plot(spectra[0])
    axes[0, 0].set_title("a spectrum over log frequency")
    for axis, (name, a) in zip(axes[1:, 0], shown.items(), strict=True):
        axis.imshow(a[0].reshape(PITCHES, -1).T, aspect="auto", cmap="inferno")
        axis.set(title=name, ylabel="timbre")
    axes[-1, 0].set_xlabel("pitch")
    print(save(figure, "dca", folder))
    return result


if __name__ == "__main__":
    main()
