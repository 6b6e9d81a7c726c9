"""What waits on disk until its turn comes."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Generic, Self, TypeVar

import numpy as np

from sharpear.errors import unwritable

T = TypeVar("T")


class Spool(Generic[T]):
    """Pieces that wait in a temporary file without a name beside `output`; the file is gone when its process is.

    Args:
        output: beside it there is room.
        kind: makes a piece of its arrays, by name.
        fields: their names; those that are None in a piece are so in all.
    """

    def __init__(self, output: Path, kind: Callable[..., T], fields: Sequence[str]) -> None:
        self._beside, self._kind, self._fields = output, kind, tuple(fields)
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=output.parent)  # noqa: SIM115 (closed by `close`)
        except OSError as error:
            raise unwritable(output, error) from error

    def write(self, piece: T) -> None:
        """Append.

        Raises:
            InputError: there is no room.
        """
        parts = {name: part for name in self._fields if (part := getattr(piece, name)) is not None}
        self._fields = tuple(parts)
        try:
            for part in parts.values() if len(parts[self._fields[0]]) else ():
                np.save(self._file, part, allow_pickle=False)
        except OSError as error:
            raise unwritable(self._beside, error) from error

    def replay(self) -> Iterator[T]:
        """All, in order."""
        size = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < size:
            yield self._kind(**{name: np.load(self._file, allow_pickle=False) for name in self._fields})

    def close(self) -> None:
        """Forget it."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
