"""Learn a source's dictionary from examples: sparse codes of an LCA, and a local Hebbian rule on what they leave."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lateral import BandedWeights
from .lca import Lca

THRESHOLD = 0.5
"""The LCA's threshold, as a share of a frame's norm: so high that atoms become whole spectra rather than parts that
any source could use."""

STEPS = 40
"""Steps of the LCA for each example; its rate is the inverse of the largest eigenvalue, so that it settles."""

LEARNING_RATE = 0.3
BATCH_FRAMES = 32
DEAD = 0.02
"""Share of the mean use below which an atom is dead: it is revived as the example that was explained worst."""

TWIN = 0.999
"""Cosine between two atoms from which the later only repeats the earlier, and begins anew like a dead one."""

USE_MEMORY = 0.9
"""Share of an atom's remembered use that is kept from batch to batch."""

RESERVOIR_FRAMES = 20000
QUIETEST = 1e-3
"""Share of the loudest frame's mean power (-30 dB) below which a frame teaches nothing."""


def follow(atoms: NDArray[np.float64], left: NDArray[Any], square: NDArray[Any], rate: float) -> None:
    """``ΔW_j = rate Σ a_j (y − Wa) / Σ a_j²``, in place: an atom sees its own activity and what is left of its inputs.

    left: (atoms, inputs) ``Σ a_j (y − Wa)``; square: (atoms,) ``Σ a_j²``. Atoms that were silent stay.
    """
    active = square > 0
    atoms[active] += rate * left[active] / square[active, None]


def normalise(atoms: NDArray[np.float64]) -> None:
    """Atoms that are nowhere negative and of norm 1, in place."""
    np.maximum(atoms, 1e-9, out=atoms)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)


def idle(atoms: NDArray[np.float64], use: NDArray[np.float64]) -> NDArray[np.int64]:
    """Atoms that are hardly used, or only repeat earlier ones."""
    twin = (np.tril(atoms @ atoms.T, -1) > TWIN).any(axis=1)
    return np.flatnonzero((use < DEAD * use.mean()) | twin)


