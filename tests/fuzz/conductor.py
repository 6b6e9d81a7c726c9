"""Starts workers, watches over them, and counts what came of the cases.

A case passes where the program takes it or refuses it with a `SharpearError` of one line. It fails by

- traceback: any other exception, also one that a thread prints;
- message: a refusal that is empty or has several lines;
- wrong: what the target itself finds wrong with what came out;
- crash: the process ends by a signal;
- hang: more than 10 s, not counted what Numba compiles and what other programs take of the processor;
- memory: more than 500 MB resident, the process itself included;
- target: the target ends the process while it makes a case, which is its own fault.
"""

import json
import os
import queue
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_S = 10.0
MOST_BYTES = 500_000_000
FATAL_BYTES = 1_500_000_000
"""Beyond this a case is not waited for."""

PREPARING_S = 300.0
TICK_S = 0.1
BATCH = 500
"""Cases that a process tries before another takes its place."""

TESTS = Path(__file__).parents[1]
PASSED = ("accepted", "refused")


@dataclass(frozen=True)
class Failure:
    """What went wrong. signature: the same for what is probably the same fault."""

    target: str
    seed: int
    number: int
    kind: str
    made: str
    told: str

    @property
    def name(self) -> str:
        """What replays it."""
        return f"{self.target}:{self.seed}:{self.number}"

    @property
    def signature(self) -> str:
        """The kind, the last line of the traceback, and where in the program that was."""
        frames = re.findall(r'File "([^"]+)", line (\d+),? in (\w+)', self.told)
        ours = [
            f for f in frames if re.search(r"/(app|dsp|dynamics|gpu|sharpear)/", f[0]) and "/tests/fuzz/" not in f[0]
        ]
        ours = ours[:1] if self.kind in ("hang", "crash") else ours[-1:]
        where = " ".join(f"{Path(file).name}:{line} {function}" for file, line, function in ours)
        last = "" if self.kind in ("hang", "crash") else self.told.strip().rsplit("\n", 1)[-1]
        return f"{self.target} {self.kind} {where} {re.sub(r'[0-9]+', '#', last)[:80]}"


@dataclass
class Tally:
    """What came of the cases of one target."""

    verdicts: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0
    peak_bytes: int = 0
    descriptors: int = 0
    failures: list[Failure] = field(default_factory=list)

    def add(self, verdict: str, spent_s: float, peak_bytes: int) -> None:
        """Count one."""
        self.verdicts[verdict if verdict in PASSED else "failed"] += 1
        self.worst_s, self.peak_bytes = max(self.worst_s, spent_s), max(self.peak_bytes, peak_bytes)


Batch = tuple[str, int, int]
"""Target, first number, one beyond the last."""


class Conductor:
    """Runs batches of cases in `jobs` processes.

    Args:
        seed: of everything.
        saved: folder that failing inputs are kept in.
        jobs: processes at once.
        until_s: no batch is begun after this time of `time.monotonic`.
        told: receives a line for each failure of a new kind.
    """

    def __init__(
        self, seed: int, saved: Path, jobs: int = 1, until_s: float = float("inf"), told: Any = lambda line: None
    ) -> None:
        self._seed, self._saved, self._jobs, self._until_s, self._told = seed, saved, jobs, until_s, told
        self.tallies: dict[str, Tally] = {}
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def run(self, counts: dict[str, int], first: int = 0, batch: int = BATCH) -> dict[str, Tally]:
        """So many cases of each target, from number `first` on."""
        waiting: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        for target, count in counts.items():
            self.tallies[target] = Tally()
            for start in range(first, first + count, batch):
                waiting.put((target, start, min(first + count, start + batch)))
        with ThreadPoolExecutor(self._jobs) as pool:
            for serving in [pool.submit(self._serve, waiting) for _ in range(self._jobs)]:
                serving.result()
        return self.tallies

    def _serve(self, waiting: "queue.SimpleQueue[Batch]") -> None:
        process: Process | None = None
        while time.monotonic() < self._until_s:
            try:
                target, number, last = waiting.get_nowait()
            except queue.Empty:
                break
            while number < last and time.monotonic() < self._until_s:
                process = process or Process()
                number = self._advance(process, target, number, last)
                if process.tried >= BATCH or not process.alive:
                    process.end()
                    process = None
        if process:
            process.end()

    def _advance(self, process: "Process", target: str, number: int, last: int) -> int:
        """Try cases until the batch or the process ends; the number of the next."""
        tally = self.tallies[target]
        process.order({"target": target, "seed": self._seed, "first": number, "last": last})
        for answer in process.answers(self._until_s):
            if "descriptors" in answer:
                tally.descriptors = max(tally.descriptors, answer["descriptors"])
            if "number" not in answer:
                continue
            number = answer["number"] + 1
            kind = answer["verdict"]
            if kind in PASSED and answer["bytes"] > MOST_BYTES:
                kind, answer["told"] = "memory", f"{answer['bytes'] / 1e6:.0f} MB"
            with self._lock:
                tally.add(kind, answer["spent_s"], answer["bytes"])
                if kind not in PASSED:  # a worker with a failure waits, so that its folder is as it was
                    self._keep(
                        tally, process, Failure(target, self._seed, number - 1, kind, process.made, answer["told"])
                    )
            if answer["verdict"] not in PASSED:
                process.order({})
        if process.alive or not process.ended_by:
            return number
        if process.at < number:
            with self._lock:
                tally.add("target", 0.0, 0)
                self._keep(tally, process, Failure(target, self._seed, number, "target", "nothing", process.faults()))
            return last
        with self._lock:
            tally.add(process.ended_by, process.spent_s, process.peak_bytes)
            failure = Failure(target, self._seed, process.at, process.ended_by, process.made, process.faults())
            self._keep(tally, process, failure)
        return process.at + 1

    def _keep(self, tally: Tally, process: "Process", failure: Failure) -> None:
        tally.failures.append(failure)
        self._seen[failure.signature] += 1
        if self._seen[failure.signature] > 3:
            return
        folder = self._saved / failure.name.replace(":", "-")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(process.folder / "case", folder, symlinks=True, ignore_dangling_symlinks=True)
        (folder / "WHAT.txt").write_text(f"{failure.made}\n\n{failure.kind}\n\n{failure.told}\n", errors="replace")
        if self._seen[failure.signature] == 1:
            replay = f'make fuzz ARGS="--replay {failure.name}"'
            self._told(f"{failure.signature}\n    {failure.made}\n    kept in {folder}; again: {replay}")


