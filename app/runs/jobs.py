"""One input of a batch, from where it is to where its outputs go; the same here and on a cluster's worker."""

import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sharpear.audio import AudioFile, Selection
from sharpear.config import Config
from sharpear.errors import InputError, SharpearError, printable
from sharpear.integrity import examine
from sharpear.interrupt import Interruption

from . import places
from .files import Outcome, Progress, config_hash, sharpen_audio
from .pool import SharpenerPool
from .segments import can_be_cut, sharpen_cut

Status = Literal["done", "skipped", "failed", "interrupted"]


@dataclass(frozen=True)
class Job:
    """An input and its outputs: paths or URLs."""

    source: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """What holds for all jobs.

    overwrite: replace outputs that exist.  skip_existing: leave whole outputs with these settings as they are.
    keep_partial: an interrupted job keeps what it has done, marked incomplete.
    cut: how many segments of a long file are worked on at once; 1 leaves it whole.
    """

    config: Config
    selection: Selection = field(default_factory=Selection)
    overwrite: bool = False
    skip_existing: bool = False
    keep_partial: bool = False
    cut: int = 1


@dataclass(frozen=True)
class Result:
    """What became of a job.

    replaced_samples: NaN, Inf and the like that were taken as silence.
    redone: what was wrong with outputs that were there, and are made again.
    """

    job: Job
    status: Status
    message: str = ""
    audio_s: float = 0.0
    spent_s: float = 0.0
    replaced_samples: int = 0
    exit_code: int = 0
    redone: tuple[str, ...] = ()


def run_job(
    job: Job,
    settings: Settings,
    sharpeners: SharpenerPool,
    interruption: Interruption,
    progress: Progress | None = None,
) -> Result:
    """Do it, and say how it went: whatever is wrong with this input or its outputs is in the result.

    Raises:
        OSError: a store behind a URL is out of reach, which may pass.
    """
    started_s = time.perf_counter()
    redone: tuple[str, ...] = ()
    try:
        done, redone = is_done(job, settings)
        if done:
            return Result(job, "skipped", "whole already")
        outcome = _sharpen(job, settings, sharpeners, interruption, progress)
    except SharpearError as error:
        return Result(job, "failed", str(error), spent_s=time.perf_counter() - started_s, exit_code=error.exit_code)
    except KeyboardInterrupt:
        return Result(job, "interrupted", f"{job.source}: interrupted: nothing was written", exit_code=1)
    except MemoryError:
        return Result(job, "failed", f"{job.source}: no memory left: run fewer at once with --jobs", exit_code=1)
    spent_s = time.perf_counter() - started_s
    status: Status = "done" if outcome.complete else "interrupted"
    message = (
        ""
        if outcome.complete
        else (f"{job.source}: interrupted after {outcome.audio_s:.1f} s: the outputs hold that much, marked incomplete")
    )
    return Result(
        job, status, message, outcome.audio_s, spent_s, outcome.replaced_samples, int(not outcome.complete), redone
    )


def is_done(job: Job, settings: Settings) -> tuple[bool, tuple[str, ...]]:
    """Whether all outputs are there, proven whole, and made with these settings; and which are not, and why.

    Behind URLs, where stores prove what they hold, files are counted, with their sizes, and their bulk is not read.

    Raises:
        InputError: one is there that is not of this input and these settings, and it may not be replaced.
    """
    if settings.overwrite or not settings.skip_existing:
        return False, ()
    name, made_with = places.name_of(job.source), config_hash(settings.config, settings.selection)
    whole, wrong = 0, []
    for output in job.outputs:
        if not places.exists(output):
            continue
        found = examine(output, places.access(output), thorough=not places.is_url(output))
        told, instead = found.attributes, "--overwrite replaces it, -o chooses another place"
        if found.state == "foreign" or (
            told and (told.get("source"), told.get("config_hash")) != (printable(name), made_with)
        ):
            raise InputError(f"{output}: exists already, of another input or other settings: {instead}")
        if found.state == "changed":
            raise InputError(f"{output}: {found.told}: {instead}")
        if found.state == "whole":
            whole += 1
        else:
            wrong.append(f"{output}: {found.told}: made again")
    return whole == len(job.outputs), tuple(wrong)


def _sharpen(
    job: Job, settings: Settings, sharpeners: SharpenerPool, interruption: Interruption, progress: Progress | None
) -> Outcome:
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
        outputs = [folder / places.name_of(out) if places.is_url(out) else Path(out) for out in job.outputs]
        audio = held.enter_context(AudioFile(path, settings.selection))
        if settings.cut > 1 and can_be_cut(audio):
            outcome = sharpen_cut(
                audio, outputs, sharpeners, interruption, progress, settings.keep_partial, settings.cut
            )
        else:
            outcome = sharpen_audio(audio, outputs, sharpeners, interruption, progress, settings.keep_partial)
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
