"""``sharpear separate``: files in, stems out."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import SharpearError, UsageError

from .common import (
    CHECKED_LATER,
    EXIT_SOME_FAILED,
    DurationOption,
    EncodingOption,
    MonoOption,
    OverwriteOption,
    ProcessorOption,
    QuietOption,
    RawChannelsOption,
    RawOption,
    RawRateOption,
    StartOption,
    names,
    progress_bar,
    raw_format,
    refuse,
    refuse_gpu_in_pipe,
    say,
)

if TYPE_CHECKING:
    from sharpear.audio import Selection
    from sharpear.gpu import Backend
    from sharpear.separation.shares import ShareFactory
    from sharpear.separation.stem_files import StemFormat

SourcesOption = Annotated[str, typer.Option("--sources", help="Dictionaries of `sharpear learn`: a.npz,b.npz.")]
VoicesOption = Annotated[
    int | None, typer.Option("--voices", help="Separate into so many voices by their pitch, voice1 the lowest.")
]


def separate(
    inputs: Annotated[
        list[Path], typer.Argument(**CHECKED_LATER, help="Audio files (wav, flac, ogg, mp3, aiff…); - is stdin.")
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", **CHECKED_LATER, help="Folder of the stems; - writes the one of --stem to stdout."),
    ] = Path(),
    into: Annotated[
        str, typer.Option("--into", help="Any of tonal,transient,residual; tonal, transient and residual if not given.")
    ] = "",
    sources: SourcesOption = "",
    voices: VoicesOption = None,
    stem: Annotated[str | None, typer.Option("--stem", help="With -o -: the stem to write.")] = None,
    filename: Annotated[str, typer.Option("--filename", help="Template of the stems' names.")] = "{track}/{stem}.{ext}",
    subtype: Annotated[str, typer.Option("--subtype", help="float32, pcm24 or pcm16.")] = "float32",
    clip: Annotated[str, typer.Option("--clip", help="Beyond full scale: none, clamp or rescale.")] = "none",
    start: StartOption = 0.0,
    duration: DurationOption = None,
    mono: MonoOption = False,
    raw: RawOption = False,
    rate: RawRateOption = None,
    channels: RawChannelsOption = None,
    encoding: EncodingOption = None,
    raw_out: Annotated[
        bool, typer.Option("--raw-out", help="With -o -: samples without a header, of --subtype, little-endian.")
    ] = False,
    device: ProcessorOption = "cpu",
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write stems that add up to the original."""
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.device import backend_of  # noqa: PLC0415
    from sharpear.harmless import none_left_empty  # noqa: PLC0415
    from sharpear.separation.stem_files import StemFormat, plan_stems  # noqa: PLC0415

    piped = Path("-") in (*inputs, out)
    described = raw_format(Path("-") in inputs, raw, rate, channels, encoding)
    if piped:
        refuse_gpu_in_pipe(device)
    backend = backend_of("cpu" if piped else device)
    factory, available = choose_sources(sources, voices, backend)
    form, selection = StemFormat(filename, subtype, clip), Selection(start, duration, mono)
    if piped:
        from .separate_pipe import StemRequest, separate_pipe  # noqa: PLC0415

        stems = choose_stems(into, available)
        request = StemRequest(inputs, out, factory, available, stems, stem, form, described, raw_out, quiet, overwrite)
        separate_pipe(request, selection)
        return
    refuse({"--stem": stem, "--raw-out": raw_out}, "is for a stream on stdout: give -o -; --into chooses stems")
    stems = choose_stems(into, available)
    planned = plan_stems(inputs, out, stems, form, overwrite, [Path(each) for each in names(sources)])
    with none_left_empty(chain.from_iterable(planned.values())):
        _separate_files(planned, stems, factory, form, selection, backend, quiet)


def choose_stems(listed: str, available: list[str], option: str = "--into") -> list[str]:
    """The stems asked for, all if none is named.

    Raises:
        UsageError: there is no such stem.
    """
    stems = list(dict.fromkeys(names(listed))) or available
    for stem in stems:
        if stem not in available:
            raise UsageError(f"{option}: unknown stem {stem!r}: expected {', '.join(available)}")
    return stems


def choose_sources(
    listed: str, voices: int | None, backend: "Backend | None" = None
) -> "tuple[ShareFactory, list[str]]":
    """What hears the sources, on `backend` if it can, and the stems that it gives.

    Raises:
        UsageError: both dictionaries and voices are asked for, or something is wrong with them.
    """
    from sharpear.separation.dictionary import Dictionary  # noqa: PLC0415
    from sharpear.separation.learned import LearnedSources  # noqa: PLC0415
    from sharpear.separation.separator import RESIDUAL  # noqa: PLC0415
    from sharpear.separation.tonal import TonalTransient  # noqa: PLC0415

    if voices is not None:
        if listed:
            raise UsageError("--voices and --sources are two ways to separate: leave one out")
        from sharpear.separation.voices import PitchVoices, voice_names  # noqa: PLC0415

        return PitchVoices.of(voices), [*voice_names(voices), RESIDUAL]
    if not listed:
        factory = TonalTransient.on(backend) if backend else TonalTransient
        return factory, [*TonalTransient.names, RESIDUAL]
    dictionaries = [Dictionary.load(Path(path)) for path in names(listed)]
    return LearnedSources.of(dictionaries), [*(dictionary.name for dictionary in dictionaries), RESIDUAL]


def _separate_files(
    planned: dict[Path, list[Path]],
    stems: list[str],
    factory: "ShareFactory",
    form: "StemFormat",
    selection: "Selection",
    backend: "Backend",
    quiet: bool,
) -> None:
    from sharpear.separation.run import separate_file  # noqa: PLC0415

    failed = 0
    for path, outputs in planned.items():
        try:
            with progress_bar(path.name, quiet) as progress:
                named = dict(zip(stems, outputs, strict=True))
                outcome = separate_file(path, named, factory, form, selection, progress, backend)
        except SharpearError as error:
            say(str(error))
            if len(planned) == 1:
                raise typer.Exit(error.exit_code) from error
            failed += 1
            continue
        if outcome.replaced_samples:
            say(f"{path}: {outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
        if not outcome.complete:
            say(f"{path}: interrupted after {outcome.audio_s:.1f} s: the stems hold that much, marked incomplete")
            raise typer.Exit(EXIT_SOME_FAILED)
        if not quiet:
            say(f"{path}: {outcome.audio_s:.1f} s → {', '.join(map(str, outputs))}")
    if failed:
        say(f"{failed} of {len(planned)} inputs failed")
        raise typer.Exit(EXIT_SOME_FAILED)
