"""``sharpear sharpen`` with - as its input or output."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from sharpear.audio import AudioFile, AudioPipe, AudioSource, Feed, RawFormat, Selection
from sharpear.config import Config
from sharpear.errors import UsageError
from sharpear.interrupt import Interruption
from sharpear.runs import Found, check_free, plan_jobs
from sharpear.runs.files import Outcome, sharpen_audio
from sharpear.runs.pool import SharpenerPool
from sharpear.runs.streamed import sharpen_stream, write_header
from sharpear.sinks import SINKS, STREAM_FORMATS
from sharpear.sinks.harmless import check_apart
from sharpear.sinks.outlet import Outlet

from .common import EXIT_SOME_FAILED, FOR_STREAMS, outputs_made, refuse, say

STDIN, STDOUT = 0, 1


@dataclass(frozen=True)
class PipeRequest:
    """What was asked for."""

    inputs: list[str]
    out: str | None
    formats: list[str]
    raw: RawFormat | None
    header: str | None
    flush_ms: float | None
    quiet: bool
    overwrite: bool


def sharpen_pipe(request: PipeRequest, config: Config, selection: Selection) -> None:
    """From stdin or a file to stdout or files."""
    if len(request.inputs) > 1:
        raise UsageError(f"- is one stream: expected one input, received {len(request.inputs)}")
    source = request.inputs[0]
    to_stdout = request.out == "-" or (request.out is None and not set(request.formats) & set(SINKS))
    if not to_stdout:
        refuse({"--header": request.header, "--flush-ms": request.flush_ms}, FOR_STREAMS)
    if request.header and request.header != "json":
        header = Path(request.header)
        check_apart([header], [] if source == "-" else [Path(source)])
        if header.exists() and not request.overwrite:
            raise UsageError(f"--header {header}: exists already: --overwrite replaces it")
    try:
        outcome = _run(request, to_stdout, config, selection)
    except KeyboardInterrupt as error:
        say(f"{source}: interrupted: nothing was written")
        raise typer.Exit(EXIT_SOME_FAILED) from error
    _conclude(request, outcome)


def _run(request: PipeRequest, to_stdout: bool, config: Config, selection: Selection) -> Outcome:
    with Interruption() as interruption, ExitStack() as held:
        outlet = Outlet(STDOUT, (request.flush_ms or 0.0) / 1e3)
        audio: AudioSource
        if request.inputs[0] == "-":

            def idle() -> bool:
                if to_stdout:
                    outlet.idle()
                return interruption.requested

            interruption.patient = True  # `idle` ends the waiting; inside libsndfile nothing may be raised
            pipe = AudioPipe(Feed(STDIN, idle), selection, request.raw)
            held.callback(pipe.close)
            audio = pipe
        else:
            audio = held.enter_context(AudioFile(Path(request.inputs[0]), selection))
        if to_stdout:
            interruption.patient = True  # what has left is valid as it is
            return _to_stdout(request, audio, outlet, config, interruption)
        return _to_files(request, audio, config, interruption)


def _to_stdout(
    request: PipeRequest, audio: AudioSource, outlet: Outlet, config: Config, interruption: Interruption
) -> Outcome:
    formats = request.formats or ["jsonl"]
    if len(formats) > 1 or formats[0] not in STREAM_FORMATS:
        raise UsageError(f"-o -: expected one format of {', '.join(STREAM_FORMATS)}, received {','.join(formats)}")
    header = partial(write_header, request.header) if request.header else None
    return sharpen_stream(audio, outlet, formats[0], config, interruption, header)


def _to_files(request: PipeRequest, audio: AudioSource, config: Config, interruption: Interruption) -> Outcome:
    (job,) = plan_jobs([Found("stdin")], request.out, request.formats)
    check_free(job, request.overwrite)
    outputs = [Path(output) for output in job.outputs]
    with outputs_made(outputs):
        return sharpen_audio(audio, outputs, SharpenerPool(config), interruption)


def _conclude(request: PipeRequest, outcome: Outcome) -> None:
    if outcome.replaced_samples:
        say(f"{outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    if not outcome.complete:
        say(f"interrupted after {outcome.audio_s:.1f} s: what is written holds that much")
        raise typer.Exit(EXIT_SOME_FAILED)
    if outcome.outputs and not request.quiet:
        say(f"stdin: {outcome.audio_s:.1f} s → {', '.join(map(str, outcome.outputs))}")
