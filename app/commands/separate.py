"""``sharpear separate``: files in, stems out."""

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
    outputs_made,
    progress_bar,
    raw_format,
    refuse,
    refuse_gpu_in_pipe,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sharpear.audio import Selection
    from sharpear.gpu import Backend
    from sharpear.separation.run import Separated
    from sharpear.separation.shares import ShareFactory
    from sharpear.separation.stem_files import StemFormat

    Planned = dict[Path, dict[str, Path]]

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
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.separation.stem_files import StemFormat, plan_stems  # noqa: PLC0415
    from sharpear.sharpening.processor import backend_of  # noqa: PLC0415

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
    kept = [Path(each) for each in names(sources)]
    planned = {
        path: dict(zip(stems, outputs, strict=True))
        for path, outputs in plan_stems(inputs, out, stems, form, overwrite, kept).items()
    }
    with outputs_made(output for outputs in planned.values() for output in outputs.values()):
        if backend is CPU:
            outcomes = _separate_files(planned, factory, form, selection, quiet)
        else:
            outcomes = _separate_packed(planned, factory, form, selection, backend, quiet)
        _tell(planned, outcomes, quiet)


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
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.separation.dictionary import Dictionary  # noqa: PLC0415
    from sharpear.separation.learned import LearnedSources  # noqa: PLC0415
    from sharpear.separation.separator import RESIDUAL  # noqa: PLC0415
    from sharpear.separation.tonal import TonalTransient  # noqa: PLC0415

    if voices is not None:
        if listed:
            raise UsageError("--voices and --sources are two ways to separate: leave one out")
        from sharpear.separation.voices import PitchVoices, voice_names  # noqa: PLC0415

        return PitchVoices.of(voices), [*voice_names(voices), RESIDUAL]
    backend = backend or CPU
    if not listed:
        return TonalTransient.on(backend), [*TonalTransient.names, RESIDUAL]
    dictionaries = [Dictionary.load(Path(path)) for path in names(listed)]
    factory = LearnedSources.of(dictionaries, backend)
    return factory, [*(dictionary.name for dictionary in dictionaries), RESIDUAL]


def _separate_files(
    planned: "Planned", factory: "ShareFactory", form: "StemFormat", selection: "Selection", quiet: bool
) -> "Iterator[tuple[Path, Separated | SharpearError]]":
    from sharpear.separation.run import separate_file  # noqa: PLC0415

    for path, outputs in planned.items():
        try:
            with progress_bar(path.name, quiet) as progress:
                outcome = separate_file(path, outputs, factory, form, selection, progress)
        except SharpearError as error:
            yield path, error
            continue
        yield path, outcome
        if not outcome.complete:
            return


def _separate_packed(
    planned: "Planned",
    factory: "ShareFactory",
    form: "StemFormat",
    selection: "Selection",
    backend: "Backend",
    quiet: bool,
) -> "Iterator[tuple[Path, Separated | SharpearError]]":
    from sharpear.interrupt import Interruption  # noqa: PLC0415
    from sharpear.runs.packs import PackAdvance  # noqa: PLC0415
    from sharpear.separation.stem_lane import separate_packed  # noqa: PLC0415

    label = f"{len(planned)} files" if len(planned) > 1 else next(iter(planned)).name
    with Interruption() as interruption, progress_bar(label, quiet) as progress:
        for event in separate_packed(planned, factory, form, selection, backend, interruption):
            if not isinstance(event, PackAdvance):
                yield event
            elif progress:
                progress(event.done_s, event.total_s)


def _tell(planned: "Planned", outcomes: "Iterable[tuple[Path, Separated | SharpearError]]", quiet: bool) -> None:
    """Say what became of each, and exit with the code of that."""
    failed = done = 0
    for path, outcome in outcomes:
        if isinstance(outcome, SharpearError):
            say(str(outcome))
            if len(planned) == 1:
                raise typer.Exit(outcome.exit_code) from outcome
            failed += 1
            continue
        if outcome.replaced_samples:
            say(f"{path}: {outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
        if not outcome.complete:
            held = "the stems hold that much, marked incomplete" if outcome.audio_s else "nothing was written"
            say(f"{path}: interrupted after {outcome.audio_s:.1f} s: {held}")
            continue
        done += 1
        if not quiet:
            say(f"{path}: {outcome.audio_s:.1f} s → {', '.join(map(str, planned[path].values()))}")
    if failed:
        say(f"{failed} of {len(planned)} inputs failed")
    if done < len(planned):
        raise typer.Exit(EXIT_SOME_FAILED)
