"""``python -m benchmarks.separation.fit_readout``: fit the readout of tonal and transient shares anew.

Features of `TonalEvidence`, two layers of rectified units and a softmax over tonal, transient and neither; the squared
error to the ideal shares, weighted by power. The result takes the place of app/separation/tonal_readout.npz.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import Split, Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dsp.tonal_evidence import TonalEvidence
from sharpear.separation.separator import Separator
from sharpear.separation.tonal import TonalTransient

from .__main__ import read
from .methods import streamed
from .metrics import si_sdr_db
from .training_pieces import SOUNDFONT, pieces

Floats = NDArray[np.float32]
Examples = tuple[Floats, Floats, Floats]
"""Features (examples, features), ideal shares (examples, 3), weights (examples,)."""

KEPT = 0.07
"""Of the frames and channels of a piece."""

PIECE_EXPONENT, EXPONENT = 0.75, 1.33
"""Weights are powers to the one within a piece, and to the other over all pieces."""

LARGEST_WEIGHT = 100.0
BATCH = 4096
DECAYS = 0.9, 0.999


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/separation/tonal_readout.npz"))
    parser.add_argument("--soundfont", type=Path, default=SOUNDFONT)
    parser.add_argument("--units", type=int, nargs=2, default=(40, 20))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, nargs="+", default=(1,), help="one fit each; the first is kept")
    parser.add_argument("--audio", type=Path, help="a folder of stem_*.flac with drums, to hear every fit on")
    options = parser.parse_args()
    examples = gathered(options.soundfont)
    print(f"{len(examples[0])} examples")
    for n, seed in enumerate(options.seeds):
        layers = fitted(examples, options.units, options.epochs, seed)
        if n == 0:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            np.savez(options.out, *layers)
        heard = f", {score(layers, options.audio):.2f} dB" if options.audio else ""
        print(f"seed {seed}: mean squared error {loss(layers, examples):.5f}{heard}", flush=True)


def gathered(soundfont: Path) -> Examples:
    """Examples of all pieces, each piece weighing the same."""
    numbered = enumerate(pieces(soundfont))
    found = [examples_of(sources, rate, np.random.default_rng(i)) for i, (sources, rate) in numbered]
    features, shares, weights = (np.concatenate(part) for part in zip(*found, strict=True))
    weights /= weights.mean()
    weights = weights**EXPONENT
    return features, shares, np.minimum(weights / weights.mean(), LARGEST_WEIGHT).astype(np.float32)


def examples_of(sources: NDArray[np.float64], rate: int, rng: np.random.Generator) -> Examples:
    """Some frames and channels of one piece: what `TonalEvidence` says of the mixture, and whose the power is."""
    design, hop = separation_bank(rate), hop_samples(rate)
    evidence = TonalEvidence(design.bank.center_hz, hop / rate)
    power = np.array([_split(source, rate).power[:, 0] for source in sources])[:, : -evidence.wait_frames]
    features = evidence.process(_split(sources.sum(axis=0), rate))[evidence.wait_frames :, 0]
    total = power.sum(axis=0)
    chosen = rng.random(total.shape) < KEPT
    weights = ((total / total.sum()) ** PIECE_EXPONENT)[chosen]
    shares = (power / (total + 1e-14)).transpose(1, 2, 0)[chosen]
    return (
        features.transpose(0, 2, 1)[chosen].astype(np.float32),
        shares.astype(np.float32),
        (weights / weights.sum()).astype(np.float32),
    )


def _split(audio: NDArray[np.float64], rate: int) -> Split:
    splitter = Splitter(separation_bank(rate), hop_samples(rate))
    blocks = [splitter.process(audio[n : n + 8192, None].astype(np.float32)) for n in range(0, audio.size, 8192)]
    nothing = np.zeros((0, 1), np.float32)
    subband, power = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("subband", "power"))
    return Split(nothing, nothing[..., None], subband, power)


def fitted(examples: Examples, units: tuple[int, int], epochs: int, seed: int) -> list[Floats]:
    """Adam with a rate that falls as a cosine. Each layer's last column is its bias."""
    features, shares, weights = examples
    rng = np.random.default_rng(seed)
    sizes = (features.shape[1], *units, shares.shape[1])
    layers = [
        np.hstack([rng.standard_normal((m, n)) * scale, np.zeros((m, 1))]).astype(np.float32)
        for n, m, scale in zip(sizes, sizes[1:], [*(np.sqrt(2 / n) for n in sizes[:2]), 0.1], strict=False)
    ]
    mean, square = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    steps, step = epochs * (len(features) // BATCH), 0
    for _ in range(epochs):
        order = rng.permutation(len(features))
        for first in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[first : first + BATCH]
            step += 1
            pace = 0.002 * (1 + np.cos(np.pi * step / steps))
            slopes = gradients(layers, features[batch], shares[batch], weights[batch, None])
            for layer, m, v, slope in zip(layers, mean, square, slopes, strict=True):
                m += (1 - DECAYS[0]) * (slope - m)
                v += (1 - DECAYS[1]) * (slope**2 - v)
                corrected = np.sqrt(v / (1 - DECAYS[1] ** step)) + 1e-8
                layer -= (pace * (m / (1 - DECAYS[0] ** step)) / corrected).astype(np.float32)
    return layers


def forward(layers: list[Floats], features: Floats) -> tuple[Floats, Floats, Floats]:
    """Both rectified layers and the softmax."""
    first = np.maximum(features @ layers[0][:, :-1].T + layers[0][:, -1], 0)
    second = np.maximum(first @ layers[1][:, :-1].T + layers[1][:, -1], 0)
    said = second @ layers[2][:, :-1].T + layers[2][:, -1]
    said = np.exp(said - said.max(axis=1, keepdims=True))
    return first, second, said / said.sum(axis=1, keepdims=True)


def gradients(layers: list[Floats], features: Floats, shares: Floats, weights: Floats) -> list[Floats]:
    """Of the weighted squared error's mean."""
    first, second, said = forward(layers, features)
    slope = 2 * (said - shares) * weights
    slope = said * (slope - (slope * said).sum(axis=1, keepdims=True)) / len(features)
    below = (slope @ layers[2][:, :-1]) * (second > 0)
    lowest = (below @ layers[1][:, :-1]) * (first > 0)
    pairs = ((lowest, features), (below, first), (slope, second))
    return [np.hstack([d.T @ x, d.sum(axis=0)[:, None]]) for d, x in pairs]


def loss(layers: list[Floats], examples: Examples) -> float:
    """Weighted mean squared error."""
    features, shares, weights = examples
    error = np.square(forward(layers, features)[2] - shares).sum(axis=1)
    return float((error * weights).sum() / weights.sum())


def score(layers: list[Floats], folder: Path) -> float:
    """Mean SI-SDR of a recording's drums and of all its other stems, dB."""
    truth, names, rate = read(folder)
    drums = truth[names.index("drums")]
    tonal = truth.sum(axis=0) - drums
    separator = Separator(rate, lambda *where: TonalTransient(*where, readout=tuple(layers)))
    stems = streamed(separator, truth.sum(axis=0))
    return float(np.mean([si_sdr_db(stem, source) for stem, source in zip(stems, (tonal, drums), strict=True)]))


if __name__ == "__main__":
    main()
