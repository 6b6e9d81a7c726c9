"""Outputs on this machine: no link is followed inside a folder, and nothing but plain files is opened."""

import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from sharpear.system import WITHOUT_WAITING

from .finding import Access, DamageError

PASSED_OVER = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Names of files that file managers leave in any folder."""


def _opened(place: str) -> BinaryIO:
    # A pipe or device under the name of an output would be waited for without end.
    descriptor = os.open(place, os.O_RDONLY | WITHOUT_WAITING)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DamageError("is no plain file")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _files(folder: str) -> Iterator[tuple[str, int]]:
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(os.path.join(folder, below)) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif not entry.is_file(follow_symlinks=False):
                    raise DamageError(f"{path} is a link or no plain file")
                elif entry.name not in PASSED_OVER:
                    yield path, entry.stat(follow_symlinks=False).st_size


LOCAL = Access(_opened, _files, os.path.isdir)
