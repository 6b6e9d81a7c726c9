"""What becomes of outputs whose owner was killed: sound is published as recovered, what was whole gets its name."""

import errno
import itertools
import json
import os
import platform
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sharpear.system import FOLLOWING_NO_LINK, held_folder, is_ours, is_ours_alone, lock

from .sound import salvage
from .staging_folder import MARK, PREFIX, SUFFIX, StagingFolder

NAME = re.compile(rf"{re.escape(PREFIX)}[0-9a-f]{{16}}{re.escape(SUFFIX)}")
LARGEST_MARK_BYTES = 1 << 20
YOUNG_S = 2.0
"""An empty folder this young may be about to get its mark."""


@dataclass(frozen=True)
class Tidied:
    """What was published, recovered or removed in a folder.

    lines: what was recovered or published, a line for each.  alive: folders of outputs that are still being written.
    """

    lines: tuple[str, ...] = ()
    alive: int = 0


def tidy(folder: Path) -> Tidied:
    """Publish or remove what owners that were killed left in `folder`.

    A folder is touched only if its name, its owner, its permissions and the mark in it prove that sharpear made it for
    this user, and if nobody holds the mark's lock; nothing is followed through a link. Sound is never removed: it is
    published as ``take.recovered.wav``. Outputs that were whole already get their names. Everything else was
    unfinished, can be made again, and goes.
    """
    lines: list[str] = []
    alive = 0
    with suppress(OSError):
        for path in sorted(Path(entry.path) for entry in os.scandir(folder) if NAME.fullmatch(entry.name)):
            try:
                with _without_owner(path) as left:
                    if left is not None:
                        lines += _settle(left)
            except BlockingIOError:
                alive += 1
            except OSError as error:
                lines.append(f"{path}: an interrupted run's outputs are left there ({error.strerror})")
    return Tidied(tuple(lines), alive)


@contextmanager
def _without_owner(path: Path) -> Iterator[StagingFolder | None]:
    """The folder at `path`, if it is ours and its owner is dead; it is locked meanwhile.

    Raises:
        BlockingIOError: its owner lives.
    """
    try:
        descriptor = held_folder(path)
    except FileNotFoundError:  # its owner has ended meanwhile
        yield None
        return
    mark = -1
    try:
        found = os.fstat(descriptor)
        if not is_ours_alone(found):
            yield None
            return
        try:
            mark = _opened_mark(descriptor)
        except FileNotFoundError:
            _remove_empty(path, descriptor, found.st_mtime)
            yield None
            return
        locked = lock(mark)
        told = _told(path, descriptor, mark)
        if told and not locked and _may_live(told):
            raise BlockingIOError
        yield None if told is None else StagingFolder(path, os.dup(mark), told)
    finally:
        os.close(descriptor)
        if mark >= 0:
            os.close(mark)


def _opened_mark(folder: int) -> int:
    """The mark as locks may need it, for writing; where nothing can be written, for reading."""
    try:
        return os.open(MARK, os.O_RDWR | FOLLOWING_NO_LINK, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(MARK, os.O_RDONLY | FOLLOWING_NO_LINK, dir_fd=folder)


def _may_live(told: dict[str, Any]) -> bool:
    """Whether an owner that no lock could be held for may live: one on another host always may."""
    if told.get("host") != platform.node() or not isinstance(told.get("pid"), int):
        return True
    try:
        os.kill(told["pid"], 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove_empty(path: Path, descriptor: int, made_s: float) -> None:
    """A folder that was made, and whose owner was killed before it had a mark."""
    if not os.listdir(descriptor) and time.time() - made_s > YOUNG_S:
        with suppress(OSError):
            os.rmdir(path)


def _told(path: Path, folder: int, mark: int) -> dict[str, Any] | None:
    """What the mark says, if it is one; a mark that is still empty belongs to a folder in which nothing has begun."""
    found = os.fstat(mark)
    if not stat.S_ISREG(found.st_mode) or not is_ours(found) or found.st_nlink != 1:
        return None
    if not found.st_size and os.listdir(folder) == [MARK]:
        return {"outputs": [], "audio": False}
    try:
        told = json.loads(os.pread(mark, LARGEST_MARK_BYTES, 0))
        names = told["outputs"]
        plain = all(isinstance(name, str) and Path(name).name == name for name in names)
        return told if plain and told["folder"] == path.name and isinstance(told["audio"], bool) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _settle(left: StagingFolder) -> list[str]:
    """Publish what is whole, recover what is sound, and remove the rest; what was recovered, a line each."""
    try:
        lines = []
        waiting = left.complete()
        if left.audio:
            for n in waiting:
                lines += _recover(left.place(n), left.parent / left.names[n])
        left.remove()
        return lines
    finally:
        left.leave()


def _recover(place: Path, target: Path) -> list[str]:
    if not place.is_file() or place.is_symlink():
        return []
    length_s = salvage(place)
    if length_s is None:
        return []
    recovered = _publish_beside(place, target)
    return [f"{recovered}: {length_s:.1f} s, recovered from {target.name}, which was cut off while it was written"]


def _publish_beside(place: Path, target: Path) -> Path:
    """Give `place` the first free name after ``take.recovered.wav``."""
    for n in itertools.count(1):
        recovered = target.with_name(f"{target.stem}.recovered{f'-{n}' if n > 1 else ''}{target.suffix}")
        try:
            os.link(place, recovered)
        except FileExistsError:
            continue
        except OSError:  # a file system without hard links
            if os.path.lexists(recovered):
                continue
            place.rename(recovered)
        return recovered
    raise AssertionError("itertools.count ends")
