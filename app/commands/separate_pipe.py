"""``sharpear separate`` with - as its input or output."""

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from sharpear.audio import AudioFile, AudioPipe, AudioSource, Feed, RawFormat, Selection
from sharpear.errors import UsageError
from sharpear.interrupt import Interruption
from sharpear.separation.run import Separated, separate_to_files, separate_to_stream
from sharpear.separation.shares import ShareFactory
from sharpear.separation.stem_files import StemFormat, plan_stems
from sharpear.separation.stem_stream import StemStream
from sharpear.sinks.outlet import Outlet

from .common import EXIT_SOME_FAILED, FOR_STREAMS, outputs_made, refuse, say

STDIN, STDOUT = 0, 1
PIPE = Path("-")


@dataclass(frozen=True)
class StemRequest:
    """What was asked for: `available` stems, those for files, and the one for stdout."""

    inputs: list[Path]
    out: Path
    sources: ShareFactory
    available: list[str]
    stems: list[str]
    stem: str | None
    form: StemFormat
    raw: RawFormat | None
    raw_out: bool
    quiet: bool
    overwrite: bool


def separate_pipe(request: StemRequest, selection: Selection) -> None:
    """From stdin or a file to stdout or files.

    Raises:
        UsageError: what was asked for does not fit a pipe.
    """
    if len(request.inputs) > 1:
        raise UsageError(f"- is one stream: expected one input, received {len(request.inputs)}")
    source, to_stdout = request.inputs[0], request.out == PIPE
    if to_stdout != (request.stem is not None):
        given = f"--stem {request.stem} without -o -" if request.stem else "-o - without --stem"
        raise UsageError(f"stdout takes one stem: expected -o - with --stem, received {given}")
    if not to_stdout:
        refuse({"--raw-out": request.raw_out}, FOR_STREAMS)
    elif request.stem not in request.available:
        raise UsageError(f"--stem: unknown stem {request.stem!r}: expected {', '.join(request.available)}")
    try:
        outcome = _run(request, selection)
    except KeyboardInterrupt as error:
        say(f"{source}: interrupted: nothing was written")
        raise typer.Exit(EXIT_SOME_FAILED) from error
    if outcome.replaced_samples:
        say(f"{outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    if not outcome.complete:
        say(f"interrupted after {outcome.audio_s:.1f} s: what is written holds that much")
        raise typer.Exit(EXIT_SOME_FAILED)
    if not (to_stdout or request.quiet):
        say(f"stdin: {outcome.audio_s:.1f} s → {', '.join(request.stems)} in {request.out}")


def _run(request: StemRequest, selection: Selection) -> Separated:
    source = request.inputs[0]
    with Interruption() as interruption, ExitStack() as held:
        stream = None
        if request.stem is not None:
            outlet = Outlet(STDOUT)
            stream = StemStream(outlet, request.form, request.raw_out)
            interruption.patient = True  # what has left is valid as it is
        audio: AudioSource
        if source == PIPE:
            pipe = AudioPipe(Feed(STDIN, lambda: interruption.requested), selection, request.raw)
            held.callback(pipe.close)
            audio = pipe
        else:
            audio = held.enter_context(AudioFile(source, selection))
        if stream and request.stem is not None:
            outcome = separate_to_stream(audio, request.stem, stream, request.sources, interruption)
            with suppress(OSError):
                outlet.close()
            return outcome
        (planned,) = plan_stems([Path("stdin")], request.out, request.stems, request.form, request.overwrite).values()
        outputs = dict(zip(request.stems, planned, strict=True))
        held.enter_context(outputs_made(planned))
        return separate_to_files(audio, outputs, request.sources, request.form, interruption)
