"""What reads tonal and transient shares, against its equations."""

import numpy as np

from sharpear.dsp.tonal_readout import TonalReadout
from sharpear.dsp.tonal_readout_kernel import NEAR, NEIGHBOURS, ReadoutLayers

FEATURES, FIRST, HELD, SECOND, SOURCES, CHANNELS = 5, 10, 9, 7, 3, 40


def layers() -> ReadoutLayers:
    heard = FIRST + 2 * NEIGHBOURS
    shapes = ((FIRST, FEATURES), (2 * HELD, heard), (SECOND, heard + HELD + 2 * NEIGHBOURS), (SOURCES, SECOND))
    rng = np.random.default_rng(3)
    return ReadoutLayers(*(rng.standard_normal((m, n + 1)).astype(np.float32) / np.sqrt(n) for m, n in shapes))


def surround(units: np.ndarray) -> np.ndarray:
    few = units[:NEIGHBOURS]
    near = [few[:, max(k - NEAR, 0) : k + NEAR + 1].mean(axis=1) for k in range(units.shape[1])]
    return np.concatenate([np.array(near).T, np.broadcast_to(few.mean(axis=1, keepdims=True), few.shape)])


def applied(layer: np.ndarray, units: np.ndarray) -> np.ndarray:
    return layer[:, :-1] @ units + layer[:, -1:]


def naive(weights: ReadoutLayers, features: np.ndarray) -> np.ndarray:
    """(frames, features, channels) → (frames, sources, channels)."""
    h, out = np.zeros((HELD, features.shape[2])), []
    for x in features.astype(np.float64):
        first = np.maximum(applied(weights.first, x), 0)
        heard = np.concatenate([first, surround(first)])
        opening, value = np.split(applied(weights.memory, heard), 2)
        h = value + 0.5 * (1 + opening / np.sqrt(1 + opening**2)) * (h - value)
        second = np.maximum(applied(weights.second, np.concatenate([heard, h, surround(h)])), 0)
        said = np.exp(applied(weights.last, second))
        out.append(said / said.sum(axis=0))
    return np.array(out)


def test_it_follows_its_equations() -> None:
    features = np.random.default_rng(4).standard_normal((30, 2, FEATURES, CHANNELS)).astype(np.float32)
    received = TonalReadout(layers(), CHANNELS, 2).process(features)
    for group in range(2):
        np.testing.assert_allclose(received[:, group], naive(layers(), features[:, group]), atol=1e-5)
