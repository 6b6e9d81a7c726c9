"""``sharpear sharpen``: audio in, from files, folders, URLs or a pipe; sharpened spectrograms out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .common import names, overrides, refuse
from .completion import frame_formats, several_of
from .options import (
    DASH,
    FOR_STREAMS,
    InputOptions,
    InputsArgument,
    MonoOption,
    PictureOptions,
    PresetOption,
    RunOptions,
    SetOption,
    TuningOptions,
)

if TYPE_CHECKING:
    from sharpear.runs.sharpening_task import Sharpening
    from sharpear.sinks.stream_base import Chosen

    from .pipe import Stream


def sharpen(
    inputs: InputsArgument,
    source: InputOptions,
    run: RunOptions,
    picture: PictureOptions,
    tuning: TuningOptions,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", help="Output folder, or the output file itself for one input; - is stdout."),
    ] = None,
    preset: PresetOption = "music",
    set_: SetOption = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="Any of zarr,npz,parquet,png,svg,pdf (zarr if not given); one of jsonl,f32,npy,arrow to -.",
            autocompletion=several_of(frame_formats),
        ),
    ] = "",
    mono: MonoOption = False,
    header: Annotated[
        str | None, typer.Option(help="To -: describe the axes once, as JSON on stderr (json) or into this file.")
    ] = None,
    flush_ms: Annotated[
        float | None, typer.Option(min=0, help="To -: flush this often, ms; at every hop if not given.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(help="To -: only so many of a frame's strongest lines (jsonl, arrow).")
    ] = None,
    floor_db: Annotated[
        float | None, typer.Option(help="To -: only lines of at least this level, dB of full scale (jsonl, arrow).")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Never cut a long file into segments.")] = False,
) -> None:
    """Write the sharpened spectrogram of audio files, or of what comes through a pipe."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.config import load_config  # noqa: PLC0415
    from sharpear.runs.inputs import find_inputs  # noqa: PLC0415
    from sharpear.runs.plan import FRAMES_TEMPLATE, plan_frames  # noqa: PLC0415
    from sharpear.runs.sharpening_task import Sharpening  # noqa: PLC0415
    from sharpear.sinks.stream_base import Chosen  # noqa: PLC0415

    from .batch import Batch, backend_for, run_batch  # noqa: PLC0415
    from .pipe import Pipe, run_pipe  # noqa: PLC0415

    selection, formats = source.selection(mono), names(format_)
    style = picture.style([*formats, Path(out or "").suffix.removeprefix(".")])
    task = Sharpening(load_config(preset, overrides(set_, tuning, pitch=bool(picture.pitch))), selection, style)
    raw = source.raw_format(DASH in inputs)
    template = run.output_template or FRAMES_TEMPLATE
    plan = partial(plan_frames, out=out, formats=formats, template=template)
    for_streams = {"--header": header, "--flush-ms": flush_ms, "--top": top, "--floor-db": floor_db}
    if DASH in (*inputs, out):
        refuse({"--exact": exact}, "is for files, not for a pipe: leave it out")
        stream = _stream(task, inputs, out, formats, header, Chosen(top, floor_db), run.overwrite)
        if stream is None:
            refuse(for_streams, FOR_STREAMS)
        run_pipe(Pipe(task, inputs, plan, stream, run, raw, flush_s=(flush_ms or 0.0) / 1e3))
    else:
        refuse(for_streams, FOR_STREAMS)
        backend = backend_for(run)
        planned = plan(find_inputs(inputs, run.recursive, out))
        run_batch(Batch(task, planned, run, backend, cuts=not exact))


def _stream(
    task: "Sharpening",
    inputs: list[str],
    out: str | None,
    formats: list[str],
    header: str | None,
    chosen: "Chosen",
    overwrite: bool,
) -> "Stream | None":
    """What goes to stdout; None where files are to be made of stdin."""
    from sharpear.runs.streamed import sharpen_stream, write_header  # noqa: PLC0415
    from sharpear.sinks import SINKS, STREAM_FORMATS  # noqa: PLC0415
    from sharpear.sinks.harmless import check_apart  # noqa: PLC0415

    if not (out == DASH or (out is None and not set(formats) & set(SINKS))):
        return None
    formats = formats or ["jsonl"]
    if len(formats) > 1 or formats[0] not in STREAM_FORMATS:
        raise UsageError(f"-o -: expected one format of {', '.join(STREAM_FORMATS)}, received {','.join(formats)}")
    if header and header != "json":
        place = Path(header)
        check_apart([place], [Path(each) for each in inputs if each != DASH])
        if place.exists() and not overwrite:
            raise UsageError(f"--header {place}: exists already: --overwrite replaces it")
    write = partial(write_header, header) if header else None
    return partial(sharpen_stream, task=task, format_=formats[0], header=write, chosen=chosen)
