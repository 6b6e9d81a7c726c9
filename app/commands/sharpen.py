"""``sharpear sharpen``: files in, sharpened spectrograms out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import SharpearError

from .common import (
    EXIT_SOME_FAILED,
    OverwriteOption,
    PresetOption,
    QuietOption,
    SetOption,
    names,
    overrides,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from sharpear.audio import Selection
    from sharpear.config import Config


def sharpen(
    inputs: Annotated[list[Path], typer.Argument(help="Audio files (wav, flac, ogg, mp3, aiff…).")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Output folder, or the output file itself for one input.")
    ] = None,
    preset: PresetOption = "music",
    set_: SetOption = None,
    format_: Annotated[str, typer.Option("--format", help="Any of zarr,npz,png; zarr if not given.")] = "",
    start: Annotated[float, typer.Option(help="Begin here, s.")] = 0.0,
    duration: Annotated[float | None, typer.Option(help="Take this much, s.")] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")] = False,
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the sharpened spectrogram of audio files."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.config import load_config  # noqa: PLC0415
    from sharpear.files import check_free, plan_outputs  # noqa: PLC0415

    selection = Selection(start, duration, mono)
    config = load_config(preset, overrides(set_))
    planned = plan_outputs(inputs, out, names(format_))
    for path, outputs in planned.items():
        check_free(path, outputs, overwrite)
    failed = 0
    for path, outputs in planned.items():
        try:
            _sharpen_one(path, outputs, config, selection, quiet)
        except SharpearError as error:
            say(str(error))
            if len(planned) == 1:
                raise typer.Exit(error.exit_code) from error
            failed += 1
        except KeyboardInterrupt as error:
            say(f"{path}: interrupted: nothing was written")
            raise typer.Exit(EXIT_SOME_FAILED) from error
    if failed:
        say(f"{failed} of {len(planned)} inputs failed")
        raise typer.Exit(EXIT_SOME_FAILED)


def _sharpen_one(path: Path, outputs: list[Path], config: "Config", selection: "Selection", quiet: bool) -> None:
    from sharpear.files import sharpen_file  # noqa: PLC0415

    with progress_bar(path.name, quiet) as progress:
        outcome = sharpen_file(path, outputs, config, selection, progress)
    if outcome.replaced_samples:
        say(f"{path}: {outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    if not outcome.complete:
        say(f"{path}: interrupted after {outcome.audio_s:.1f} s: the outputs hold that much, marked incomplete")
        raise typer.Exit(EXIT_SOME_FAILED)
    if not quiet:
        say(f"{path}: {outcome.audio_s:.1f} s → {', '.join(map(str, outcome.outputs))}")
