"""``sharpear transcribe``: a recording in, notes and the curves of its voices out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import (
    CHECKED_LATER,
    EXIT_SOME_FAILED,
    DurationOption,
    OverwriteOption,
    PresetOption,
    QuietOption,
    SetOption,
    StartOption,
    outputs_made,
    overrides,
    progress_bar,
    refuse_stdin,
    say,
)

if TYPE_CHECKING:
    from sharpear.pitch import Transcription


def transcribe(
    input_: Annotated[
        Path, typer.Argument(**CHECKED_LATER, metavar="INPUT", help="An audio file (wav, flac, ogg, mp3, aiff…).")
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option("-o", "--out", help="notes.csv, notes.mid, notes.jsonl, f0.csv; may be given several times."),
    ] = None,
    preset: PresetOption = "music",
    set_: SetOption = None,
    start: StartOption = 0.0,
    duration: DurationOption = None,
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the notes of a recording, and the fundamental of each voice over time."""
    # Imported here so that --help and usage errors do not wait for the compiler and the array libraries.
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.batch import Job, check_free  # noqa: PLC0415
    from sharpear.config import load_config  # noqa: PLC0415
    from sharpear.pitch.outputs import format_of, write  # noqa: PLC0415
    from sharpear.pitch.transcriber import transcribe_file  # noqa: PLC0415

    refuse_stdin([input_], "write the stream to a file, and transcribe that")
    outputs = list(dict.fromkeys(out or [Path(f"{input_.stem}.notes.csv")]))
    for path in outputs:
        format_of(path)
    config = load_config(preset, overrides(set_, pitch=True))
    check_free(Job(str(input_), tuple(map(str, outputs))), overwrite)
    with outputs_made(outputs):
        try:
            with progress_bar(input_.name, quiet) as progress:
                result, audio_s, complete = transcribe_file(input_, config, Selection(start, duration), progress)
        except KeyboardInterrupt as error:
            say(f"{input_}: interrupted: nothing was written")
            raise typer.Exit(EXIT_SOME_FAILED) from error
        for path in outputs:
            write(result, path)
    for line in [] if quiet else _left_out(result, config.pitch.low_hz, config.pitch.high_hz):
        say(f"{input_}: {line}")
    if not complete:
        say(f"{input_}: interrupted after {audio_s:.1f} s: the outputs hold that much")
        raise typer.Exit(EXIT_SOME_FAILED)
    if not quiet:
        say(f"{input_}: {audio_s:.1f} s, {len(result.notes)} notes → {', '.join(map(str, outputs))}")


def _left_out(result: "Transcription", low_hz: float, high_hz: float) -> Iterator[str]:
    """What sounded out of range."""
    from sharpear.pitch.notes import SHORTEST_S  # noqa: PLC0415

    below_s, above_s = result.outside_s
    if below_s >= SHORTEST_S:
        where, remedy = "", "--set pitch.low_hz=… hears them"
        if result.lowest_hz:
            where, remedy = f", down to {result.lowest_hz:.0f} Hz,", "they are too low to be told apart"
        yield f"{below_s:.1f} s of pitches below {low_hz:g} Hz{where} were left out: {remedy}"
    if above_s >= SHORTEST_S:
        yield f"{above_s:.1f} s of pitches above {high_hz:g} Hz were left out: --set pitch.high_hz=… hears them"
