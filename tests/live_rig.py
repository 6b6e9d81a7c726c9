"""A sound system of one's own: a JACK server with the dummy driver, and virtual microphones."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
UP_S = 15.0


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


class SoundSystem:
    """A JACK server under a name of its own, and the clients that were started on it.

    PortAudio is a snapshot of its start: only processes that start after the server, with its `environment`, see it.
    """

    def __init__(self, rate: int = 48000, period: int = 256) -> None:
        self.rate, self.period = rate, period
        self.name = f"sharpear-{uuid.uuid4().hex[:8]}"
        self.environment = {
            "JACK_DEFAULT_SERVER": self.name,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
        }
        self._processes: list[subprocess.Popen[str]] = []
        self.start()

    def start(self) -> None:
        """Start the server, real-time scheduled where that is allowed."""
        for scheduling in (["-R", "-P70"], ["-r"]):
            words = ["jackd", *scheduling, "-n", self.name, "-d", "dummy", "-r", str(self.rate), "-p", str(self.period)]
            self.server = self._started(words)
            if wait_until(lambda: self._answers() or self.server.poll() is not None, UP_S) and self._answers():
                return
            self.server.kill()
            self.server.wait()
            # Servers that were killed keep their places in the registry, which has eight.
            if subprocess.run(["pgrep", "-x", "jackd"], capture_output=True, check=False).returncode == 1:
                Path("/dev/shm/jack-shm-registry").unlink(missing_ok=True)
        raise RuntimeError("the JACK server does not start")

    def _answers(self) -> bool:
        environment = {**os.environ, **self.environment}
        return subprocess.run(["jack_lsp"], env=environment, capture_output=True, check=False).returncode == 0

    def _started(self, words: list[str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            words,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def microphone(self, file: Path, name: str = "vmic", *options: str) -> "subprocess.Popen[str]":
        """A virtual microphone that is ready."""
        return self._ready([sys.executable, str(HERE / "virtual_microphone.py"), str(file), name, *options])

    def cable(self, name: str, delay: int) -> "subprocess.Popen[str]":
        """A loop-back cable that is ready: what is played to it is heard from it, `delay` samples later."""
        return self._ready([sys.executable, str(HERE / "virtual_cable.py"), name, str(delay)])

    def _ready(self, words: list[str]) -> "subprocess.Popen[str]":
        process = self._started(words)
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
        for left in Path("/dev/shm").glob(f"jack*{self.name}*"):  # by a server that was killed
            left.unlink(missing_ok=True)


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
