"""A batch on this machine: threads that take one job after another."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from sharpear.interrupt import Interruption
from sharpear.sharpening.cores import one_taken
from sharpear.sharpening.limits import descriptors_to_use

from .jobs import Job, Result, Settings, run_job
from .task import Running


@dataclass(frozen=True)
class Advance:
    """A worker has come so far with a file; total_s: None where that is not known."""

    worker: int
    source: str
    done_s: float
    total_s: float | None


Event = Advance | Result

OPEN_FILES = 5
"""Files that an output keeps open while it grows, at most: an npz's arrays and its mark."""


def run_local(jobs: Sequence[Job], settings: Settings, workers: int, interruption: Interruption) -> Iterator[Event]:
    """Run `jobs` in `workers` threads, yielding how far each is and what became of each.

    Kernels, compression and reading leave the interpreter free, so that threads scale as processes do; they start at
    once and share one design. An `interruption` stops what is running; what has not begun is not begun.
    """
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    waiting = iter(jobs)
    lock = threading.Lock()
    interruption.patient = True

    def work(worker: int) -> None:
        try:
            with one_taken() if worker else nullcontext():  # the first one's core is this thread's, which only waits
                take_jobs(worker)
        finally:
            events.put(None)

    def take_jobs(worker: int) -> None:
        while not interruption.requested:
            with lock:
                job = next(waiting, None)
            if job is None:
                break
            events.put(_guarded(job, worker))

    def _guarded(job: Job, worker: int) -> Result:
        def progress(done_s: float, total_s: float | None) -> None:
            events.put(Advance(worker, job.source, done_s, total_s))

        try:
            return run_job(job, settings, Running(interruption, progress))
        except Exception as error:
            return Result(job, "failed", f"{job.source}: {type(error).__name__}: {error}", exit_code=1)

    at_once = min(workers, len(jobs), _affordable(jobs))
    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(at_once)]
    for thread in threads:
        thread.start()
    working = len(threads)
    try:
        while working:
            event = events.get()
            if event is None:
                working -= 1
            else:
                yield event
    finally:
        interruption.requested = interruption.requested or working > 0
        for thread in threads:
            thread.join()


def _affordable(jobs: Sequence[Job]) -> int:
    """How many jobs may keep their input and outputs open at once: where few files may be, one after the other."""
    most = max((1 + OPEN_FILES * len(job.outputs) for job in jobs), default=1)
    return max(1, descriptors_to_use() // most)
