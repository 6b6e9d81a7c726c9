"""The process in which cases are tried, one after another: ``python -m fuzz.worker ORDERS ANSWERS FOLDER``.

ORDERS and ANSWERS are descriptors: lines of JSON in, lines of JSON out. What a case does to this process, a crash of a
C library among it, the conductor sees from outside.
"""

import ctypes
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from numba.core import event

from sharpear.errors import SharpearError

from .case import Case, Place, Target, WrongError, case_of
from .targets import open_target

SPARE_BYTES = 4 << 30
"""Address space that a case may take beyond what is taken when all is ready."""

PR_SET_PDEATHSIG = 1

LARGEST_FILE = 1 << 30


def main() -> None:
    """Take orders until they end."""
    orders, answers, folder = os.fdopen(int(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3])
    worker = Worker(orders, answers, folder)
    while line := orders.readline():
        worker.obey(json.loads(line))


class Worker:
    """Tries cases, and says before each which it is and after each what came of it."""

    def __init__(self, orders: TextIO, answers: int, folder: Path) -> None:
        self._orders, self._answers = orders, answers
        self._place = Place(folder / "case", folder / "out", folder / "err")
        for descriptor, path in ((1, self._place.out), (2, self._place.err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # no conductor, no worker
        faulthandler.enable((folder / "faults").open("w"))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        warnings.filterwarnings("error", category=RuntimeWarning, module=r"sharpear\..*")
        self._compiling = Compiling(self.tell)
        event.register("numba:compile", self._compiling)
        self._targets: dict[str, Target] = {}

    def tell(self, **told: Any) -> None:
        """One line to the conductor."""
        os.write(self._answers, json.dumps(told).encode() + b"\n")

    def obey(self, order: dict[str, Any]) -> None:
        """Try the cases of one order."""
        name, seed = order["target"], order["seed"]
        if name not in self._targets:
            self._targets[name] = open_target(name)
            self._targets[name].prepare()
            at_most = status("VmSize") + SPARE_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (at_most, resource.RLIM_INFINITY))
        ready = status("VmRSS")
        self.tell(ready=True)
        for number in range(order["first"], order["last"]):
            self._try(self._targets[name], name, seed, number, ready)
        self.tell(done=True, descriptors=len(os.listdir("/proc/self/fd")))

    def _try(self, target: Target, name: str, seed: int, number: int, ready: int) -> None:
        place = self._place
        case = case_of(target, name, seed, number)
        os.chdir("/")
        shutil.rmtree(place.folder, ignore_errors=True)
        place.folder.mkdir()
        case.lay_out(place.folder)
        os.chdir(place.folder)
        os.truncate(place.out, 0)
        os.truncate(place.err, 0)
        reset_peak()
        before, started_s = status("VmRSS"), time.monotonic()
        self.tell(at=number, told=case.told)
        self._compiling.spent_s = 0.0
        verdict, told = attempt(target, case, place)
        spent_s = time.monotonic() - started_s - self._compiling.spent_s
        grown = max(0, status("VmHWM") - before)
        self.tell(number=number, verdict=verdict, told=told, spent_s=spent_s, bytes=ready + grown)
        if verdict not in ("accepted", "refused"):
            self._orders.readline()  # the conductor keeps the folder


def attempt(target: Target, case: Case, place: Place) -> tuple[str, str]:
    """What comes of a case: (accepted, refused or the kind of the failure; its message or traceback)."""
    try:
        target.run(case, place)
    except SharpearError as error:
        told = str(error)
        verdict = "refused" if told and "\n" not in told else "message"
    except WrongError as error:
        verdict, told = "wrong", str(error)
    except BaseException:
        verdict, told = "traceback", traceback.format_exc()
    else:
        verdict, told = "accepted", ""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    heard = place.err.read_text(errors="replace")
    if verdict in ("accepted", "refused") and "Traceback (most recent call last)" in heard:
        verdict, told = "traceback", heard
    return verdict, told[-20000:]


class Compiling(event.Listener):
    """Says when Numba compiles, so that this is nobody's hang."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell
        self._depth, self._started_s = 0, 0.0
        self.spent_s = 0.0

    def on_start(self, event: Any) -> None:
        """It begins."""
        if not self._depth:
            self._started_s = time.monotonic()
        self._depth += 1
        self._tell(compiling=1)

    def on_end(self, event: Any) -> None:
        """It ends."""
        self._depth -= 1
        if not self._depth:
            self.spent_s += time.monotonic() - self._started_s
        self._tell(compiling=-1)


def status(field: str) -> int:
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def reset_peak() -> None:
    """Let the peak of the resident memory begin again from here."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
