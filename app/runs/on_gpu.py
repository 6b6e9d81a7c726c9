"""A batch on a GPU: files in packs, whose channels are streams side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sharpear.errors import SharpearError, UsageError
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption

from . import places
from .jobs import Job, Result, Settings, failed, interrupted, is_done
from .packs import Ended, Failed, Lane, PackAdvance, Packs
from .task import Outcome
from .threads import Advance, Event


def run_packed(jobs: Sequence[Job], settings: Settings, device: Backend, interruption: Interruption) -> Iterator[Event]:
    """Run `jobs` on a GPU, yielding how far they are and what became of each."""
    planned: list[Job] = []
    redone: dict[Job, tuple[str, ...]] = {}
    for job in jobs:
        try:
            done, redone[job] = is_done(job, settings)
            if done:
                yield Result(job, "skipped", "whole already")
                continue
            if any(places.is_url(place) for place in (job.source, *job.outputs)):
                raise UsageError(f"{job.source}: --device gpu takes local files: --device cpu takes URLs, too")
        except SharpearError as error:
            yield failed(job, error)
            continue
        planned.append(job)

    def lane_of(job: Job) -> Lane[Any]:
        outputs = [Path(output) for output in job.outputs]
        return settings.task.lane(Path(job.source), outputs, settings.keep_partial, settings.at_once > 1)

    packs = Packs(lane_of, lambda job: job.source, lambda lanes: settings.task.join(lanes, device), interruption)
    for event in packs.run(planned):
        if isinstance(event, PackAdvance):
            yield Advance(0, f"{event.files} files", event.done_s, event.total_s)
        elif isinstance(event, Failed):
            yield failed(event.item, event.failure, event.spent_s)
        else:
            yield replace(_result(event), redone=redone[event.item])


def _result(ended: Ended[Job]) -> Result:
    job, lane = ended.item, ended.lane
    outputs = tuple(map(Path, job.outputs))
    if lane.stopped and not lane.kept:
        return interrupted(job)
    samples = lane.done if lane.stopped else lane.audio.samples
    outcome = Outcome(outputs, samples / lane.audio.sample_rate, lane.replaced, complete=not lane.stopped)
    if lane.stopped:
        return replace(interrupted(job, outcome), spent_s=ended.spent_s)
    return Result(job, "done", "", outcome, ended.spent_s)
