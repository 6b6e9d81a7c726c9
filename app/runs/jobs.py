"""One input of a batch, from where it is to where its outputs go; the same here and on a cluster's worker."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sharpear.audio import AudioFile
from sharpear.errors import InputError, SharpearError, printable
from sharpear.integrity import examine

from . import places
from .task import Outcome, Running, Task

Status = Literal["done", "skipped", "failed", "interrupted"]


NOTHING = Outcome((), 0.0, 0, complete=False)


@dataclass(frozen=True)
class Job:
    """An input and its outputs: paths or URLs."""

    source: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What holds for all jobs.

    task: what is made of each input.
    overwrite: replace outputs that exist.  skip_existing: leave whole outputs with these settings as they are.
    keep_partial: an interrupted job keeps what it has done, marked incomplete.
    at_once: how many stretches of a long file are worked on side by side; 1 leaves it whole.
    """

    task: Task
    overwrite: bool = False
    skip_existing: bool = False
    keep_partial: bool = False
    at_once: int = 1


@dataclass(frozen=True)
class Result:
    """What became of a job.

    message: what went wrong.  outcome: what was made, where something was.  spent_s: how long it took.
    redone: what was wrong with outputs that were there, and are made again.
    """

    job: Job
    status: Status
    message: str = ""
    outcome: Outcome = NOTHING
    spent_s: float = 0.0
    exit_code: int = 0
    redone: tuple[str, ...] = ()


def run_job(job: Job, settings: Settings, running: Running) -> Result:
    """Do it, and say how it went: whatever is wrong with this input or its outputs is in the result.

    Raises:
        OSError: a store behind a URL is out of reach, which may pass.
    """
    started_s = time.perf_counter()
    redone: tuple[str, ...] = ()
    running = replace(running, keep_partial=settings.keep_partial, at_once=settings.at_once)
    try:
        done, redone = is_done(job, settings)
        if done:
            return Result(job, "skipped", "whole already")
        outcome = _make(job, settings.task, running)
    except SharpearError as error:
        return failed(job, error, time.perf_counter() - started_s)
    except KeyboardInterrupt:
        return interrupted(job)
    except MemoryError:
        return Result(job, "failed", f"{job.source}: no memory left: run fewer at once with --jobs", exit_code=1)
    spent_s = time.perf_counter() - started_s
    if not outcome.complete:
        return replace(interrupted(job, outcome), spent_s=spent_s, redone=redone)
    return Result(job, "done", "", outcome, spent_s, redone=redone)


def failed(job: Job, error: SharpearError, spent_s: float = 0.0) -> Result:
    """The result of a job that has failed."""
    return Result(job, "failed", str(error), spent_s=spent_s, exit_code=error.exit_code)


def interrupted(job: Job, outcome: Outcome | None = None) -> Result:
    """The result of a job that was interrupted, and what of it was kept."""
    if outcome is None:
        return Result(job, "interrupted", f"{job.source}: interrupted: nothing was written", exit_code=1)
    held = f"after {outcome.audio_s:.1f} s: the outputs hold that much, marked incomplete"
    return Result(job, "interrupted", f"{job.source}: interrupted {held}", outcome, exit_code=1)


def is_done(job: Job, settings: Settings) -> tuple[bool, tuple[str, ...]]:
    """Whether all outputs are there, proven whole, and made with these settings; and which are not, and why.

    Notes have no place for a checksum or for settings: those that can be read from end to end count as whole.
    Behind URLs, where stores prove what they hold, files are counted, with their sizes, and their bulk is not read.

    Raises:
        InputError: one is there that is not of this input and these settings, and it may not be replaced.
    """
    if settings.overwrite or not settings.skip_existing:
        return False, ()
    made_of = printable(places.name_of(job.source)), settings.task.digest
    whole, wrong = 0, []
    for output in job.outputs:
        if not places.exists(output):
            continue
        found = examine(output, places.access(output), thorough=not places.is_url(output))
        told, instead = found.attributes, "--overwrite replaces it, -o chooses another place"
        if found.state == "foreign" or (told and (told.get("source"), told.get("config_hash")) != made_of):
            raise InputError(f"{output}: exists already, of another input or other settings: {instead}")
        if found.state == "changed":
            raise InputError(f"{output}: {found.told}: {instead}")
        if found.state == "whole" or (found.state == "readable" and not settings.task.seals):
            whole += 1
        else:
            wrong.append(f"{output}: {found.told}: made again")
    return whole == len(job.outputs), tuple(wrong)


def _make(job: Job, task: Task, running: Running) -> Outcome:
    with ExitStack() as held:
        folder = Path()
        if any(places.is_url(place) for place in (job.source, *job.outputs)):
            scratch = tempfile.TemporaryDirectory(prefix="sharpear.", ignore_cleanup_errors=True)
            folder = Path(held.enter_context(scratch))
        path, before = Path(job.source), ""
        if places.is_url(job.source):
            with places.reporting(job.source, "cannot be read"):
                before = places.version(job.source)
            path = places.download(job.source, folder)
        # A folder for each: outputs may have one name, in folders of their own.
        outputs = [
            folder / str(n) / places.name_of(output) if places.is_url(output) else Path(output)
            for n, output in enumerate(job.outputs)
        ]
        audio = held.enter_context(AudioFile(path, task.selection))
        outcome = task.make(audio, outputs, running)
        if before and before != places.version(job.source):
            raise InputError(f"{job.source}: has changed while it was read: run it again when it is finished")
        _put(outputs, job.outputs)
        return outcome


def _put(made: Sequence[Path], wanted: Sequence[str]) -> None:
    for path, place in zip(made, wanted, strict=True):
        if places.is_url(place):
            places.upload(path, place)


def output_folders(jobs: Sequence[Job]) -> set[Path]:
    """The local folders that outputs go to."""
    return {Path(output).parent for job in jobs for output in job.outputs if not places.is_url(output)}
