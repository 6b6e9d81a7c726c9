"""The last minutes of what came in, held in memory until somebody wants to keep them."""

import threading
from collections import deque
from pathlib import Path

import numpy as np

from sharpear.compiler import Floats
from sharpear.errors import InputError, unwritable
from sharpear.sinks.sound import FAILURES, GrowingSound
from sharpear.sinks.staging import Staging

from .ring import Reader

KEPT_S = 120.0
PERIOD_S = 0.5
BLOCK = 16384


class Recent(threading.Thread):
    """Follow a reader's samples, and remember those of the last `KEPT_S`; gaps are silence.

    Args:
        reader: the ring's samples.
        rate_hz, channels: of the ring.
    """

    def __init__(self, reader: Reader, rate_hz: int, channels: int) -> None:
        super().__init__(daemon=True, name="recent")
        self._reader, self._rate_hz, self._channels = reader, rate_hz, channels
        self._most = round(KEPT_S * rate_hz)
        self._blocks: deque[Floats] = deque()
        self._samples = 0
        self._reading, self._ending = threading.Lock(), threading.Event()

    def run(self) -> None:
        """Until `finish`."""
        while not self._ending.wait(PERIOD_S):
            self._read()

    def _read(self) -> None:
        with self._reading:
            while chunk := self._reader.read(BLOCK):
                if chunk.lost:
                    self._append(np.zeros((min(chunk.lost, self._most), self._channels), np.float32))
                self._append(np.array(chunk.samples))

    def _append(self, block: Floats) -> None:
        self._blocks.append(block)
        self._samples += len(block)
        while self._samples - len(self._blocks[0]) >= self._most:
            self._samples -= len(self._blocks.popleft())

    def keep(self, path: Path) -> float:
        """Write what is remembered to `path`, a .wav, and say how long it is, s.

        Raises:
            InputError: there is nothing yet, or it cannot be written.
        """
        self._read()
        with self._reading:
            blocks = list(self._blocks)
        if not blocks:
            raise InputError(f"{path}: nothing has come in yet: keep it later")
        samples = np.concatenate(blocks)[-self._most :]
        staging = Staging([path], audio=True)
        try:
            file = GrowingSound(staging.place(path), self._rate_hz, self._channels)
            file.write(samples)
            file.close()
            staging.publish()
        except FAILURES as error:
            staging.discard()
            raise unwritable(path, error, "") from error
        return len(samples) / self._rate_hz

    def finish(self) -> None:
        """End."""
        self._ending.set()
        self.join()
