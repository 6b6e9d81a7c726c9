"""Where outputs grow until they are whole: a private, locked folder beside each, from which they get their names."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sharpear.errors import unwritable
from sharpear.interrupt import undisturbed

from .staging_folder import StagingFolder


class Staging:
    """Grow outputs under temporary names, and give them their own when all are whole.

    Beside every output stands a folder with an unpredictable name that only its owner may enter (0700). It holds a mark
    and, in a folder of its own, each output that grows; the mark is locked until `publish` or `discard`. What a killed
    owner left is published or removed by `sharpear.sinks.recovery.tidy`.

    Args:
        targets: what the outputs will be called; their folders are made where they are missing.
        audio: what grows is a recording or a stem, which is published as recovered if the owner is killed.
        option: the one that names the place, for messages.

    Raises:
        InputError: a place cannot be made.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "notes.csv"
    >>> with Staging([target]) as staging:
    ...     _ = staging.place(target).write_text("onset_s,offset_s")
    ...     staging.publish()
    >>> [path.name for path in target.parent.iterdir()]
    ['notes.csv']
    """

    def __init__(self, targets: Sequence[Path], audio: bool = False, option: str = "-o") -> None:
        self._option = option
        self._folders: list[StagingFolder] = []
        self._places: dict[Path, Path] = {}
        for parent in dict.fromkeys(target.parent for target in targets):
            inside = [target for target in targets if target.parent == parent]
            try:
                parent.mkdir(parents=True, exist_ok=True)
                folder = StagingFolder.make(parent, [target.name for target in inside], audio)
            except OSError as error:
                self.discard()
                raise unwritable(inside[0], error, option) from error
            self._folders.append(folder)
            self._places |= {target: folder.place(n) for n, target in enumerate(inside)}

    @staticmethod
    def descriptors(targets: Iterable[Path]) -> int:
        """How many files stay open while `targets` grow: a mark for each folder that they lie in."""
        return len({target.parent for target in targets})

    def place(self, target: Path) -> Path:
        """Where `target` grows: a path that is free, in a folder that it has for itself."""
        return self._places[target]

    def publish(self) -> None:
        """Write everything to the disk and give each output its name, in the place of what had it.

        Raises:
            InputError: an output cannot be published. One that is audio then stays where it has grown, and the message
                says where.
        """
        with undisturbed():
            for folder in self._folders:
                with self._reporting(folder):
                    folder.publish()
        self.discard()

    @contextmanager
    def _reporting(self, folder: StagingFolder) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            target = folder.parent / folder.names[0]
            if folder.audio and folder.holds_something():
                folder.leave()
                raise unwritable(f"{target} (left as {folder.place(0)})", error, self._option) from error
            raise unwritable(target, error, self._option) from error

    def discard(self) -> None:
        """Remove what has not been published."""
        for folder in self._folders:
            folder.remove()
        self._folders = []

    def leave(self) -> None:
        """Leave what has not been published where it is: `tidy` treats it as a killed owner's."""
        for folder in self._folders:
            folder.leave()
        self._folders = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_whole(path: Path, data: bytes, option: str = "-o") -> None:
    """Write a small output at once, in the place of what had its name; what is no file (a pipe, a terminal) gets it.

    Raises:
        InputError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        try:
            path.write_bytes(data)
        except OSError as error:
            raise unwritable(path, error, option) from error
        return
    with Staging([path], option=option) as staging:
        try:
            staging.place(path).write_bytes(data)
        except OSError as error:
            raise unwritable(path, error, option) from error
        staging.publish()
