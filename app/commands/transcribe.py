"""``sharpear transcribe``: audio in, from files, folders, URLs or a pipe; notes and the curves of voices out."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sharpear.errors import UsageError

from .common import names, not_empty
from .completion import note_formats, several_of
from .options import DASH, InputOptions, InputsArgument, RunOptions, SettingOptions


def transcribe(
    inputs: InputsArgument,
    settings: SettingOptions,
    source: InputOptions,
    run: RunOptions,
    out: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--out",
            callback=not_empty,
            help="Output folder; or notes.csv, f0.csv… of one input, several times; - is stdout.",
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="Any of notes.csv,notes.mid,notes.jsonl,f0.csv,notes.txt (Audacity),notes.TextGrid,f0.PitchTier "
            "(Praat),notes.svl,notes.sv.csv,f0.sv.csv (Sonic Visualiser),notes.jams,notes.parquet,f0.parquet "
            "(notes.csv if not given); one of them to -.",
            autocompletion=several_of(note_formats),
        ),
    ] = "",
    voices: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Follow so many voices at most; 1, as preset speech does, seeks one alone, and says how strong.",
        ),
    ] = None,
) -> None:
    """Write the notes of recordings, and the fundamental of each voice over time."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.pitch.note_files import NOTE_KINDS, format_of  # noqa: PLC0415
    from sharpear.pitch.transcription_task import Transcribing, plan_notes  # noqa: PLC0415
    from sharpear.runs.inputs import find_inputs  # noqa: PLC0415
    from sharpear.runs.plan import FRAMES_TEMPLATE, known  # noqa: PLC0415

    from .batch import Batch, backend_for, run_batch  # noqa: PLC0415
    from .pipe import Pipe, run_pipe  # noqa: PLC0415

    formats, outs = names(format_), out or []
    task = Transcribing(settings.config(pitch=True, also={"pitch.voices": voices}), source.selection())
    raw = source.raw_format(DASH in inputs)
    plan = partial(plan_notes, outs=outs, formats=formats, template=run.output_template or FRAMES_TEMPLATE)
    if DASH not in (*inputs, *outs):
        backend = backend_for(run, on_gpu=False)
        run_batch(Batch(task, plan(find_inputs(inputs, run.recursive, outs[0] if outs else None)), run, backend))
        return
    stream = None
    if DASH in outs or not (outs or formats):
        if len(outs) > 1 or len(formats) > 1:
            raise UsageError("-o -: expected one output of one format")
        (kind,) = known(formats, NOTE_KINDS) or ["notes.jsonl"]
        stream = partial(task.stream, format_=format_of(Path(kind)))
    run_pipe(Pipe(task, inputs, plan, stream, run, raw))
