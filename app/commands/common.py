"""What the commands share: how they speak, read settings and show progress."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError, printable
from sharpear.progress import progress_on_terminal

if TYPE_CHECKING:
    from sharpear.pipe import RawFormat

EXIT_SOME_FAILED = 1
FOR_STREAMS = "is for a stream on stdout: give -o -"

CHECKED_LATER = {"readable": False}
"""For paths: who opens them says whether they can be read, and that they cannot is no usage error."""

PresetOption = Annotated[str, typer.Option("--preset", help="A preset's name, or a TOML file.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: bank.low_hz=80.")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no report.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
StartOption = Annotated[float, typer.Option(help="Begin here, s.")]
DurationOption = Annotated[float | None, typer.Option(help="Take this much, s.")]
MonoOption = Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")]
RawOption = Annotated[bool, typer.Option("--raw", help="stdin is samples without a header.")]
RawRateOption = Annotated[int | None, typer.Option(help="Their sample rate, Hz.")]
RawChannelsOption = Annotated[int | None, typer.Option(help="Their channels, interleaved; 1 if not given.")]
EncodingOption = Annotated[
    str | None, typer.Option(help="f32le, s16le (if not given), s24le, s32le, f64le, …be, s8 or u8.")
]
ProcessorOption = Annotated[str, typer.Option("--device", help="cpu, gpu, gpu:1 (the second one), or auto.")]


def say(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"sharpear: {printable(message)}", err=True)


class _Lines(logging.Handler):
    """Hands on what is logged as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


LINES = _Lines()


def say_what_is_logged(quiet: bool = False) -> None:
    """From now on say what is wrong with inputs and with where kernels are kept; unless `quiet`, also what compiles."""
    logging.getLogger("sharpear.audio").addHandler(LINES)
    compiling = logging.getLogger("sharpear.compiler")
    compiling.addHandler(LINES)
    compiling.propagate = False
    compiling.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns, on several lines, of where its fonts are listed


def refuse(options: Mapping[str, object], why: str) -> None:
    """None of `options` may be given: it would be without effect.

    Raises:
        UsageError: one is.
    """
    for option, value in options.items():
        if value is not None and value is not False:
            raise UsageError(f"{option}: {why}")


def refuse_stdin(inputs: Iterable[Path], instead: str) -> None:
    """The command reads files alone.

    Raises:
        UsageError: one of `inputs` is stdin.
    """
    if Path("-") in inputs:
        raise UsageError(f"-: this command does not read stdin: {instead}")


def raw_format(
    from_stdin: bool, raw: bool, rate: int | None, channels: int | None, encoding: str | None
) -> "RawFormat | None":
    """What --raw and its companions describe.

    Raises:
        UsageError: --rate is missing, the companions are given without --raw, or --raw without stdin.
    """
    if not raw:
        described = {"--rate": rate, "--channels": channels, "--encoding": encoding}
        refuse(described, "describes raw samples on stdin: give --raw with it")
        return None
    if not from_stdin:
        raise UsageError("--raw describes stdin: give - as the input")
    if rate is None:
        raise UsageError("--raw needs --rate: the sample rate, Hz, is in no header")
    from sharpear.pipe import RawFormat  # noqa: PLC0415

    return RawFormat(rate, 1 if channels is None else channels, "s16le" if encoding is None else encoding)


def refuse_gpu_in_pipe(device: str) -> None:
    """A pipe runs on the CPU, which "auto" may mean.

    Raises:
        UsageError: a GPU is asked for.
    """
    if device not in ("cpu", "auto"):
        raise UsageError(f"--device {device}: is for files, a pipe runs on the CPU: leave it out")


def names(listed: str) -> list[str]:
    """Turn "zarr, png" into ["zarr", "png"]."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def overrides(settings: Sequence[str] | None, pitch: bool = False) -> dict[str, str]:
    """["bank.low_hz=80"] → {"bank.low_hz": "80"}. pitch: whether the command reads the settings under [pitch].

    Raises:
        UsageError: a setting is not of the form KEY=VALUE, or not read.
    """
    pairs = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set: expected KEY=VALUE such as bank.low_hz=80, received {setting!r}")
        if key.strip().startswith("pitch.") and not pitch:
            raise UsageError(f"--set {setting}: only `sharpear transcribe` reads it: leave it out")
        pairs[key.strip()] = value.strip()
    return pairs


@contextmanager
def outputs_made(outputs: Iterable[Path]) -> Iterator[None]:
    """Where outputs go, publish first what killed runs left there, and leave no empty folder at the end."""
    from sharpear.harmless import none_left_empty  # noqa: PLC0415

    outputs = list(outputs)
    folders = list(dict.fromkeys(output.parent for output in outputs))
    tidy_folders(folders)
    with none_left_empty(outputs):
        yield


def tidy_folders(folders: Iterable[Path]) -> tuple[int, int]:
    """Publish or remove what killed runs left in `folders`, and say what was recovered.

    Returns how many outputs were recovered, and how many are still being written.
    """
    from sharpear.sinks.recovery import tidy  # noqa: PLC0415

    recovered = alive = 0
    for folder in folders:
        found = tidy(folder)
        for line in found.lines:
            say(line)
        recovered, alive = recovered + len(found.lines), alive + found.alive
    return recovered, alive


@contextmanager
def progress_bar(label: str, quiet: bool) -> Iterator[Callable[[float, float], None] | None]:
    """A bar on stderr with speed and time left, when stderr is a terminal."""
    bar = progress_on_terminal(quiet)
    if bar is None:
        yield None
        return
    with bar:
        task = bar.add_task(printable(label), total=None, done="", speed="")

        def report(done_s: float, total_s: float) -> None:
            elapsed_s = bar.tasks[task].elapsed or 0.0
            speed = f"{done_s / elapsed_s:.0f}× real time" if elapsed_s > 0 else ""
            bar.update(task, completed=done_s, total=total_s, done=f"{done_s:.0f}/{total_s:.0f} s", speed=speed)

        yield report
