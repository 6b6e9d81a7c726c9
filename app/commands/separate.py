"""``sharpear separate``: files in, stems out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import SharpearError, UsageError

from .common import EXIT_SOME_FAILED, OverwriteOption, QuietOption, names, progress_bar, say

if TYPE_CHECKING:
    from sharpear.separation.shares import ShareFactory


def separate(
    inputs: Annotated[list[Path], typer.Argument(help="Audio files (wav, flac, ogg, mp3, aiff…).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the stems.")] = Path(),
    into: Annotated[
        str, typer.Option("--into", help="Any of tonal,transient,residual; tonal, transient and residual if not given.")
    ] = "",
    sources: Annotated[str, typer.Option("--sources", help="Dictionaries of `sharpear learn`: a.npz,b.npz.")] = "",
    filename: Annotated[str, typer.Option("--filename", help="Template of the stems' names.")] = "{track}/{stem}.{ext}",
    subtype: Annotated[str, typer.Option("--subtype", help="float32, pcm24 or pcm16.")] = "float32",
    clip: Annotated[str, typer.Option("--clip", help="Beyond full scale: none, clamp or rescale.")] = "none",
    start: Annotated[float, typer.Option(help="Begin here, s.")] = 0.0,
    duration: Annotated[float | None, typer.Option(help="Take this much, s.")] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Mix the channels down to one.")] = False,
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write stems that add up to the original."""
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.separation.stems import StemFormat, plan_stems, separate_file  # noqa: PLC0415

    factory, available = _sources(sources)
    stems = names(into) or available
    for stem in stems:
        if stem not in available:
            raise UsageError(f"--into: unknown stem {stem!r}: expected {', '.join(available)}")
    form, selection = StemFormat(filename, subtype, clip), Selection(start, duration, mono)
    stems = list(dict.fromkeys(stems))
    planned = plan_stems(inputs, out, stems, form, overwrite)
    failed = 0
    for path, outputs in planned.items():
        try:
            with progress_bar(path.name, quiet) as progress:
                done_s, complete = separate_file(
                    path, dict(zip(stems, outputs, strict=True)), factory, form, selection, progress
                )
        except SharpearError as error:
            say(str(error))
            if len(planned) == 1:
                raise typer.Exit(error.exit_code) from error
            failed += 1
            continue
        if not complete:
            say(f"{path}: interrupted after {done_s:.1f} s: the stems hold that much")
            raise typer.Exit(EXIT_SOME_FAILED)
        if not quiet:
            say(f"{path}: {done_s:.1f} s → {', '.join(map(str, outputs))}")
    if failed:
        say(f"{failed} of {len(planned)} inputs failed")
        raise typer.Exit(EXIT_SOME_FAILED)


def _sources(listed: str) -> "tuple[ShareFactory, list[str]]":
    """What hears the sources, and the stems that it gives."""
    from sharpear.separation.dictionary import Dictionary  # noqa: PLC0415
    from sharpear.separation.learned import LearnedSources  # noqa: PLC0415
    from sharpear.separation.separator import RESIDUAL  # noqa: PLC0415
    from sharpear.separation.tonal import TonalTransient  # noqa: PLC0415

    if not listed:
        return TonalTransient, [*TonalTransient.names, RESIDUAL]
    dictionaries = [Dictionary.load(Path(path)) for path in names(listed)]
    return LearnedSources.of(dictionaries), [*(dictionary.name for dictionary in dictionaries), RESIDUAL]
