"""The temporary folders in which outputs grow, and what becomes of those that a killed run left behind."""

import os
import shutil
import tempfile
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # elsewhere than on Unix nothing is locked, and so nothing is swept
    fcntl = None  # type: ignore[assignment]

PREFIX, SUFFIX = ".sharpear.", ".part"
LOCK, REPLACED = "lock", "replaced"
YOUNG_S = 2.0
"""A folder without a lock file may be about to get it, for so long."""


class PartialFolder:
    """A temporary folder beside an output, locked for as long as its owner lives."""

    def __init__(self, beside: Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=SUFFIX, dir=beside))
        self._lock = -1
        try:
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT)
            if fcntl:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.remove()
            raise

    def remove(self) -> None:
        """Remove it and what is in it."""
        _remove(self.path)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep(folder: Path) -> int:
    """Remove the temporary folders in `folder` whose owners were killed; return their number.

    An output that was being replaced at that moment is whole already, and gets its name.
    """
    swept = 0
    for left in folder.glob(f"{PREFIX}*{SUFFIX}") if fcntl else ():
        try:
            lock = os.open(left / LOCK, os.O_RDWR)
        except FileNotFoundError:
            if time.time() - left.stat().st_mtime > YOUNG_S:
                _remove(left)
                swept += 1
            continue
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _publish_replacement(left)
            _remove(left)
            swept += 1
        except OSError:
            continue  # its owner lives
        finally:
            os.close(lock)
    return swept


def _remove(folder: Path) -> None:
    """The lock last: who is killed in the middle leaves what the next sweep knows."""
    for child in folder.glob("*"):
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child, ignore_errors=True)
        elif child.name != LOCK:
            child.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _publish_replacement(left: Path) -> None:
    if (left / REPLACED).exists():
        for whole in left.iterdir():
            target = left.parent / whole.name
            if whole.name not in (LOCK, REPLACED) and not target.exists():
                whole.rename(target)
