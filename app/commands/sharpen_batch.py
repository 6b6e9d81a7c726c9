"""``sharpear sharpen`` over files, folders, globs and URLs."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import typer

from sharpear.audio import Selection
from sharpear.config import Config
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend
from sharpear.interrupt import Interruption
from sharpear.runs import Advance, Job, Result, Settings, check_free, find_inputs, plan_jobs, run_local, run_packed
from sharpear.runs.bars import Bars
from sharpear.runs.jobs import output_folders
from sharpear.runs.places import is_url
from sharpear.runs.report import print_table, write_report
from sharpear.sharpening.processor import backend_of
from sharpear.sinks.harmless import check_report

from .common import EXIT_SOME_FAILED, outputs_made, say, tidy_folders


@dataclass(frozen=True)
class BatchRequest:
    """What was asked for."""

    inputs: list[str]
    out: str | None
    formats: list[str]
    recursive: bool
    template: str
    jobs: int | None
    exact: bool
    overwrite: bool
    skip_existing: bool
    fail_fast: bool
    report: Path | None
    scheduler: str | None
    quiet: bool
    device: str = "cpu"


def sharpen_batch(request: BatchRequest, config: Config, selection: Selection) -> None:
    """Find, plan, run, report."""
    if request.jobs is not None and request.jobs < 1:
        raise UsageError(f"--jobs: expected at least 1, received {request.jobs}")
    backend = backend_of(request.device)
    if request.scheduler and backend is not CPU:
        raise UsageError(f"--scheduler: a cluster's workers run on CPUs, received --device {request.device}")
    found = find_inputs(request.inputs, request.recursive)
    planned = plan_jobs(found, request.out, request.formats, request.template)
    for job in planned:
        check_free(job, request.overwrite or request.skip_existing)
    outputs = [Path(output) for job in planned for output in job.outputs if not is_url(output)]
    if request.report:
        sources = [Path(job.source) for job in planned if not is_url(job.source)]
        check_report(request.report, outputs, sources, request.overwrite)
    workers = request.jobs or os.cpu_count() or 1
    # Whether a file is cut depends on the request alone, so that a resumed run gives what an unbroken one would.
    cut = workers if len(planned) < workers and not (request.exact or request.scheduler) else 1
    if backend is not CPU:
        workers, cut = 1, 1 if request.exact else 2
    settings = Settings(
        config, selection, request.overwrite, request.skip_existing, keep_partial=len(planned) == 1, cut=cut
    )
    started_s = time.perf_counter()
    with outputs_made([*outputs, *([request.report] if request.report else [])]):
        results = _run(planned, settings, workers if cut == 1 else 1, request, backend)
        tidy_folders(output_folders(planned))  # workers of a cluster that were killed
    _conclude(planned, results, settings, request, time.perf_counter() - started_s)


def _run(planned: list[Job], settings: Settings, workers: int, request: BatchRequest, backend: Backend) -> list[Result]:
    results: list[Result] = []
    with Interruption() as interruption, Bars(len(planned), workers, request.quiet) as bars:
        if request.scheduler:
            from sharpear.runs.cluster import run_cluster  # noqa: PLC0415 (Dask is an extra)

            events = run_cluster(planned, settings, request.scheduler, interruption)
        elif backend is not CPU:
            events = run_packed(planned, settings, backend, interruption)
        else:
            events = run_local(planned, settings, workers, interruption)
        for event in events:
            if isinstance(event, Advance):
                bars.advance(event)
                continue
            results.append(event)
            bars.finish(event)
            _tell(event, request.quiet)
            if event.status == "failed" and request.fail_fast:
                interruption.requested = True
    return results


def _tell(result: Result, quiet: bool) -> None:
    for line in result.redone:
        say(line)
    if result.replaced_samples:
        source, count = result.job.source, result.replaced_samples
        say(f"{source}: {count} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    if result.status in ("failed", "interrupted"):
        say(result.message)
    elif not quiet:
        told = "whole already" if result.status == "skipped" else f"{result.audio_s:.1f} s"
        say(f"{result.job.source}: {told} → {', '.join(result.job.outputs)}")


def _conclude(
    planned: list[Job], results: list[Result], settings: Settings, request: BatchRequest, elapsed_s: float
) -> None:
    begun = {result.job for result in results}
    not_begun = [job.source for job in planned if job not in begun]
    if request.report:
        write_report(request.report, results, settings, not_begun, elapsed_s)
    bad = [result for result in results if result.status in ("failed", "interrupted")]
    if len(planned) > 1 and not request.quiet:
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
