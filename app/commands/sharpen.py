"""``sharpear sharpen``: audio in, from files, folders, URLs or a pipe; sharpened spectrograms out."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .common import names, not_empty, refuse
from .completion import frame_formats, several_of
from .options import (
    DASH,
    FOR_STREAMS,
    InputOptions,
    InputsArgument,
    MonoOption,
    PictureOptions,
    RunOptions,
    SettingOptions,
)

if TYPE_CHECKING:
    from sharpear.runs.sharpening_task import Sharpening

    from .pipe import Stream


@dataclass(frozen=True)
class StreamOptions:
    """How frames go to stdout."""

    header: Annotated[
        str | None, typer.Option(help="To -: describe the axes once, as JSON on stderr (json) or into this file.")
    ] = None
    flush_ms: Annotated[
        float | None, typer.Option(min=0, help="To -: flush this often, ms; at every hop if not given.")
    ] = None
    top: Annotated[int | None, typer.Option(help="To -: only so many of a frame's strongest lines (jsonl, arrow).")] = (
        None
    )
    floor_db: Annotated[
        float | None, typer.Option(help="To -: only lines of at least this level, dB of full scale (jsonl, arrow).")
    ] = None

    def refuse(self) -> None:
        """None of it is given, as no frames go to stdout.

        Raises:
            UsageError: some is.
        """
        given = {"--header": self.header, "--flush-ms": self.flush_ms, "--top": self.top, "--floor-db": self.floor_db}
        refuse(given, FOR_STREAMS)

    def of(self, task: "Sharpening", format_: str, inputs: list[str], overwrite: bool) -> "Stream":
        """What writes the frames that `task` makes.

        Raises:
            UsageError: what was asked for does not fit together, or the file of --header exists already.
        """
        from sharpear.runs.streamed import sharpen_stream, write_header  # noqa: PLC0415
        from sharpear.sinks.harmless import check_apart  # noqa: PLC0415
        from sharpear.sinks.stream_base import Chosen  # noqa: PLC0415

        if self.header and self.header != "json":
            place = Path(self.header)
            check_apart([place], [Path(each) for each in inputs if each != DASH])
            if place.exists() and not overwrite:
                raise UsageError(f"--header {place}: exists already: --overwrite replaces it")
        header = partial(write_header, self.header) if self.header else None
        chosen = Chosen(self.top, self.floor_db)
        return partial(sharpen_stream, task=task, format_=format_, header=header, chosen=chosen)


def sharpen(
    inputs: InputsArgument,
    settings: SettingOptions,
    source: InputOptions,
    run: RunOptions,
    picture: PictureOptions,
    streamed: StreamOptions,
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            callback=not_empty,
            help="Output folder, or the output file itself for one input; - is stdout.",
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="Any of zarr,npz,parquet,png,svg,pdf (zarr if not given); one of jsonl,f32,npy,arrow to -.",
            autocompletion=several_of(frame_formats),
        ),
    ] = "",
    mono: MonoOption = False,
    exact: Annotated[bool, typer.Option("--exact", help="Never cut a long file into segments.")] = False,
) -> None:
    """Write the sharpened spectrogram of audio files, or of what comes through a pipe."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.runs.inputs import find_inputs  # noqa: PLC0415
    from sharpear.runs.plan import FRAMES_TEMPLATE, plan_frames  # noqa: PLC0415
    from sharpear.runs.sharpening_task import Sharpening  # noqa: PLC0415

    from .batch import Batch, backend_for, run_batch  # noqa: PLC0415
    from .pipe import Pipe, run_pipe  # noqa: PLC0415

    selection, formats = source.selection(mono), names(format_)
    style = picture.style([*formats, Path(out or "").suffix.removeprefix(".")])
    task = Sharpening(settings.config(pitch=bool(picture.pitch)), selection, style)
    raw = source.raw_format(DASH in inputs)
    template = run.output_template or FRAMES_TEMPLATE
    plan = partial(plan_frames, out=out, formats=formats, template=template)
    piped = DASH in (*inputs, out)
    to_stdout = _format_of_stdout(out, formats) if piped else None
    if not to_stdout:
        streamed.refuse()
    if piped:
        refuse({"--exact": exact}, "is for files, not for a pipe: leave it out")
        stream = streamed.of(task, to_stdout, inputs, run.overwrite) if to_stdout else None
        run_pipe(Pipe(task, inputs, plan, stream, run, raw, flush_s=(streamed.flush_ms or 0.0) / 1e3))
    else:
        backend = backend_for(run)
        planned = plan(find_inputs(inputs, run.recursive, out))
        run_batch(Batch(task, planned, run, backend, cuts=not exact))


def _format_of_stdout(out: str | None, formats: list[str]) -> str | None:
    """The format of what goes to stdout; None where files are to be made of stdin.

    Raises:
        UsageError: there is no such format, or more than one is named.
    """
    from sharpear.sinks import SINKS, STREAM_FORMATS  # noqa: PLC0415

    if not (out == DASH or (out is None and not set(formats) & set(SINKS))):
        return None
    named = formats or ["jsonl"]
    if len(named) > 1 or named[0] not in STREAM_FORMATS:
        raise UsageError(f"-o -: expected one format of {', '.join(STREAM_FORMATS)}, received {','.join(named)}")
    return named[0]
