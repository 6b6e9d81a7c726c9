"""What differs by system, and what happens where a system lacks it."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from test_imports import FILES, ROOT, imports

from sharpear import system

unix = pytest.mark.skipif(not system.HOLDS_FOLDERS, reason="folders cannot be held open here")


def test_no_other_module_asks_which_system_it_is_on() -> None:
    asking = {"fcntl", "resource", "msvcrt", "winreg", "pwd", "grp", "termios"}
    for file in FILES:
        if file.startswith("system/"):
            continue
        assert not {module for _, module in imports(file)} & asking, file
        text = (ROOT / file).read_text(encoding="utf-8")
        for word in ("sys.platform", "os.name", "platform.system", "geteuid", "O_DIRECTORY", "O_NOFOLLOW", "/dev/shm"):
            assert word not in text, f"{file}: {word}"


@unix
def test_a_lock_is_one_processs_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    path.touch()
    taking = f"import os; from sharpear import system; system.lock(os.open({str(path)!r}, os.O_RDWR))"
    with path.open("r+b") as file:
        assert system.lock(file.fileno())
        refused = subprocess.run([sys.executable, "-c", taking], capture_output=True, text=True, check=False)
        assert "BlockingIOError" in refused.stderr
    subprocess.run([sys.executable, "-c", taking], check=True)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_no_error(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLocks:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(*_: int) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(system, "fcntl", NoLocks)
    with (tmp_path / "mark").open("wb") as file:
        assert not system.lock(file.fileno())
    monkeypatch.setattr(system, "fcntl", None)
    with (tmp_path / "mark").open("wb") as file:
        assert not system.lock(file.fileno())


@unix
def test_a_folder_that_is_a_link_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(OSError):  # noqa: PT011  # ELOOP or ENOTDIR
        system.held_folder(tmp_path / "link")
    os.close(system.held_folder(tmp_path))


def test_where_folders_cannot_be_held_all_is_the_users_and_nothing_is_tidied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sharpear.sinks.recovery import tidy  # noqa: PLC0415
    from sharpear.sinks.staging_folder import StagingFolder  # noqa: PLC0415

    left = StagingFolder.make(tmp_path, ["take.wav"], audio=True)
    left.leave()
    monkeypatch.setattr(system, "HOLDS_FOLDERS", False)
    (line,) = tidy(tmp_path).lines
    assert "left there" in line
    assert left.path.exists()
    assert system.is_ours_alone(tmp_path.stat())
    assert system.only_written_by(tmp_path.stat())


@unix
def test_others_rights_are_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert system.is_ours_alone(tmp_path.stat())
    tmp_path.chmod(0o777)
    assert not system.is_ours_alone(tmp_path.stat())
    assert not system.only_written_by(tmp_path.stat())
    writable = tmp_path.stat()
    assert system.only_written_by(writable, others=writable)
    stranger = os.stat_result((stat.S_IFDIR | 0o755, 1, 1, 1, os.geteuid() + 7, 0, 0, 0, 0, 0))
    assert not system.is_ours(stranger)


def test_what_a_system_does_not_limit_or_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert system.free_bytes("/nowhere/at/all") is None
    assert system.free_bytes(os.sep) != 0
    monkeypatch.setattr(system, "resource", None)
    assert system.most_open_files() == 256


def test_signals_that_ask_for_an_end() -> None:
    assert {signal.SIGINT, signal.SIGTERM} <= set(system.END_SIGNALS)
    assert ("SIGHUP" in dir(signal)) == (len(system.END_SIGNALS) == 3)


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_hurrying_is_over_afterwards(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if platform == "linux" and sys.platform != "linux":
        pytest.skip("only Linux lets one thread run before others")
    monkeypatch.setattr(sys, "platform", platform)

    def rank() -> tuple[int, int] | None:
        if platform != "linux":
            return None
        thread = threading.get_native_id()
        return os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)

    before = rank()
    with system.hurried():
        pass
    assert rank() == before


def test_a_home_of_another_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert system.home() == tmp_path
    monkeypatch.setattr(system, "is_ours", lambda _: False)
    assert system.home() is None


def test_why_there_is_no_sound_is_told_by_what_the_system_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(system, "SOUND_CARDS", str(tmp_path))
    monkeypatch.setattr(system, "CONTAINERS", (str(tmp_path / "container"),))
    assert system.why_no_sound() == "Linux sees no sound card that records"
    (tmp_path / "container").touch()
    assert f"a container sees no sound card: start it with `--device {tmp_path}" in system.why_no_sound()
    (tmp_path / "pcmC0D0p").touch()
    assert "a container" in system.why_no_sound()
    (tmp_path / "pcmC0D0c").touch()
    assert system.why_no_sound() == ""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "join the group audio" in system.why_no_sound()
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert "the microphone in" in system.why_no_sound()


def test_importing_it_waits_for_no_compiler() -> None:
    told = "import sys, sharpear.system; print('numba' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("platform", "one"), [("linux", False), ("darwin", True), ("win32", True)])
def test_outputs_that_differ_in_case_are_two_where_names_are(
    platform: str, one: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert (system.name_key("out/A.npz") == system.name_key("out/./a.npz")) is one
