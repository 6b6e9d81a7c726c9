"""Sources known from examples: their dictionaries joined, and sparse inference over all of them."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, Split
from sharpear.dsp.stateful import Stateful
from sharpear.dynamics.inference_kernel import InferenceRule, JoinedAtoms, SourcesState, sources_process
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, LayerTooLargeError

from .dictionary import Dictionary
from .shares import ShareFactory

POOLED_FRAMES = 3
"""Frames whose powers are summed into one before inference."""

TRANSPOSED_SEMITONES = 3
"""Each atom is joined this far up and down as well, so that a note need not have been among the examples."""

COST_PER_SEMITONE = 0.02
"""What an atom costs more for each semitone that it is transposed by."""

ITERATIONS = 20
MEMORY = 0.5
"""Share of the activations that is kept from one frame to the next."""

SUPPORT = 0.3
"""Exponent by which atoms like the rest of their source are favoured."""


class LearnedSources(Stateful):
    """Shares of sources whose dictionaries compete to explain the sound.

    Each frame's magnitudes v are explained as ``v ≈ Σ_j h_j W_j`` by steps of divisive competition,
    ``h_j ← h_j (W_jᵀ(v / ŷ)) / c_j``, warm-started from the frame before. A source's share is the square of what its
    atoms explain over the sum of all such squares.

    Args:
        dictionaries: one per source.
        bank: the separation bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams in each that share one mask.
        backend: where it runs, and where its input is.

    Raises:
        UsageError: more atoms than a GPU holds for a group.
    """

    wait_frames = 2 * POOLED_FRAMES - 1

    def __init__(
        self,
        dictionaries: Sequence[Dictionary],
        bank: GammatoneDesign,
        hop_s: float,
        groups: int,
        per_group: int,
        backend: Backend = CPU,
    ) -> None:
        self.names = tuple(dictionary.name for dictionary in dictionaries)
        self._per_group = per_group
        self._dictionary = JoinedAtoms(*(backend.array(part) for part in join(dictionaries, bank.center_hz)))
        J, K, S = self._dictionary.cost.size, bank.channels, len(self.names)
        self._rule = InferenceRule(iterations=ITERATIONS, memory=np.float32(MEMORY), support=np.float32(SUPPORT))
        self._remember(
            [
                ("sum", np.float32, (groups, K)),
                ("activation", np.float32, (groups, J)),
                ("explained", np.float32, (groups, 3, S, K)),
                ("share", np.float32, (groups, S, K)),
                ("frame", np.int64),
            ],
            backend,
        )
        working_bytes = (3 * (J + 1) + 2 * (K + 1) + 4) * np.dtype(np.float32).itemsize
        try:
            self._run = backend.kernel(sources_process, blocks=groups, threads=max(J, K), shared_bytes=working_bytes)
        except LayerTooLargeError as error:
            raise UsageError(
                f"expected dictionaries that fit beside this GPU's threads, received {J} atoms with their "
                "transpositions: learn fewer (--atoms), or take --device cpu"
            ) from error

    @classmethod
    def of(cls, dictionaries: Sequence[Dictionary], backend: Backend = CPU) -> ShareFactory:
        """What a `Separator` on that backend builds its shares with.

        Raises:
            UsageError: there is none, or two have the same name.
        """
        names = [dictionary.name for dictionary in dictionaries]
        if not names or len(set(names)) < len(names) or "residual" in names:
            received = ", ".join(names) or "none"
            raise UsageError(f"expected sources with names of their own, none of them residual, received {received}")
        return partial(cls, tuple(dictionaries), backend=backend)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, sources, channels), `wait_frames` late."""
        state, count = self._state, len(split.power)
        groups, sources, channels = state["share"].shape
        shares = self.backend.empty((count, groups, sources, channels), np.float32)
        memories = SourcesState(
            total=state["sum"], h=state["activation"], explained=state["explained"], share=state["share"]
        )
        self._run(
            split.power, self._per_group, POOLED_FRAMES, self._dictionary, self._rule, memories, int(state["frame"]),
            shares,
        )  # fmt: skip
        state["frame"] += count
        return shares


def join(dictionaries: Sequence[Dictionary], center_hz: NDArray[np.float64]) -> JoinedAtoms:
    """All atoms, transposed too, as the kernel takes them; the fourth power of their cosines says how like they are."""
    atoms, cost, similarity, blocks = [], [], [], []
    first = place = 0
    for dictionary in dictionaries:
        own = dictionary.at(center_hz)
        shifts = range(-TRANSPOSED_SEMITONES, TRANSPOSED_SEMITONES + 1)
        rows = np.concatenate([transposed(own, center_hz, shift) for shift in shifts])
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        atoms.append(rows / rows.sum(axis=1, keepdims=True))
        cost.append(np.repeat([1 + COST_PER_SEMITONE * abs(shift) for shift in shifts], len(own)))
        similarity.append(((unit @ unit.T) ** 4).ravel())
        blocks.append((first, len(rows), place))
        first, place = first + len(rows), place + len(rows) ** 2
    return JoinedAtoms(
        atoms=np.concatenate(atoms).astype(np.float32),
        cost=np.concatenate(cost).astype(np.float32),
        similarity=np.concatenate(similarity).astype(np.float32),
        blocks=np.array(blocks, np.int64),
    )


def transposed(atoms: NDArray[np.float64], center_hz: NDArray[np.float64], semitones: float) -> NDArray[np.float64]:
    """Atoms (atoms, channels) as they would be `semitones` higher; nothing enters from beyond the bank's ends.

    >>> center_hz = 100 * 2 ** (np.arange(25) / 12)
    >>> int(transposed(np.eye(25)[5:6], center_hz, 2.0)[0].argmax())
    7
    """
    source_hz = center_hz * 2.0 ** (-semitones / 12)
    log_hz = np.log(center_hz)
    moved = [np.interp(np.log(source_hz), log_hz, row, left=0.0, right=0.0) for row in atoms]
    rows: NDArray[np.float64] = np.maximum(np.array(moved), 1e-9)
    return rows
