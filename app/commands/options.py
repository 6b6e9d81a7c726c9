"""Options that commands share, each defined once; whole groups of them come as dataclasses."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sharpear.errors import UsageError

from .common import refuse
from .completion import backends, encodings, offer_presets, offer_settings, one_of, temperaments

if TYPE_CHECKING:
    from sharpear.audio import RawFormat, Selection
    from sharpear.config import Config
    from sharpear.sinks import PictureStyle

FOR_PICTURES = "is for pictures: give --format png, svg or pdf, or such an output, with it"
PICTURES = {"png", "svg", "pdf"}
FOR_STREAMS = "is for a stream on stdout: give -o -"
DASH = "-"
CLOCK = re.compile(r"(\d+|\d+:[0-5]?\d):[0-5]?\d(\.\d*)?")
"""A time of minutes and seconds, or of hours, minutes and seconds."""

QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no report.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]


def seconds(text: str | float) -> float:
    """A time as it is written on a clock or in seconds; what is neither is no number to the command line.

    >>> seconds("1:30"), seconds("1:00:00.5"), seconds("2.5")
    (90.0, 3600.5, 2.5)
    """
    total = 0.0
    try:
        for part in str(text).split(":"):
            total = 60 * total + float(part)
    except ValueError:
        raise typer.BadParameter(f"expected a valid number, received {text!r}, or a time such as 1:30") from None
    if ":" in str(text) and not CLOCK.fullmatch(str(text)):
        raise typer.BadParameter(f"expected minutes and seconds below 60, as in 1:30 or 1:05:00, received {text!r}")
    return total


StartOption = Annotated[float, typer.Option(parser=seconds, metavar="TIME", help="Begin here, s or 1:30.")]
DurationOption = Annotated[
    float | None, typer.Option(parser=seconds, metavar="TIME", help="Take this much, s or 1:30.")
]
MonoOption = Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")]
InputsArgument = Annotated[
    list[str], typer.Argument(help="Audio files, folders, globs or URLs; - is stdin (wav, flac, ogg, mp3, aiff…).")
]


@dataclass(frozen=True)
class InputOptions:
    """Which part of an input is taken, and what stdin holds where it has no header."""

    start: StartOption = 0.0
    duration: DurationOption = None
    raw: Annotated[bool, typer.Option("--raw", help="Take stdin for samples without a header.")] = False
    rate: Annotated[int | None, typer.Option(help="With --raw: the sample rate, Hz.")] = None
    channels: Annotated[int | None, typer.Option(help="With --raw: channels, interleaved; 1 if not given.")] = None
    encoding: Annotated[
        str | None,
        typer.Option(
            help="With --raw: f32le, s16le (if not given), s24le, s32le, f64le, …be, s8 or u8.",
            autocompletion=one_of(encodings),
        ),
    ] = None

    def selection(self, mono: bool = False) -> "Selection":
        """The part.

        Raises:
            UsageError: it begins before the start, or has no length.
        """
        from sharpear.audio import Selection  # noqa: PLC0415

        return Selection(self.start, self.duration, mono)

    def raw_format(self, from_stdin: bool) -> "RawFormat | None":
        """What --raw and its companions describe.

        Raises:
            UsageError: --rate is missing, the companions are given without --raw, or --raw without stdin.
        """
        if not self.raw:
            described = {"--rate": self.rate, "--channels": self.channels, "--encoding": self.encoding}
            refuse(described, "describes raw samples on stdin: give --raw with it")
            return None
        if not from_stdin:
            raise UsageError("--raw describes stdin: give - as the input")
        if self.rate is None:
            raise UsageError("--raw needs --rate: the sample rate, Hz, is in no header")
        from sharpear.audio import RawFormat  # noqa: PLC0415

        channels = 1 if self.channels is None else self.channels
        return RawFormat(self.rate, channels, "s16le" if self.encoding is None else self.encoding)


@dataclass(frozen=True)
class SettingOptions:
    """A preset, what is changed in it, and what notes are named by, in tables, labels, pictures and readings."""

    preset: Annotated[str, typer.Option(help="A preset's name, or a TOML file.", autocompletion=offer_presets)] = (
        "music"
    )
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a setting: bank.low_hz=80. `sharpear presets music` lists all.",
            autocompletion=offer_settings,
        ),
    ] = None
    a4: Annotated[
        float | None,
        typer.Option(metavar="HZ", min=380, max=480, help="Name notes by this reference pitch, A4; 440 if not given."),
    ] = None
    temperament: Annotated[
        str | None,
        typer.Option(
            help="Name notes in equal temperament, meantone (¼ comma), pythagorean or just (on C).",
            autocompletion=one_of(temperaments),
        ),
    ] = None

    def config(self, pitch: bool, also: Mapping[str, float | None] | None = None) -> "Config":
        """The configuration.

        pitch: whether the command reads the settings under [pitch]; also: what its own options set.

        Raises:
            UsageError: there is no such preset; a setting is not of the form KEY=VALUE, not read, cannot be, or is
                given twice.
        """
        from sharpear.config import load_config  # noqa: PLC0415

        given = dict(_setting(each, pitch) for each in self.set_ or ())
        options = {"tuning.a4_hz": self.a4, "tuning.temperament": self.temperament, **(also or {})}
        named = {key: str(value) for key, value in options.items() if value is not None}
        for key in given.keys() & named.keys():
            raise UsageError(f"--set {key}={given[key]}: an option of its own says {named[key]}: leave one of them out")
        return load_config(self.preset, given | named)


def _setting(given: str, pitch: bool) -> tuple[str, str]:
    """What --set names, and its value."""
    key, equals, value = map(str.strip, given.partition("="))
    if not equals or not key:
        raise UsageError(f"--set: expected KEY=VALUE such as bank.low_hz=80, received {given!r}")
    if key.startswith("pitch.") and not pitch:
        readers = "only `sharpear transcribe`, `view`, `sharpen --pitch`, and `live` with --midi or --osc, read it"
        raise UsageError(f"--set {given}: {readers}: leave it out")
    return key, value


@dataclass(frozen=True)
class RunOptions:
    """How inputs are run."""

    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look below folders, too.")] = False
    output_template: Annotated[
        str | None, typer.Option(metavar="TEMPLATE", help="Names of outputs, of {parent} {track} {name} {stem} {ext}.")
    ] = None
    jobs: Annotated[int | None, typer.Option("-j", "--jobs", help="Files at once; all cores if not given.")] = None
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave what is whole already: resumes a broken run.")
    ] = False
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first input that fails.")] = False
    report: Annotated[Path | None, typer.Option(help="Write what became of each input here, as JSON.")] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print what --report writes.")] = False
    device: Annotated[
        str,
        typer.Option(
            "--device",
            help="Run on the cpu, gpu, gpu:1 (the second one), or auto.",
            autocompletion=one_of(backends),
        ),
    ] = "cpu"
    scheduler: Annotated[str | None, typer.Option(help="Run on a Dask cluster: tcp://host:8786.")] = None
    quiet: QuietOption = False
    overwrite: OverwriteOption = False

    def refuse_in_pipe(self) -> None:
        """None of what is for files alone is given.

        Raises:
            UsageError: some is.
        """
        if self.device not in ("cpu", "auto"):
            raise UsageError(f"--device {self.device}: is for files, a pipe runs on the CPU: leave it out")
        for_files = {
            "--recursive": self.recursive, "--output-template": self.output_template, "--jobs": self.jobs,
            "--skip-existing": self.skip_existing, "--fail-fast": self.fail_fast, "--report": self.report,
            "--json": self.as_json, "--scheduler": self.scheduler,
        }  # fmt: skip
        refuse(for_files, "is for files, not for a pipe: leave it out")


@dataclass(frozen=True)
class PictureOptions:
    """How pictures look, where some are made."""

    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Make pictures (png, svg, pdf) of so many pixels; 1320x990 if not given."),
    ] = None
    hz: Annotated[
        str | None,
        typer.Option("--hz", metavar="LOW:HIGH", help="Show these frequencies alone in pictures, as 80:6000."),
    ] = None
    range_db: Annotated[
        float | None,
        typer.Option(help="Show levels down to so many dB below the loudest in pictures; 60 if not given."),
    ] = None
    colours: Annotated[
        str | None,
        typer.Option(help="Draw pictures in magma, inferno, viridis, cividis, grey, ink on light, or voices by pitch."),
    ] = None
    panels: Annotated[str | None, typer.Option(help="Draw lines, filterbank or both in pictures.")] = None
    title: Annotated[str | None, typer.Option(help="Put this over pictures, in the place of the recording's name.")] = (
        None
    )
    pitch: Annotated[
        bool | None,
        typer.Option("--pitch", help="Draw notes and the pitch of each voice over pictures."),
    ] = None

    def style(self, formats: Collection[str]) -> "PictureStyle":
        """What was chosen.

        Raises:
            UsageError: it cannot be, or no picture is made.
        """
        from sharpear.sinks import PictureStyle  # noqa: PLC0415

        given = {option.name: getattr(self, option.name) for option in fields(self)}
        chosen = {name: value for name, value in given.items() if value is not None}
        if not PICTURES & set(formats):
            refuse({f"--{name.replace('_', '-')}": value for name, value in chosen.items()}, FOR_PICTURES)
        if self.size:
            chosen["size_px"] = _pair("--size", chosen.pop("size"), "x", int)
        if chosen.get("pitch"):
            from sharpear.pitch import HeardFrames  # noqa: PLC0415

            chosen["pitch"] = HeardFrames
        if self.hz:
            chosen["span_hz"] = _pair("--hz", chosen.pop("hz"), ":", float)
        return PictureStyle(**chosen)


def _pair(option: str, text: str, between: str, kind: Callable[[str], Any]) -> tuple[Any, Any]:
    try:
        first, second = map(kind, text.split(between))
    except ValueError as error:
        raise UsageError(f"{option}: expected two numbers with a {between} between them, received {text!r}") from error
    return first, second


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command for Typer: parameters that are dataclasses of options become those options, after its own."""
    given = inspect.signature(command).parameters.values()
    groups = {each.name: each.annotation for each in given if is_dataclass(each.annotation)}
    parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in given if each.name not in groups]
    parameters += [
        inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=option.type)
        for group in groups.values()
        for option in fields(group)
    ]

    @wraps(command)
    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = cast(Any, group)(**{option.name: values.pop(option.name) for option in fields(group)})
        command(**values)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
