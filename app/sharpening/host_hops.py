"""Sound on the host, hop by hop as a bank on a GPU hears it."""

import numpy as np
from numpy.typing import NDArray

from sharpear.dsp import HannBank
from sharpear.gpu.arguments import check_audio

from .hop_by_hop_kernel import take_in


class HostHops:
    """The hops that blocks of sound complete, without asking the GPU, which would have to be waited for.

    Args:
        bank: what hears the same blocks; it remembers what waits for its hop's end, of which this has a copy.
    """

    def __init__(self, bank: HannBank) -> None:
        self._bank, self._changes = bank, bank.changes
        self._waiting = np.zeros((bank.streams, bank.design.hop), np.float32)
        self._replaced = np.zeros(bank.streams, np.int64)

    def take(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        """(streams, samples): the whole hops that (samples, streams) complete, before the bank has heard them.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        bank, hop = self._bank, self._bank.design.hop
        check_audio(audio, bank.streams)
        if self._changes != bank.changes:
            self._changes, self._waiting = bank.changes, np.array(bank.backend.numpy(bank.memory["waiting"]))
        filled = int(bank.memory["filled"])
        recent = np.empty((bank.streams, filled + len(audio)), np.float32)
        take_in(np.ascontiguousarray(audio, np.float32), hop, filled, self._waiting, self._replaced, recent)
        return np.ascontiguousarray(recent[:, : recent.shape[1] // hop * hop])
