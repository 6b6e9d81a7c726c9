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
YOUNG_S = 10.0
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
        shutil.rmtree(self.path, ignore_errors=True)
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
                shutil.rmtree(left, ignore_errors=True)
                swept += 1
            continue
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _publish_replacement(left)
            shutil.rmtree(left, ignore_errors=True)
            swept += 1
        except OSError:
            continue  # its owner lives
        finally:
            os.close(lock)
    return swept


def _publish_replacement(left: Path) -> None:
    if (left / REPLACED).exists():
        for whole in left.iterdir():
            target = left.parent / whole.name
            if whole.name not in (LOCK, REPLACED) and not target.exists():
                whole.rename(target)