class Learner:
    """A dictionary of non-negative unit-norm atoms that follows examples.

    For a batch Y of frames with codes A: ``ΔW_j = η Σ_b (y_b − W a_b) a_jb / Σ_b a_jb²``, then ``W ← max(W, 0)`` with
    unit columns. An atom sees only its own activity and what is left of its inputs.

    Args:
        channels: values per frame.
        atoms: size of the dictionary.
        seed: of everything random.

    >>> rng = np.random.default_rng(1)
    >>> truth = np.eye(6)[:3]
    >>> learner = Learner(channels=6, atoms=3, seed=0)
    >>> for _ in range(30):
    ...     unexplained = learner.learn(truth[rng.integers(0, 3, 32)])
    >>> np.sort(learner.atoms.argmax(axis=1)).tolist()
    [0, 1, 2]
    """

    def __init__(self, channels: int, atoms: int, seed: int = 0) -> None:
        if channels < 1 or atoms < 1:
            raise ValueError(f"expected at least 1 channel and 1 atom, received {channels=}, {atoms=}")
        self._random = np.random.default_rng(seed)
        self.atoms: NDArray[np.float64] = np.zeros((atoms, channels))
        self.use = np.zeros(atoms)

    def go_on(self, atoms: NDArray[np.float64], use: NDArray[np.float64] | None = None) -> None:
        """Follow from these atoms (atoms, channels): a learner's own, to the bit, with their `use`, or any others."""
        self.atoms = atoms.copy()
        if use is None:
            normalise(self.atoms)
        self.use = np.ones(len(atoms)) if use is None else use.copy()

    def learn(self, frames: NDArray[Any]) -> float:
        """Follow one batch of frames (batch, channels); return how much of their energy was left unexplained.

        Raises:
            ValueError: the frames have other channels, or are not finite.
        """
        channels = self.atoms.shape[1]
        if frames.ndim != 2 or frames.shape[1] != channels or not np.isfinite(frames).all():
            kind = "" if np.isfinite(frames).all() else ", not all finite"
            raise ValueError(f"expected finite frames of shape (batch, {channels}), received {frames.shape}{kind}")
        norm = np.linalg.norm(frames, axis=1, keepdims=True)
        Y = frames[norm[:, 0] > 0] / norm[norm[:, 0] > 0]
        if not len(Y):
            return 0.0
        self._begin(Y)
        codes = self.code(Y)
        left = Y - codes @ self.atoms
        follow(self.atoms, codes.T @ left, np.square(codes).sum(axis=0), LEARNING_RATE)
        normalise(self.atoms)
        self.use = USE_MEMORY * self.use + (1 - USE_MEMORY) * codes.mean(axis=0)
        error = np.square(left).sum(axis=1)
        self._revive(Y, error)
        return float(error.mean())

    def code(self, frames: NDArray[Any]) -> NDArray[np.float64]:
        """Sparse codes (batch, atoms) of unit-norm frames: every frame is a stream of one `Lca`."""
        lateral = BandedWeights.from_receptive_fields(self.atoms.T)
        largest = float(np.linalg.norm(self.atoms, 2) ** 2)
        layer = Lca(
            lateral, THRESHOLD, tau_s=max(largest, 1.0), step_s=1.0, iterations=STEPS, streams=len(frames)
        )  # fmt: skip
        codes: NDArray[np.float64] = layer(frames @ self.atoms.T).astype(np.float64)
        return codes

    def _begin(self, Y: NDArray[np.float64]) -> None:
        """The first atoms are examples, each the likelier the less the ones before explain it (k-means++)."""
        if self.atoms.any():
            return
        rows = [int(self._random.integers(0, len(Y)))]
        unlike = np.ones(len(Y))
        for _ in range(len(self.atoms) - 1):
            unlike = np.minimum(unlike, 1.0 - np.square(Y @ Y[rows[-1]]).clip(max=1.0)) + 1e-9
            rows.append(int(self._random.choice(len(Y), p=unlike / unlike.sum())))
        chosen = Y[rows]
        self.atoms = chosen * (1 + 0.1 * self._random.random(chosen.shape))
        normalise(self.atoms)
        self.use[:] = 1.0

    def _revive(self, Y: NDArray[np.float64], error: NDArray[np.float64]) -> None:
        dead = idle(self.atoms, self.use)
        worst = np.argsort(error)[::-1][: len(dead)]
        self.atoms[dead[: len(worst)]] = Y[worst]
        self.use[dead[: len(worst)]] = self.use.mean()


@dataclass
class Reservoir:
    """A fair sample of a stream of frames, of bounded size (Vitter's algorithm R)."""

    size: int
    random: np.random.Generator
    seen: int = 0
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frames: NDArray[np.float32]) -> None:
        """Offer frames (frames, channels)."""
        for frame in frames:
            self.seen += 1
            if len(self.rows) < self.size:
                self.rows.append(frame)
            elif (place := int(self.random.integers(0, self.seen))) < self.size:
                self.rows[place] = frame

    def frames(self) -> NDArray[np.float32]:
        """(kept, channels)."""
        return np.array(self.rows)


def learn_dictionary(examples: NDArray[np.float32], atoms: int, epochs: int, seed: int) -> NDArray[np.float64]:
    """Dictionary (atoms, channels) of example frames, loud enough ones, gone through `epochs` times in random order."""
    power = np.square(examples).mean(axis=1)
    loud = examples[power > QUIETEST * power.max(initial=0.0)]
    learner = Learner(examples.shape[1], min(atoms, max(1, len(loud))), seed)
    order = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in np.array_split(order.permutation(len(loud)), max(1, len(loud) // BATCH_FRAMES)):
            learner.learn(loud[batch])
    return learner.atoms
