"""How long each channel's tone persists and how suddenly sounds begin: what tells tones from strokes."""

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful, fields_of, named

from .scales import hz_to_erb
from .splitter import Split
from .tonal_evidence_kernel import DEPTH, FEATURES, LAGS, LOOKAHEAD, EvidenceState, evidence_process

LEVEL_S = 1.0
"""Time constant with which the level falls; loudness counts relative to the level."""


class TonalEvidence(Stateful):
    r"""Describe every channel by its past, its near future and its neighbourhood, streaming.

    A tone persists: its loudness before and after is its loudness now, and its phase advances evenly, so that
    ``|Σ z(t) z*(t − τ)| / Σ |z|²`` stays near 1. A stroke is sudden, spreads over neighbouring channels, and is gone.

    Args:
        center_hz: (channels,) centres of the bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams (such as left and right) whose powers are summed.
        backend: where it runs.

    >>> evidence = TonalEvidence(np.array([100.0, 200.0]), 0.004)
    >>> ones = np.ones((90, 1, 2), np.float32)
    >>> split = Split(ones[..., 0], ones, ones.astype(np.complex64), ones)
    >>> features = evidence.process(split)
    >>> features.shape, float(features[-1, 0, 22, 0].round(3))  # coherence of a steady channel
    ((90, 1, 29, 2), 1.0)
    """

    wait_frames = LOOKAHEAD

    def __init__(
        self, center_hz: NDArray[np.float64], hop_s: float, groups: int = 1, per_group: int = 1, backend: Backend = CPU
    ) -> None:
        self.groups, self.per_group, self.channels = groups, per_group, center_hz.size
        self._place = backend.array(hz_to_erb(center_hz) / 20.0 - 1.0, np.float32)
        self._decay = np.float32(np.exp(-hop_s / LEVEL_S))
        K = self.channels
        lengths = {"groups": groups, "streams": groups * per_group, "channels": K}
        lengths |= {"rows": DEPTH, "lags × 3": 3 * len(LAGS)}
        self._remember([*fields_of(EvidenceState, lengths), ("frame", np.int64)], backend)
        working_bytes = (K + 1) * np.dtype(np.float64).itemsize + (K + 2) * np.dtype(np.float32).itemsize
        self._run = backend.kernel(evidence_process, blocks=groups, threads=K, shared_bytes=working_bytes)

    def process(self, split: Split) -> NDArray[np.float32]:
        """Frames of `groups` × `per_group` streams → (frames, groups, features, channels), `wait_frames` late."""
        state, count = self._state, len(split.power)
        features = self.backend.empty((count, self.groups, FEATURES, self.channels), np.float32)
        memories = named(EvidenceState, self._state)
        self._run(
            split.subband, split.power, self.per_group, self._place, self._decay, memories, int(state["frame"]),
            features,
        )  # fmt: skip
        state["frame"] += count
        return features
