"""``sharpear sharpen``: audio in, from files, folders, URLs or a pipe; sharpened spectrograms out."""

from pathlib import Path
from typing import Annotated

import typer

from .common import (
    FOR_STREAMS,
    DurationOption,
    EncodingOption,
    MonoOption,
    OverwriteOption,
    PresetOption,
    ProcessorOption,
    QuietOption,
    RawChannelsOption,
    RawOption,
    RawRateOption,
    SetOption,
    StartOption,
    names,
    overrides,
    raw_format,
    refuse,
    refuse_gpu_in_pipe,
)

TEMPLATE = "{stem}.{ext}"


def sharpen(
    inputs: Annotated[
        list[str], typer.Argument(help="Audio files, folders, globs or URLs; - is stdin (wav, flac, ogg, mp3, aiff…).")
    ],
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", help="Output folder, or the output file itself for one input; - is stdout."),
    ] = None,
    preset: PresetOption = "music",
    set_: SetOption = None,
    format_: Annotated[
        str, typer.Option("--format", help="Any of zarr,npz,png (zarr if not given); one of jsonl,f32,npy,arrow to -.")
    ] = "",
    start: StartOption = 0.0,
    duration: DurationOption = None,
    mono: MonoOption = False,
    raw: RawOption = False,
    rate: RawRateOption = None,
    channels: RawChannelsOption = None,
    encoding: EncodingOption = None,
    header: Annotated[
        str | None, typer.Option(help="To -: describe the axes once, as JSON on stderr (json) or into this file.")
    ] = None,
    flush_ms: Annotated[
        float | None, typer.Option(min=0, help="To -: flush this often, ms; at every hop if not given.")
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look below folders, too.")] = False,
    output_template: Annotated[str, typer.Option(help="Names of outputs, of {parent} {stem} {name} {ext}.")] = TEMPLATE,
    jobs: Annotated[int | None, typer.Option("-j", "--jobs", help="Files at once; all cores if not given.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Never cut a long file into segments.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave what is whole already: resumes a broken run.")
    ] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first input that fails.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write what became of each input here, as JSON.")] = None,
    device: ProcessorOption = "cpu",
    scheduler: Annotated[str | None, typer.Option(help="Run on a Dask cluster: tcp://host:8786.")] = None,
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the sharpened spectrogram of audio files, or of what comes through a pipe."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.config import load_config  # noqa: PLC0415

    from .sharpen_batch import BatchRequest, sharpen_batch  # noqa: PLC0415
    from .sharpen_pipe import PipeRequest, sharpen_pipe  # noqa: PLC0415

    selection = Selection(start, duration, mono)
    config = load_config(preset, overrides(set_))
    described = raw_format("-" in inputs, raw, rate, channels, encoding)
    if "-" in (*inputs, out):
        refuse_gpu_in_pipe(device)
        for_files = {
            "--recursive": recursive, "--output-template": output_template != TEMPLATE, "--jobs": jobs,
            "--exact": exact, "--skip-existing": skip_existing, "--fail-fast": fail_fast, "--report": report,
            "--scheduler": scheduler,
        }  # fmt: skip
        refuse(for_files, "is for files, not for a pipe: leave it out")
        pipe = PipeRequest(inputs, out, names(format_), described, header, flush_ms, quiet, overwrite)
        sharpen_pipe(pipe, config, selection)
    else:
        refuse({"--header": header, "--flush-ms": flush_ms}, FOR_STREAMS)
        batch = BatchRequest(
            inputs, out, names(format_), recursive, output_template, jobs, exact, overwrite, skip_existing, fail_fast,
            report, scheduler, quiet, device,
        )  # fmt: skip
        sharpen_batch(batch, config, selection)
