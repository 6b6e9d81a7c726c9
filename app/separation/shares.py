"""Who owns how much of each channel: the seam between what tells sources apart and what makes stems of them."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import GammatoneDesign, Split


class ShareSource(Protocol):
    """Gives every source its share of every channel, frame by frame, and keeps the stream contract.

    names: the sources; what no source claims becomes the stem "residual".
    wait_frames: how many frames later than its own frame a share comes.
    """

    names: tuple[str, ...]
    wait_frames: int

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, sources, channels), each 0 to 1, their sum over sources at most 1.

        A group is a set of streams, such as left and right, that share one mask; its powers are summed.
        """
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...

    @property
    def state(self) -> Any:
        """Everything that the next output depends on (a copy)."""
        ...

    @state.setter
    def state(self, value: Any) -> None:
        """Continue from a state."""
        ...


@runtime_checkable
class Rehearsed(Protocol):
    """A share source that separates a recording better when it has heard it before."""

    def listen(self, sound: NDArray[np.float32]) -> None:
        """Take in the next (samples, streams), as late as `Split` has them."""
        ...

    def decide(self) -> None:
        """All has been heard, and comes again by `process`."""
        ...


class ShareFactory(Protocol):
    """Builds a share source for a bank; a class such as `TonalTransient` is one."""

    def __call__(self, bank: GammatoneDesign, hop_s: float, groups: int, per_group: int, /) -> ShareSource:
        """A share source over `groups` streams of `per_group` channels each."""
