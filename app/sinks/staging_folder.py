"""One private, locked folder in which outputs grow until they get their names."""

import errno
import json
import os
import platform
import secrets
import shutil
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from sharpear.system import FOLLOWING_NO_LINK, held_folder, lock, sync
from sharpear.version import __version__

PREFIX, SUFFIX = ".sharpear.", ".part"
MARK = "owner.json"
"""The file that says whose the folder is and what grows in it; it is locked as long as its owner lives."""
COMMIT = "publish.json"
"""The file that says that all is whole, and what it replaces: once it is there, outputs get their names even if their
owner is killed."""
REPLACED = ".replaced"
TRIES = 16


class StagingFolder:
    """One folder of outputs that grow, held through its descriptor: what is done in it follows no link.

    Args:
        path: of the folder itself, beside the outputs.
        mark: the open descriptor of its mark, which is locked.
        told: what the mark says.
    """

    def __init__(self, path: Path, mark: int, told: dict[str, Any]) -> None:
        self.path, self.parent = path, path.parent
        self.names: list[str] = told["outputs"]
        self.audio: bool = told["audio"]
        self._mark = mark

    @classmethod
    def make(cls, parent: Path, names: Sequence[str], audio: bool) -> "StagingFolder":
        """Make a new, locked folder in `parent`.

        Raises:
            OSError: it cannot be made.
        """
        for _ in range(TRIES):
            path = parent / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
            try:
                path.mkdir(mode=0o700)
                return cls._claimed(path, names, audio)
            except (FileExistsError, BlockingIOError, FileNotFoundError):
                if not parent.is_dir():
                    raise
        raise OSError(errno.ENOTSUP, "its folder takes no new files", str(parent))  # as /proc

    @classmethod
    def _claimed(cls, path: Path, names: Sequence[str], audio: bool) -> "StagingFolder":
        told = {
            "sharpear": __version__,
            "folder": path.name,
            "outputs": list(names),
            "audio": audio,
            "host": platform.node(),
            "pid": os.getpid(),
        }
        try:
            mark = os.open(path / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL | FOLLOWING_NO_LINK, 0o600)
        except OSError:
            with suppress(OSError):
                path.rmdir()
            raise
        folder = cls(path, mark, told)
        try:
            lock(mark)
            _write(mark, told)
            for n in range(len(names)):
                (path / str(n)).mkdir()
        except BaseException:
            folder.remove()
            raise
        return folder

    def place(self, n: int) -> Path:
        """The path at which the n-th output grows."""
        return self.path / str(n) / self.names[n]

    def holds_something(self) -> bool:
        """Whether an output has begun to grow."""
        return any(self.place(n).exists() for n in range(len(self.names)))

    def publish(self) -> None:
        """Bring the outputs to the disk and rename them.

        The intention is written down first where more than one step is needed, so that `complete` finishes what a
        killed owner has begun.

        Raises:
            OSError: of what cannot be done. Audio is renamed even where the disk does not confirm what was written.
        """
        with suppress(OSError) if self.audio else nullcontext():
            for n in range(len(self.names)):
                _sync_tree(self.place(n))
        replaced = [_identity(self.parent / name) for name in self.names]
        if len(self.names) > 1 or any(self.place(n).is_dir() for n in range(len(self.names))):
            with suppress(OSError):  # a disk that is full has no room for it: it only helps against being killed here
                _write_new(self.path / COMMIT, {"replaces": replaced})
        for n in range(len(self.names)):
            self._rename(n, self.parent / self.names[n])
        with suppress(OSError) if self.audio else nullcontext():
            sync(self.parent)

    def _rename(self, n: int, target: Path) -> None:
        """Give the n-th output its name; a folder cannot replace anything, so what is there makes room first."""
        place = self.place(n)
        aside = place.with_name(REPLACED)
        if target.is_dir() or (place.is_dir() and os.path.lexists(target)):
            target.rename(aside)
        try:
            place.replace(target)
        except OSError:
            self._give_back()
            raise

    def complete(self) -> list[int]:
        """Publish what a dead owner had declared whole; return those whose names meanwhile belong to something else.

        Raises:
            OSError: it cannot be published.
        """
        try:
            replaces = json.loads((self.path / COMMIT).read_bytes())["replaces"]
        except (OSError, ValueError, KeyError, TypeError):
            return list(range(len(self.names)))
        refused = []
        for n, name in enumerate(self.names):
            target = self.parent / name
            if not self.place(n).exists():
                continue
            if os.path.lexists(target) and _identity(target) != replaces[n]:
                refused.append(n)
            else:
                self._rename(n, target)
        return refused

    def leave(self) -> None:
        """Let go of the folder, and leave what is in it."""
        if self._mark >= 0:
            os.close(self._mark)
            self._mark = -1

    def remove(self) -> None:
        """Remove the folder and what is in it, its mark last: who is killed meanwhile leaves what can be told again."""
        if self._mark < 0:
            return
        if not self._give_back():
            self.leave()
            return
        with suppress(OSError):
            if shutil.rmtree.avoids_symlink_attacks:
                self._empty()
                os.rmdir(self.path)
            else:
                self.leave()
                shutil.rmtree(self.path)
        self.leave()

    def _give_back(self) -> bool:
        """Return what made room for an output that never came; False where that cannot be, and all must stay."""
        for n, name in enumerate(self.names):
            aside, target = self.place(n).with_name(REPLACED), self.parent / name
            if os.path.lexists(aside) and not os.path.lexists(target):
                try:
                    aside.rename(target)
                except OSError:
                    return False
        return True

    def _empty(self) -> None:
        folder = held_folder(self.path)
        try:
            if not _is_same(folder, self._mark):
                return
            for entry in os.listdir(folder):
                if entry == MARK:
                    continue
                try:
                    os.unlink(entry, dir_fd=folder)
                except (IsADirectoryError, PermissionError):
                    shutil.rmtree(entry, ignore_errors=True, dir_fd=folder)
            if os.listdir(folder) == [MARK]:  # without its mark nobody would know what else is there for ours
                os.unlink(MARK, dir_fd=folder)
        finally:
            os.close(folder)


def _is_same(folder: int, mark: int) -> bool:
    """Whether the open `mark` is the one that lies in the open `folder`."""
    with suppress(OSError):
        return os.path.samestat(os.stat(MARK, dir_fd=folder, follow_symlinks=False), os.fstat(mark))
    return False


def _identity(path: Path) -> list[int] | None:
    """What changes when something else gets this name; None where nothing has it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return [found.st_dev, found.st_ino, found.st_mtime_ns]


def _write(descriptor: int, told: dict[str, Any]) -> None:
    data = json.dumps(told).encode()
    if os.write(descriptor, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def _write_new(path: Path, told: dict[str, Any]) -> None:
    """A file that is there whole or not at all."""
    growing = path.with_name(f"{path.name}.new")
    descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write(descriptor, told)
    finally:
        os.close(descriptor)
    growing.rename(path)


def _sync_tree(path: Path) -> None:
    """Bring a file, or a folder and all in it, to the disk."""
    if path.is_dir():
        for folder, _, files in os.walk(path):
            for name in files:
                sync(Path(folder, name))
            sync(Path(folder))
    else:
        sync(path)
