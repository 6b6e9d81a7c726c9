"""Frames that wait on disk until their turn comes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

import numpy as np

from sharpear.errors import unwritable
from sharpear.frames import Frames


class Later:
    """Frames in a file without a name beside `output`, which is gone with its process."""

    def __init__(self, output: Path) -> None:
        self._beside = output
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=output.parent)  # noqa: SIM115 (closed on exit)
        except OSError as error:
            raise unwritable(output, error) from error

    def write(self, frames: Frames) -> None:
        """Append.

        Raises:
            InputError: there is no room.
        """
        parts = (frames.times, frames.amplitude, frames.instantaneous_frequency, frames.plain_amplitude)
        try:
            for part in parts if len(frames) else ():
                np.save(self._file, part, allow_pickle=False)
        except OSError as error:
            raise unwritable(self._beside, error) from error

    def replay(self) -> Iterator[Frames]:
        """All, in order."""
        size = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < size:
            yield Frames(*(np.load(self._file, allow_pickle=False) for _ in range(4)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
