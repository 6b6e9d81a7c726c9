"""A dictionary that goes on learning for as long as there is sound."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dynamics.hebbian import BATCH_FRAMES, QUIETEST, Learner, Reservoir
from sharpear.errors import UsageError

from .dictionary import Dictionary, Followed
from .learned import POOLED_FRAMES

ATOMS = 48
"""How many a dictionary begins with; one that goes on keeps its own."""

KEPT_FRAMES = 1024
"""Frames that are kept of all that was heard, a fair sample."""

REHEARSALS = 4
"""Batches of these from which is learned after each new one."""

FIRST_FRAMES = 4 * BATCH_FRAMES
"""Frames of which the first atoms are chosen: some more than atoms, 1.5 s."""


class Follower:
    """Follow a sound with a dictionary by the rule of `Learner`, batch by batch of frames that are loud enough.

    After each new batch it learns again from a fair sample of the earlier ones: what is not heard for a while would
    else be forgotten. Loud enough is within 30 dB of the loudest frame so far. How far it has come is part of the
    dictionary (`Dictionary.followed`): one that is saved, loaded and followed again goes on where it was.

    Args:
        name: the source.
        sample_rate: of the sound, Hz.
        known: what to go on from; a new dictionary begins where None.

    Raises:
        UsageError: the known dictionary stands on the channels of another sample rate.

    >>> rng = np.random.default_rng(0)
    >>> follower = Follower("noise", 8000.0)
    >>> follower.hear(rng.standard_normal(16000).astype(np.float32))
    >>> follower.dictionary.atoms.shape[0]
    48
    """

    def __init__(self, name: str, sample_rate: float, known: Dictionary | None = None) -> None:
        design = separation_bank(sample_rate)
        self.name, self.sample_rate, self.center_hz = name, sample_rate, design.bank.center_hz
        channels = design.bank.channels
        if known and not (known.center_hz.size == channels and np.allclose(known.center_hz, self.center_hz, 1e-4)):
            raise UsageError(
                f"expected a dictionary with the {channels} channels of {sample_rate:g} Hz, received one with "
                f"{known.center_hz.size}, made at another sample rate: choose another name"
            )
        self._splitter = Splitter(design, hop_samples(sample_rate))
        self._split = np.zeros((0, channels), np.float32)
        self._waiting = np.zeros((0, channels), np.float32)
        self._kept, self._heard = self._waiting, 0
        self._loudest = 0.0
        self._learner = Learner(channels, len(known.atoms) if known else ATOMS)
        if known:
            use = known.followed and known.followed.use
            self._learner.go_on(known.atoms, use)
            if known.followed:
                _, self._waiting, self._kept, heard = known.followed
                self._heard = int(heard)

    @staticmethod
    def warm_up(sample_rate: float) -> None:
        """Compile what following a sound runs."""
        follower = Follower("any", sample_rate)
        follower.hear(np.zeros(4096, np.float32))
        channels = follower.center_hz.size
        Learner(channels, ATOMS).learn(np.eye(FIRST_FRAMES, channels))

    @property
    def dictionary(self) -> Dictionary | None:
        """What has been learned so far; None before the first batch."""
        if not self._learner.atoms.any():
            return None
        followed = Followed(
            self._learner.use.copy(), self._waiting.copy(), self._kept.copy(), np.array(float(self._heard))
        )
        return Dictionary(self.name, self._learner.atoms.copy(), self.center_hz, followed)

    def hear(self, samples: NDArray[np.float32]) -> None:
        """Learn from (samples,)."""
        self._split = np.concatenate([self._split, self._splitter.process(samples[:, None]).power[:, 0]])
        whole = len(self._split) // POOLED_FRAMES * POOLED_FRAMES
        pooled = self._split[:whole].reshape(-1, POOLED_FRAMES, self.center_hz.size).mean(axis=1)
        self._split = self._split[whole:]
        self._waiting = np.concatenate([self._waiting, np.sqrt(pooled[self._loud(pooled)])])
        while len(self._waiting) >= (batch := BATCH_FRAMES if self._learner.atoms.any() else FIRST_FRAMES):
            self._learn(self._waiting[:batch])
            self._waiting = self._waiting[batch:]

    def _learn(self, batch: NDArray[np.float32]) -> None:
        """Learn from a batch of what is heard now, and again from what was heard before."""
        self._learner.learn(batch)
        # Seeded by what was heard, so that a dictionary which is saved and goes on draws what it would have drawn.
        sample = Reservoir(KEPT_FRAMES, np.random.default_rng(self._heard), self._heard, list(self._kept))
        sample.add(batch)
        self._kept, self._heard = sample.frames(), sample.seen
        for _ in range(REHEARSALS):
            self._learner.learn(sample.random.choice(self._kept, BATCH_FRAMES))

    def _loud(self, power: NDArray[Any]) -> NDArray[np.bool_]:
        each = power.mean(axis=1)
        loudest = np.maximum.accumulate(np.append(self._loudest, each))[1:]
        self._loudest = float(loudest[-1]) if loudest.size else self._loudest
        loud: NDArray[np.bool_] = each > QUIETEST * loudest
        return loud
