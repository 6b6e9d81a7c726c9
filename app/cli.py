"""The command line. Logic lives elsewhere; this file turns words into calls and errors into exit codes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .errors import SharpearError, UsageError, printable
from .version import __version__

if TYPE_CHECKING:
    from .audio import Selection
    from .config import Config

app = typer.Typer(
    help="Real-time streaming audio super-resolution.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXIT_SOME_FAILED = 1


def _say(message: str) -> None:
    typer.echo(f"sharpear: {printable(message)}", err=True)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sharpear {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Real-time streaming audio super-resolution."""


@app.command()
def sharpen(
    inputs: Annotated[list[Path], typer.Argument(help="Audio files (wav, flac, ogg, mp3, aiff…).")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Output folder, or the output file itself for one input.")
    ] = None,
    preset: Annotated[str, typer.Option(help="A preset's name, or a TOML file.")] = "music",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: bank.low_hz=80.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="Any of zarr,npz,png; zarr if not given.")] = "",
    start: Annotated[float, typer.Option(help="Begin here, s.")] = 0.0,
    duration: Annotated[float | None, typer.Option(help="Take this much, s.")] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no report.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
) -> None:
    """Write the sharpened spectrogram of audio files."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from .audio import Selection  # noqa: PLC0415
    from .config import load_config  # noqa: PLC0415
    from .files import check_free, plan_outputs  # noqa: PLC0415

    selection = Selection(start, duration, mono)
    config = load_config(preset, _overrides(set_ or []))
    planned = plan_outputs(inputs, out, [name.strip() for name in format_.split(",") if name.strip()])
    for path, outputs in planned.items():
        check_free(path, outputs, overwrite)
    failed = 0
    for path, outputs in planned.items():
        try:
            _sharpen_one(path, outputs, config, selection, quiet)
        except SharpearError as error:
            _say(str(error))
            if len(planned) == 1:
                raise typer.Exit(error.exit_code) from error
            failed += 1
        except KeyboardInterrupt as error:
            _say(f"{path}: interrupted: nothing was written")
            raise typer.Exit(EXIT_SOME_FAILED) from error
    if failed:
        _say(f"{failed} of {len(planned)} inputs failed")
        raise typer.Exit(EXIT_SOME_FAILED)


def _sharpen_one(path: Path, outputs: list[Path], config: "Config", selection: "Selection", quiet: bool) -> None:
    from .files import sharpen_file  # noqa: PLC0415

    with _progress(path.name, quiet) as progress:
        outcome = sharpen_file(path, outputs, config, selection, progress)
    if outcome.replaced_samples:
        _say(f"{path}: {outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    if not outcome.complete:
        _say(f"{path}: interrupted after {outcome.audio_s:.1f} s: the outputs hold that much, marked incomplete")
        raise typer.Exit(EXIT_SOME_FAILED)
    if not quiet:
        _say(f"{path}: {outcome.audio_s:.1f} s → {', '.join(map(str, outcome.outputs))}")


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Show this preset's settings.")] = None,
) -> None:
    """List the presets, or show one with all its settings."""
    from .config import load_config, preset_names, to_toml  # noqa: PLC0415

    if name is not None:
        typer.echo(to_toml(load_config(name)), nl=False)
        return
    for each in preset_names():
        typer.echo(f"{each:<14} {load_config(each).description}")


def _overrides(settings: list[str]) -> dict[str, str]:
    """["bank.low_hz=80"] → {"bank.low_hz": "80"}."""
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set: expected KEY=VALUE such as bank.low_hz=80, received {setting!r}")
        pairs[key.strip()] = value.strip()
    return pairs


@contextmanager
def _progress(label: str, quiet: bool) -> Iterator[Callable[[float, float], None] | None]:
    """A bar on stderr with speed and time left, when stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(label), total=None, done="", speed="")

        def report(done_s: float, total_s: float) -> None:
            elapsed_s = bar.tasks[task].elapsed or 0.0
            speed = f"{done_s / elapsed_s:.0f}× real time" if elapsed_s > 0 else ""
            bar.update(task, completed=done_s, total=total_s, done=f"{done_s:.0f}/{total_s:.0f} s", speed=speed)

        yield report


def main() -> NoReturn:
    """Run the command line: exit 0 all good, 1 some inputs failed, 2 usage, 3 no audio device."""
    try:
        app(prog_name="sharpear")
    except SharpearError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("interrupted: nothing was written")
        sys.exit(EXIT_SOME_FAILED)
    sys.exit(0)
