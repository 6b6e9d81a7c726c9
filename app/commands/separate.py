"""``sharpear separate``: audio in, from files, folders, URLs or a pipe; stems out."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .common import names, not_empty, refuse
from .completion import clips, one_of, several_of, stems, subtypes
from .options import DASH, FOR_STREAMS, InputOptions, InputsArgument, MonoOption, RunOptions
from .stem_options import StemOptions, choose_stems

if TYPE_CHECKING:
    from sharpear.separation.shares import ShareFactory
    from sharpear.separation.stem_files import StemFormat

    from .pipe import Stream

STEMS_TEMPLATE = "{track}/{stem}.{ext}"


@dataclass(frozen=True)
class WrittenOptions:
    """Which stems are written, and how their samples."""

    into: Annotated[
        str,
        typer.Option(
            help="Write only these stems: any of tonal,transient,residual; all of them if not given.",
            autocompletion=several_of(stems),
        ),
    ] = ""
    subtype: Annotated[
        str, typer.Option(help="Write samples as float32, pcm24 or pcm16.", autocompletion=one_of(subtypes))
    ] = "float32"
    clip: Annotated[
        str,
        typer.Option(
            help="What becomes of samples beyond full scale: none, clamp or rescale.", autocompletion=one_of(clips)
        ),
    ] = "none"
    raw_out: Annotated[
        bool, typer.Option("--raw-out", help="With -o -: samples without a header, of --subtype, little-endian.")
    ] = False


def separate(
    inputs: InputsArgument,
    told: StemOptions,
    written: WrittenOptions,
    source: InputOptions,
    run: RunOptions,
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", callback=not_empty, help="Folder of the stems; - writes the one of --solo to stdout."
        ),
    ] = None,
    mono: MonoOption = False,
) -> None:
    """Write stems that add up to the original."""
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.runs import Kind, find_inputs, plan_jobs  # noqa: PLC0415
    from sharpear.separation.separation_task import Separation  # noqa: PLC0415
    from sharpear.separation.stem_files import StemFormat  # noqa: PLC0415

    from .batch import Batch, backend_for, run_batch  # noqa: PLC0415
    from .pipe import Pipe, run_pipe  # noqa: PLC0415

    piped = DASH in (*inputs, out)
    raw = source.raw_format(DASH in inputs)
    backend = CPU if piped else backend_for(run)
    selection = source.selection(mono)
    if told.solo and written.into:
        raise UsageError(f"--solo {told.solo} is the one stem that is written: leave --into out")
    recording = inputs[0] if len(inputs) == 1 else None
    factory, available, described = told.apart(names(written.into), recording, selection, backend)
    _check_folder(out)
    alone = told.solo or (available[-1] if told.remove and not written.into else None)
    asked = [alone] if alone else names(written.into)
    wanted = choose_stems(asked, available, "--solo" if told.solo else "--into")
    form = StemFormat(written.subtype, written.clip)
    task = Separation(tuple(wanted), factory, form, selection, described)
    template = run.output_template or STEMS_TEMPLATE
    plan = partial(plan_jobs, out=out, kinds=[Kind("wav", each) for each in wanted], template=template)
    kept = [Path(each) for each in names(told.sources)]
    if out != DASH:
        refuse({"--raw-out": written.raw_out}, FOR_STREAMS)
    if piped:
        stream = _stream(wanted if alone else [], written.raw_out, factory, form) if out == DASH else None
        run_pipe(Pipe(task, inputs, plan, stream, run, raw, kept))
    else:
        run_batch(Batch(task, plan(find_inputs(inputs, run.recursive, out)), run, backend, kept=kept))


def _check_folder(out: str | None) -> None:
    """What stems go to is no file.

    Raises:
        UsageError: it has the name of one.
    """
    if out and out != DASH and Path(out).suffix in (".wav", ".flac") and not Path(out).is_dir():
        raise UsageError(
            f"-o {out}: stems go to a folder: expected the name of one, or --output-template for their names"
        )


def _stream(alone: list[str], raw_out: bool, factory: "ShareFactory", form: "StemFormat") -> "Stream":
    """What goes to stdout: the stem that is kept alone."""
    from sharpear.separation.separation_task import separate_stream  # noqa: PLC0415
    from sharpear.separation.stem_stream import StemStream  # noqa: PLC0415

    if not alone:
        raise UsageError("stdout takes one stem: expected -o - with --solo or --remove, received -o - alone")
    return partial(separate_stream, stem=alone[0], stream=StemStream(form, raw_out), sources=factory)
