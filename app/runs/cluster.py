"""The same batch on the workers of a Dask cluster (extra `cluster`)."""

import queue
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharpear.errors import InputError, UsageError
from sharpear.interrupt import Interruption

from .jobs import Job, Result, Settings, run_job
from .places import is_url
from .task import Running
from .threads import Advance, Event

RETRIES = 2
"""Times that a job is tried again when a store is out of reach; a lost worker's jobs are redone beside that."""

AHEAD = 4
"""Jobs handed to the scheduler per thread: enough that none waits, and a stop finds little begun."""

CONNECT_S = 10
POLL_S = 0.2
TOPIC = "sharpear"
REPORT_EVERY_S = 0.5


def run_cluster(jobs: Sequence[Job], settings: Settings, address: str, interruption: Interruption) -> Iterator[Event]:
    """As `run_local`, on the workers of the scheduler at `address`.

    Paths must mean the same there as here; relative ones are of the folder that this runs in, wherever the workers run.

    Raises:
        UsageError: distributed is not installed.
        InputError: the scheduler does not answer.
    """
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError as error:
        raise UsageError("--scheduler needs Dask: pip install 'sharpear[cluster]'") from error
    try:
        client: Any = Client(address, timeout=CONNECT_S, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"{address}: no scheduler answers there ({error}): start one with `dask scheduler`") from error
    with client:
        yield from _run(client, jobs, settings, interruption)


def _run(client: Any, jobs: Sequence[Job], settings: Settings, interruption: Interruption) -> Iterator[Event]:
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    numbers: dict[str, int] = {}

    def receive(event: tuple[float, dict[str, Any]]) -> None:
        told = event[1]
        number = numbers.setdefault(told["worker"], len(numbers))
        arrived.put(Advance(number, told["source"], told["done_s"], told["total_s"]))

    def hand_out() -> bool:
        job = next(waiting, None)
        if job is None:
            return False
        future = client.submit(_on_worker, _from_anywhere(job), settings, retries=RETRIES, pure=False)
        running[future] = job
        future.add_done_callback(arrived.put)
        return True

    client.subscribe_topic(TOPIC, receive)
    waiting, running = iter(jobs), dict[Any, Job]()
    interruption.patient = True
    threads = sum(client.nthreads().values())
    while len(running) < AHEAD * max(1, threads) and hand_out():
        pass
    while running and not interruption.requested:
        try:
            event = arrived.get(timeout=POLL_S)
        except queue.Empty:
            continue
        if isinstance(event, Advance):
            yield event
        else:
            yield _result(event, running.pop(event))
            hand_out()
    client.cancel(list(running))


def _from_anywhere(job: Job) -> Job:
    source, *outputs = (place if is_url(place) else str(Path(place).absolute()) for place in (job.source, *job.outputs))
    return Job(source, tuple(outputs))


def _result(future: Any, job: Job) -> Result:
    if future.status == "finished":
        result: Result = future.result()
        return replace(result, job=job)
    error = future.exception() if future.status == "error" else "its worker was lost"
    return Result(job, "failed", f"{job.source}: {type(error).__name__}: {error}", exit_code=1)


def _on_worker(job: Job, settings: Settings) -> Result:
    """Runs on a worker, in one of its threads. OSError passes, so that the scheduler tries again."""
    from distributed import get_worker  # noqa: PLC0415

    worker = get_worker()
    reported_s = [-float("inf")]

    def progress(done_s: float, total_s: float | None) -> None:
        now_s = time.monotonic()
        if now_s - reported_s[0] > REPORT_EVERY_S:
            reported_s[0] = now_s
            told = {"worker": worker.address, "source": job.source, "done_s": done_s, "total_s": total_s}
            worker.log_event(TOPIC, told)

    return run_job(job, settings, Running(Interruption(), progress))