class Process:
    """A worker, and what is known of it from outside."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sharpear-fuzz."))
        (self.folder / "tmp").mkdir()
        (self.folder / "case").mkdir()
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        words = [sys.executable, "-m", "fuzz.worker", str(orders), str(answers), str(self.folder)]
        paths = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            pass_fds=(orders, answers),
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": paths, "TMPDIR": str(self.folder / "tmp")},
        )
        os.close(orders)
        os.close(answers)
        self._held = b""
        self.alive, self._closed = True, False
        self.at, self.made, self.tried, self.ended_by = -1, "", 0, ""
        self.spent_s, self.peak_bytes = 0.0, 0

    def order(self, order: dict[str, Any]) -> None:
        """Give it work."""
        os.write(self._orders, json.dumps(order).encode() + b"\n")

    def answers(self, until_s: float) -> Iterator[dict[str, Any]]:
        """What it says of its cases, until it is done, dead or killed."""
        self.at = -1
        watch, compiling = Watch(self._process.pid, PREPARING_S), 0
        while True:
            for answer in self._read():
                compiling += answer.get("compiling", 0)
                if "at" in answer:
                    self.at, self.made = answer["at"], answer["told"]
                    self.tried += 1
                if "done" in answer:
                    yield answer
                    return
                watch = Watch(self._process.pid, PREPARING_S if compiling or "ready" in answer else LONGEST_S)
                yield answer
            if not self.alive:
                return
            cause = watch.complaint()
            self.spent_s, self.peak_bytes = watch.spent_s, watch.peak_bytes
            if cause:
                self._kill(cause)
            elif time.monotonic() > until_s + LONGEST_S:
                self.end()
                return

    def _read(self) -> list[dict[str, Any]]:
        if not select.select([self._answers], [], [], TICK_S)[0]:
            return []
        came = os.read(self._answers, 1 << 20)
        if not came:
            self.alive = False
            code = self._process.wait()
            self.ended_by = self.ended_by or ("crash" if code < 0 else "exit")
            return []
        *lines, self._held = (self._held + came).split(b"\n")
        return [json.loads(line) for line in lines]

    def _kill(self, cause: str) -> None:
        self.ended_by = cause
        os.kill(self._process.pid, signal.SIGABRT)  # faulthandler then says where it stands
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def faults(self) -> str:
        """The stacks of its threads when it ended, and what it said last."""
        paths = [self.folder / name for name in ("err", "faults")]
        parts = [path.read_text(errors="replace") for path in paths if path.exists()]
        return f"{self.ended_by} {signal_name(self._process.returncode)}\n" + "\n".join(parts)[-20000:]

    def end(self) -> None:
        """It, what it has started and its folder are gone afterwards."""
        if self._closed:
            return
        self._closed = True
        os.close(self._orders)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        os.close(self._answers)
        self.alive = False
        shutil.rmtree(self.folder, ignore_errors=True)


class Watch:
    """How long a process has been at something: its time on the processor, and that in which it waits for something.

    What it spends ready to run, while other programs have the processor, is not its own.
    """

    def __init__(self, pid: int, longest_s: float) -> None:
        self._pid, self._longest_s = pid, longest_s
        self._began_s = self._seen_s = time.monotonic()
        self._cpu_s: float | None = None
        self._asleep_s = self.spent_s = 0.0
        self.peak_bytes = 0

    def complaint(self) -> str:
        """The kind of failure; empty while all is well."""
        now_s = time.monotonic()
        if now_s - self._began_s < 3 * TICK_S:
            return ""
        try:
            cpu_s, states = usage(self._pid)
            resident = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return ""
        self._cpu_s = cpu_s if self._cpu_s is None else self._cpu_s
        if "R" not in states:
            self._asleep_s += now_s - self._seen_s
        self._seen_s = now_s
        self.spent_s = cpu_s - self._cpu_s + self._asleep_s
        self.peak_bytes = max(self.peak_bytes, resident)
        if resident > FATAL_BYTES:
            return "memory"
        return "hang" if self.spent_s > self._longest_s else ""


def usage(pid: int) -> tuple[float, set[str]]:
    """Seconds on the processor so far, and the states of the threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    states = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            states.add((task / "stat").read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), states


def signal_name(code: int | None) -> str:
    """SIGSEGV for −11."""
    return signal.Signals(-code).name if code and code < 0 else f"code {code}"


def table(tallies: dict[str, Tally]) -> str:
    """A line a target."""
    rows: list[Sequence[str]] = [("target", "inputs", "accepted", "refused", "failed", "worst", "peak", "descriptors")]
    for target, tally in tallies.items():
        count = tally.verdicts
        rows.append(
            (
                target, str(count.total()), str(count["accepted"]), str(count["refused"]), str(count["failed"]),
                f"{tally.worst_s:.2f} s", f"{tally.peak_bytes / 1e6:.0f} MB", str(tally.descriptors),
            )
        )  # fmt: skip
    return "\n".join(f"{row[0]:<14}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows)
