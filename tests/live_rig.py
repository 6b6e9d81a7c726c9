"""A sound system of one's own: a JACK server with the dummy driver, and virtual microphones."""

import fcntl
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")
"""Where JACK keeps what its servers and clients share, for the whole machine."""
HEAD, PLACES, PLACE_BYTES = struct.Struct("=4s12xI4x"), 8, 264
"""JACK's registry begins with a magic number, and the size of this head and the places; a place, with a process."""
NAMES = 6
UP_S = 15.0
FREE_S = 120.0


def missing() -> str:
    """Why there can be no such sound system here; empty if there can."""
    for program in ("jackd", "jack_lsp"):
        if not shutil.which(program):
            return f"{program} is not installed: apt-get install jackd2"
    try:
        import jack  # noqa: F401, PLC0415
        import sounddevice  # noqa: F401, PLC0415
    except (ImportError, OSError) as error:
        return f"{error}: apt-get install libportaudio2 jackd2, pip install JACK-Client"
    return ""


def taken_name() -> tuple[str, int]:
    """A server's name that is nobody else's on this machine, and the open lock that says so.

    JACK has places for eight servers. One that is killed keeps its own until a server of the same name starts, so
    that new names for every server would use them up: there are few, and they are used again. Its server holds the
    lock, too: a name is free when both have ended, however they did.
    """
    deadline = time.monotonic() + FREE_S
    while time.monotonic() < deadline:
        for number in range(NAMES):
            lock = os.open(MEMORY / f"sharpear-tests-{os.getuid()}-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            return f"sharpear-tests-{number}", lock
        time.sleep(0.1)
    raise RuntimeError(f"{NAMES} JACK servers of tests run, expected one to end in {FREE_S:g} s: pgrep -a jackd")


def free_places() -> None:
    """Free what servers of any name that were killed keep of JACK's places, which only their like would free."""
    with suppress(FileNotFoundError, PermissionError), (MEMORY / "jack-shm-registry").open("r+b", buffering=0) as file:
        head = file.read(HEAD.size)
        if len(head) < HEAD.size or HEAD.unpack(head) != (b"KCAJ", HEAD.size + PLACES * PLACE_BYTES):
            return  # of another version
        for number in range(PLACES):
            at = HEAD.size + number * PLACE_BYTES
            file.seek(at)
            pid = int.from_bytes(file.read(4), sys.byteorder)
            if pid and not Path(f"/proc/{pid}").exists():
                file.seek(at)
                file.write(bytes(PLACE_BYTES))


class SoundSystem:
    """A JACK server under a name that no other has, and the clients that were started on it.

    PortAudio is a snapshot of its start: only processes that start after the server, with its `environment`, see it.
    """

    def __init__(self, rate: int = 48000, period: int = 256) -> None:
        self.rate, self.period = rate, period
        self.name, self._lock = taken_name()
        self.environment = {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }
        self._processes: list[subprocess.Popen[str]] = []
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start the server, real-time scheduled where that is allowed."""
        told = ""
        for scheduling in (["-R", "-P70"], ["-r"], ["-r"]):
            self._remove_leftovers()
            free_places()
            words = ["jackd", *scheduling, "-n", self.name, "-d", "dummy", "-r", str(self.rate), "-p", str(self.period)]
            with tempfile.TemporaryFile("w+") as log:
                self.server = self._started(words, stdout=log, stderr=log, pass_fds=[self._lock])
                if wait_until(lambda: self._answers() or self.server.poll() is not None, UP_S) and self._answers():
                    return
                self.server.kill()
                self.server.wait()
                log.seek(0)
                told = " ".join(log.read().split())
        raise RuntimeError(f"the JACK server {self.name} does not start: {told or f'no answer in {UP_S:g} s'}")

    def _answers(self) -> bool:
        environment = {**os.environ, **self.environment}
        try:
            return subprocess.run(["jack_lsp"], env=environment, capture_output=True, timeout=5).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _started(self, words: list[str], **options: Any) -> "subprocess.Popen[str]":
        environment = {**os.environ, **self.environment}
        process = subprocess.Popen(words, env=environment, text=True, start_new_session=True, **options)
        self._processes.append(process)
        return process

    def _remove_leftovers(self) -> None:
        """What a server of this name that was killed left in memory."""
        for left in MEMORY.glob(f"jack*{self.name}*"):
            left.unlink(missing_ok=True)

    def microphone(self, file: Path, name: str = "vmic", *options: str) -> "subprocess.Popen[str]":
        """A virtual microphone that is ready."""
        return self._ready([sys.executable, str(HERE / "virtual_microphone.py"), str(file), name, *options])

    def cable(self, name: str, delay: int) -> "subprocess.Popen[str]":
        """A loop-back cable that is ready: what is played to it is heard from it, `delay` samples later."""
        return self._ready([sys.executable, str(HERE / "virtual_cable.py"), name, str(delay)])

    def _ready(self, words: list[str]) -> "subprocess.Popen[str]":
        process = self._started(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready"), words
        return process

    def close(self) -> None:
        """End everything that was started here."""
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        self._remove_leftovers()
        os.close(self._lock)


@contextmanager
def sound_system(rate: int = 48000, period: int = 256) -> Iterator[SoundSystem]:
    """One that ends with the block."""
    system = SoundSystem(rate, period)
    try:
        yield system
    finally:
        system.close()


def wait_until(holds: Callable[[], bool], timeout_s: float = 15.0) -> bool:
    """Whether it came to hold within the time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()
