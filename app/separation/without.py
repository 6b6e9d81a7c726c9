"""Sound without one of its sources: that source alone is claimed, and the residual is all the rest."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, Split
from sharpear.errors import UsageError
from sharpear.gpu import CPU

from .shares import Rehearsed, ShareFactory, ShareSource


class Without:
    """Shares of one source among others, so that a `Separator`'s residual is the sound without it.

    Args:
        sources: what tells all sources apart.
        name: the one that is taken away.
        bank, hop_s, groups, per_group: as of a share source.

    Raises:
        UsageError: there is no source of that name.

    >>> from sharpear import Separator
    >>> from sharpear.separation.tonal import TonalTransient
    >>> Separator(16000, Without.of(TonalTransient, "transient")).stems
    ('transient', 'residual')
    """

    def __init__(
        self, sources: ShareFactory, name: str, bank: GammatoneDesign, hop_s: float, groups: int, per_group: int
    ) -> None:
        inner: ShareSource = sources(bank, hop_s, groups, per_group)
        if name not in inner.names:
            raise UsageError(f"--remove: unknown stem {name!r}: expected {', '.join(inner.names)}")
        self.names: tuple[str, ...] = (name,)
        self.wait_frames = inner.wait_frames
        self.takes_mean, self.backend = getattr(inner, "takes_mean", False), getattr(inner, "backend", CPU)
        if isinstance(inner, Rehearsed):
            self.listen, self.decide = inner.listen, inner.decide
        self._inner, self._at = inner, inner.names.index(name)

    @classmethod
    def of(cls, sources: ShareFactory, name: str) -> ShareFactory:
        """What a `Separator` builds its shares with."""
        return partial(cls, sources, name)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, 1, channels)."""
        return self._inner.process(split)[:, :, self._at : self._at + 1]

    def reset(self) -> None:
        """Forget the past."""
        self._inner.reset()

    @property
    def state(self) -> Any:
        """Everything that the next output depends on (a copy)."""
        return self._inner.state

    @state.setter
    def state(self, value: Any) -> None:
        self._inner.state = value
