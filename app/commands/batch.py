"""Running a command's task over files, folders, globs and URLs."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import typer

from sharpear.compiler.ahead import give_up
from sharpear.compiler.helpers import standing_by
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend
from sharpear.interrupt import Interruption
from sharpear.runs import Advance, Job, Result, Settings, Task, check_free, run_local
from sharpear.runs.bars import Bars
from sharpear.runs.jobs import output_folders
from sharpear.runs.places import is_url
from sharpear.runs.report import as_json, print_table
from sharpear.runs.threads import Event
from sharpear.sharpening.cores import cores
from sharpear.sharpening.processor import backend_of
from sharpear.sinks import write_whole
from sharpear.sinks.harmless import check_report

from .common import EXIT_SOME_FAILED, outputs_made, say, tell_remarks, tidy_folders
from .options import RunOptions


@dataclass(frozen=True)
class Batch:
    """What is to be run. cuts: long files may be cut into stretches.  kept: files that no output may replace."""

    task: Task
    planned: Sequence[Job]
    options: RunOptions
    backend: Backend = CPU
    cuts: bool = False
    kept: Sequence[Path] = ()


def backend_for(options: RunOptions, on_gpu: bool = True) -> Backend:
    """Where a batch runs. on_gpu: the task can run on a GPU.

    Raises:
        UsageError: there is no such device, or a cluster is asked for, too.
    """
    if not on_gpu and options.device not in ("cpu", "auto"):
        raise UsageError(f"--device {options.device}: this command runs on the CPU: leave it out")
    backend = backend_of(options.device) if on_gpu else CPU
    if options.scheduler and backend is not CPU:
        raise UsageError(f"--scheduler: a cluster's workers run on CPUs, received --device {options.device}")
    return backend


def run_batch(batch: Batch) -> None:
    """Check, run, report."""
    planned, options, backend = batch.planned, batch.options, batch.backend
    if options.skip_existing and options.overwrite:
        raise UsageError("--skip-existing keeps what is whole, --overwrite replaces it: leave one of them out")
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs: expected at least 1, received {options.jobs}")
    check_free(planned, options.overwrite or options.skip_existing, batch.kept)
    outputs = [Path(output) for job in planned for output in job.outputs if not is_url(output)]
    if options.report:
        sources = [Path(job.source) for job in planned if not is_url(job.source)]
        check_report(options.report, outputs, sources, options.overwrite)
    workers = options.jobs or os.cpu_count() or 1
    # Whether a file is cut depends on the request alone, so that a resumed run gives what an unbroken one would.
    at_once = ceil(workers / max(1, len(planned))) if batch.cuts and not options.scheduler else 1
    if backend is not CPU:
        workers, at_once = 1, 2 if batch.cuts else 1
    settings = Settings(batch.task, options.overwrite, options.skip_existing, len(planned) == 1, at_once)
    started_s = time.perf_counter()
    with outputs_made([*outputs, *([options.report] if options.report else [])]):
        results = _run(batch, settings, min(workers, max(1, len(planned))))
        tidy_folders(output_folders(planned))  # workers of a cluster that were killed
    _conclude(batch, results, settings, time.perf_counter() - started_s)


def _run(batch: Batch, settings: Settings, workers: int) -> list[Result]:
    results: list[Result] = []
    options = batch.options
    with standing_by(cores()), Interruption() as interruption, Bars(len(batch.planned), workers, options.quiet) as bars:
        interruption.then = give_up
        for event in _events(batch, settings, workers, interruption):
            if isinstance(event, Advance):
                bars.advance(event)
                continue
            results.append(event)
            bars.finish(event)
            _tell(event, options.quiet)
            if event.status == "failed" and options.fail_fast:
                interruption.requested = True
    return results


def _events(batch: Batch, settings: Settings, workers: int, interruption: Interruption) -> Iterator[Event]:
    if batch.options.scheduler:
        from sharpear.runs.cluster import run_cluster  # noqa: PLC0415 (Dask is an extra)

        return run_cluster(batch.planned, settings, batch.options.scheduler, interruption)
    if batch.backend is not CPU:
        from sharpear.runs.on_gpu import run_packed  # noqa: PLC0415

        return run_packed(batch.planned, settings, batch.backend, interruption)
    return run_local(batch.planned, settings, workers, interruption)


def _tell(result: Result, quiet: bool) -> None:
    source, outcome = result.job.source, result.outcome
    for line in result.redone:
        say(line)
    tell_remarks(outcome, quiet, before=f"{source}: ")
    if result.status in ("failed", "interrupted"):
        say(result.message)
    elif not quiet:
        told = "whole already" if result.status == "skipped" else outcome.summary
        say(f"{source}: {told} → {', '.join(result.job.outputs)}")


def _conclude(batch: Batch, results: list[Result], settings: Settings, elapsed_s: float) -> None:
    planned, options = batch.planned, batch.options
    begun = {result.job for result in results}
    not_begun = [job.source for job in planned if job not in begun]
    if options.report or options.as_json:
        report = as_json(results, settings, not_begun, elapsed_s)
        if options.report:
            write_whole(options.report, f"{report}\n".encode(), "--report")
        if options.as_json:
            typer.echo(report)
    bad = [result for result in results if result.status in ("failed", "interrupted")]
    if len(planned) > 1 and not options.quiet:
        print_table(results, len(not_begun), elapsed_s)
    if len(planned) == 1 and bad:
        raise typer.Exit(bad[0].exit_code)
    failed = sum(result.status == "failed" for result in bad)
    if failed:
        say(f"{failed} of {len(planned)} inputs failed")
    if bad or not_begun:
        if len(bad) > failed or not_begun:
            unfinished = len(bad) - failed + len(not_begun)
            say(f"{unfinished} of {len(planned)} inputs were not finished: --skip-existing goes on")
        raise typer.Exit(EXIT_SOME_FAILED)
