"""Running a command's task in the middle of a pipe: - as its input or output."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer

from sharpear.audio import AudioFile, AudioPipe, AudioSource, Feed, RawFormat
from sharpear.errors import UsageError
from sharpear.interrupt import Interruption
from sharpear.runs import Found, Job, Outcome, Running, Task, check_free
from sharpear.sinks.outlet import Outlet

from .common import EXIT_SOME_FAILED, outputs_made, say, tell_remarks
from .options import DASH, RunOptions

STDIN, STDOUT = 0, 1

Stream = Callable[[AudioSource, Outlet, Interruption], Outcome]
"""Makes bytes for stdout of a source."""


@dataclass(frozen=True)
class Pipe:
    """What is to be run. plan: names the files that are made of stdin.  stream: what goes to stdout, if anything.

    kept: files that no output may replace.  flush_s: how long bytes for stdout may wait.
    """

    task: Task
    inputs: Sequence[str]
    plan: Callable[[list[Found]], list[Job]]
    stream: Stream | None
    options: RunOptions
    raw: RawFormat | None = None
    kept: Sequence[Path] = ()
    flush_s: float = 0.0


def run_pipe(pipe: Pipe) -> None:
    """From stdin or a file to stdout or files.

    Raises:
        UsageError: what was asked for does not fit a pipe.
    """
    pipe.options.refuse_in_pipe()
    if len(pipe.inputs) > 1:
        raise UsageError(f"- is one stream: expected one input, received {len(pipe.inputs)}")
    try:
        outcome = _run(pipe)
    except KeyboardInterrupt as error:
        say(f"{pipe.inputs[0]}: interrupted: nothing was written")
        raise typer.Exit(EXIT_SOME_FAILED) from error
    tell_remarks(outcome, pipe.options.quiet)
    if not outcome.complete:
        say(f"interrupted after {outcome.audio_s:.1f} s: what is written holds that much")
        raise typer.Exit(EXIT_SOME_FAILED)
    if outcome.outputs and not pipe.options.quiet:
        say(f"stdin: {outcome.summary} → {', '.join(map(str, outcome.outputs))}")


def _run(pipe: Pipe) -> Outcome:
    with Interruption() as interruption, ExitStack() as held:
        outlet = Outlet(STDOUT, pipe.flush_s)
        audio: AudioSource
        if pipe.inputs[0] == DASH:

            def idle() -> bool:
                if pipe.stream:
                    outlet.idle()
                return interruption.requested

            interruption.patient = True  # `idle` ends the waiting; inside libsndfile nothing may be raised
            stdin = AudioPipe(Feed(STDIN, idle), pipe.task.selection, pipe.raw)
            held.callback(stdin.close)
            audio = stdin
        else:
            audio = held.enter_context(AudioFile(Path(pipe.inputs[0]), pipe.task.selection))
        if pipe.stream:
            interruption.patient = True  # what has left is valid as it is
            return pipe.stream(audio, outlet, interruption)
        (job,) = pipe.plan([Found("stdin")])
        check_free([job], pipe.options.overwrite, pipe.kept)
        outputs = [Path(output) for output in job.outputs]
        held.enter_context(outputs_made(outputs))
        return pipe.task.make(audio, outputs, Running(interruption))
