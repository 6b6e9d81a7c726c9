"""Folders that hold compiled kernels.

A kernel that is loaded is machine code that runs, so a folder is read only if nobody could have written to it who could
not change the program as well. That is proved on the opened folder, through which its files are then reached: a
folder that is exchanged after the proof is not read.
"""

import errno
import hashlib
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from numba.core import config

from sharpear.system import (
    FOLLOWING_NO_LINK,
    HOLDS_FOLDERS,
    held_folder,
    home,
    is_ours_alone,
    only_written_by,
    user_cache,
)  # fmt: skip

SUFFIX, GROWING = ".kernel", ".new"
ABANDONED_S = 600.0
"""A file that has been growing for longer than this has lost its writer."""

HERE = Path(__file__).parent
INSTALLATION = hashlib.sha256(str(HERE).encode(errors="surrogateescape")).hexdigest()[:12]
PREFIX = f"sharpear-kernels-{INSTALLATION}-"


class Place:
    """A folder of compiled kernels.

    Args:
        path: the folder, which is made when something is written.
        source: a folder whose owner and writers may write here, too, because they may change the program itself.
        chosen: whether the user named it.
    """

    def __init__(self, path: Path, source: Path | None = None, chosen: bool = False) -> None:
        self.path, self._source, self.chosen = path, source, chosen

    def read(self, name: str) -> bytes | None:
        """What is kept under `name`, or None if nothing is, or nothing that may be trusted."""
        try:
            with self._opened() as folder:
                descriptor = self._open(folder, name, os.O_RDONLY)
                with os.fdopen(descriptor, "rb") as file:
                    return file.read() if self._is_safe(os.fstat(descriptor)) else None
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Keep `data` under `name`: whole, or not at all.

        Raises:
            OSError: the folder cannot be made or written, or is not safe.
        """
        with self._writable() as folder:
            growing = f".{name}.{secrets.token_hex(8)}{GROWING}"
            descriptor = self._open(folder, growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                source, target = self._name(folder, growing), self._name(folder, name)
                os.replace(source, target, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(self._name(folder, growing), dir_fd=folder)
                raise

    def probe(self) -> None:
        """Try whether files can be written here, with one that is removed again.

        Raises:
            OSError: nothing could be written.
        """
        name = f".{secrets.token_hex(8)}{GROWING}"
        with self._writable() as folder:
            os.close(self._open(folder, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(self._name(folder, name), dir_fd=folder)

    def names(self) -> list[str]:
        """The kernels that are kept here and may be trusted."""
        try:
            with self._opened() as folder:
                return sorted(name for name in self._list(folder) if name.endswith(SUFFIX))
        except OSError:
            return []

    def remove_older(self, kept: str, prefix: str) -> None:
        """Remove the files that begin with `prefix` but not with `kept`, and what writers that were killed left."""
        with suppress(OSError), self._opened() as folder:
            for name in self._list(folder):
                old = name.startswith(prefix) and not name.startswith(kept)
                where = self._name(folder, name)
                with suppress(OSError):
                    if old or (name.endswith(GROWING) and self._is_abandoned(folder, where)):
                        os.unlink(where, dir_fd=folder)

    @staticmethod
    def _is_abandoned(folder: int | None, where: str) -> bool:
        return time.time() - os.stat(where, dir_fd=folder, follow_symlinks=False).st_mtime > ABANDONED_S

    @contextmanager
    def _writable(self) -> Iterator[int | None]:
        os.makedirs(self.path, 0o755, exist_ok=True)
        with self._opened() as folder:
            yield folder

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """A descriptor of the folder, proved to be safe; None where there are no such descriptors."""
        if not HOLDS_FOLDERS:
            yield None
            return
        folder = held_folder(self.path)
        try:
            if not self._is_safe(os.fstat(folder)):
                raise OSError(errno.EPERM, "others may write to it", str(self.path))
            yield folder
        finally:
            os.close(folder)

    def _is_safe(self, found: os.stat_result) -> bool:
        return only_written_by(found, os.stat(self._source) if self._source else None)

    def _open(self, folder: int | None, name: str, flags: int) -> int:
        flags |= FOLLOWING_NO_LINK
        return os.open(self._name(folder, name), flags, 0o644, dir_fd=folder)

    def _name(self, folder: int | None, name: str) -> str:
        return str(self.path / name) if folder is None else name

    def _list(self, folder: int | None) -> list[str]:
        return os.listdir(self.path if folder is None else folder)


@cache
def usual_places() -> tuple[Place, ...]:
    """Where kernels are kept, the first choice first: as told, beside the program, in the user's cache."""
    places = []
    chosen = getattr(config, "CACHE_DIR", "")  # made by Numba while it is loaded, of NUMBA_CACHE_DIR
    if chosen:
        places.append(Place(Path(chosen, f"sharpear-{INSTALLATION}").absolute(), chosen=True))
    places.append(Place(HERE / "__pycache__", source=HERE))
    if home():
        places.append(Place(user_cache("sharpear") / INSTALLATION))
    return tuple(places)


@cache
def temporary_place(make: bool) -> Place | None:
    """A private folder among the temporary files: the one that an earlier run made, or, with `make`, a new one."""
    try:
        folder = Path(tempfile.gettempdir())
        if folder == Path.cwd() and folder not in map(Path, ("/tmp", "/var/tmp", os.environ.get("TMPDIR", "/tmp"))):
            return None  # Python's last resort; nobody wants a cache among his own files
        for found in sorted(folder.glob(f"{PREFIX}*")):
            status = found.lstat()
            if is_ours_alone(status) and stat.S_ISDIR(status.st_mode):
                return Place(found)
        return Place(Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))) if make else None
    except OSError:
        return None
