"""All in which systems differ, behind names that say what is wanted: no other module asks which system it is on.

Where a system lacks something, the name says what happens in its place. docs/systems.md says what has run where.
"""

import errno
import os
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
    import resource
except ImportError:  # elsewhere than on Unix
    fcntl = resource = None  # type: ignore[assignment]

HOLDS_FOLDERS = os.open in os.supports_dir_fd
"""Whether a folder can be held open and its files be reached through it, so that no exchange of it goes unnoticed."""

END_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Signals that ask for an end: beside Ctrl-C, a closed terminal or lost ssh connection (HUP), and a shutdown (TERM)."""

SHARED_MEMORY = "/dev/shm" if sys.platform == "linux" else ""
"""The memory's own file system; empty where the system has none."""

COPIES_ARE_SAFE = sys.platform == "linux"
"""Whether a process without threads can be copied (`os.fork`): on macOS libraries have threads and hold locks."""

SOUND_CARDS = "/dev/snd"
"""Where Linux has its sound cards."""

CONTAINERS = ("/.dockerenv", "/run/.containerenv")
"""Files that Docker and Podman put into their containers."""

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
FOLLOWING_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags of `os.open`: for a file that is no link; for one that may be a pipe, which would be waited for."""

PR_SET_PDEATHSIG = 1
"""The call of Linux's `prctl` by which a process names the signal that it gets when its parent ends."""

NICENESS = -11
REAL_TIME_PRIORITY = 10
"""Priority of the real-time thread, below that of JACK's own threads, which is 50 and more."""


def end_with_parent(parent: int) -> None:
    """Have this process, a copy of `parent`, killed when that ends, however it does: on Linux, where copies are."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415

        with suppress(AttributeError, OSError):  # a libc without it: it ends with its job then
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)


def lock(descriptor: int) -> bool:
    """Lock a file until it is closed; False where the file system, or the system, has no locks.

    Raises:
        BlockingIOError: another process has locked it.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def held_folder(path: str | Path) -> int:
    """A descriptor of a folder that is no link.

    Raises:
        OSError: it is a link, or no folder, or cannot be opened; ENOTSUP where folders cannot be held.
    """
    if not HOLDS_FOLDERS:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(path))
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)


def is_ours(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user; where owners are not known, all of a user's are his own."""
    return not HOLDS_FOLDERS or found.st_uid == os.geteuid()


def is_ours_alone(found: os.stat_result) -> bool:
    """Whether it belongs to this user, and nobody else may do anything with it."""
    return not HOLDS_FOLDERS or (is_ours(found) and not found.st_mode & 0o077)


def only_written_by(found: os.stat_result, others: os.stat_result | None = None) -> bool:
    """Whether nobody could have written to it but this user, root, and who may write to `others` anyway."""
    if not HOLDS_FOLDERS:
        return True
    owners, may_write = {os.geteuid(), 0}, found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others:
        owners.add(others.st_uid)
        may_write &= ~others.st_mode
    return found.st_uid in owners and not may_write


def sync(path: str | Path) -> None:
    """Bring a file or folder to the disk, where the file system can say so.

    Raises:
        OSError: it could not be written.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (PermissionError, IsADirectoryError):  # a folder that may be written to but not read; Windows' folders
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS, *NO_LOCKS):  # not every file system, and no pipe, has it
            raise
    finally:
        os.close(descriptor)


def name_key(path: str) -> str:
    """What is equal for names that the system's usual file systems take for one: "A.wav" is "a.wav" on macOS, Windows.

    >>> name_key("out/./A.wav") == name_key("out/A.wav")
    True
    """
    plain = os.path.normpath(path)
    return plain.casefold() if sys.platform in ("darwin", "win32") else plain


def home() -> Path | None:
    """The user's home; None where there is none, or it is another's, as under sudo."""
    path = Path.home() if os.name == "nt" else Path(os.path.expanduser("~"))
    with suppress(OSError):
        return path if path.is_absolute() and path.is_dir() and is_ours(path.stat()) else None
    return None


def user_cache(name: str) -> Path:
    """Where the system wants a program's cache to be."""
    from numba.misc import appdirs  # noqa: PLC0415  # signals and locks do not wait for the compiler

    folders: Any = appdirs.AppDirs
    return Path(folders(appname=name, appauthor=False).user_cache_dir)


def most_open_files() -> int | None:
    """How many files a process may have open; None where that is not limited, 256 where it cannot be known."""
    if resource is None:
        return 256
    most: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if most == resource.RLIM_INFINITY else most


def free_bytes(folder: str) -> int | None:
    """Room in a file system; None where there is no such folder, or the system does not say."""
    try:
        there = os.statvfs(folder)
    except (OSError, AttributeError):
        return None
    return there.f_bavail * there.f_frsize


def has_screen() -> bool:
    """Whether a browser would open before somebody's eyes."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def why_no_sound() -> str:
    """Why programs may see no microphone here, and what helps; empty where the system does not tell."""
    if sys.platform == "darwin":
        return "allow the terminal the microphone in System Settings, Privacy & Security"
    if sys.platform == "win32":
        return "allow programs the microphone in Settings, Privacy"
    if sys.platform != "linux":
        return ""
    cards = list(Path(SOUND_CARDS).glob("pcm*c"))
    if cards and not any(os.access(card, os.R_OK | os.W_OK) for card in cards):
        return (
            f"{SOUND_CARDS} may not be opened: join the group audio, `sudo usermod -aG audio $USER`, and log in again"
        )
    if not cards and any(os.path.exists(path) for path in CONTAINERS):
        return f"a container sees no sound card: start it with `--device {SOUND_CARDS} --group-add audio`"
    return "" if cards else "Linux sees no sound card that records"


@contextmanager
def hurried() -> Iterator[None]:
    """Let this thread run before browsers and compilers, where that is permitted: on Linux, to root and audio users.

    It becomes a real-time thread, as those of sound servers are, below them; where only that is permitted, a less nice
    one. Threads that it starts do not inherit this.
    """
    if sys.platform != "linux":
        yield
        return
    thread = threading.get_native_id()
    policy, parameter = os.sched_getscheduler(thread), os.sched_getparam(thread)
    niceness = os.getpriority(os.PRIO_PROCESS, thread)
    try:
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(REAL_TIME_PRIORITY))
    except OSError:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setscheduler(thread, policy, parameter)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
