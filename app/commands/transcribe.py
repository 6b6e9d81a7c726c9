"""``sharpear transcribe``: a recording in, notes and the curves of its voices out."""

from pathlib import Path
from typing import Annotated

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
    from sharpear.config import load_config  # noqa: PLC0415
    from sharpear.pitch.note_files import format_of, write  # noqa: PLC0415
    from sharpear.pitch.notes import SHORTEST_S  # noqa: PLC0415
    from sharpear.pitch.transcriber import transcribe_file  # noqa: PLC0415
    from sharpear.runs import Job, check_free  # noqa: PLC0415

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
    below_s, above_s = result.outside_s
    for side, limit_hz, seconds in (("low", config.pitch.low_hz, below_s), ("high", config.pitch.high_hz, above_s)):
        if seconds >= SHORTEST_S and not quiet:
            where = "below" if side == "low" else "above"
            say(
                f"{input_}: {seconds:.1f} s of pitches {where} {limit_hz:g} Hz were left out: "
                f"--set pitch.{side}_hz=… hears them"
            )
    if not complete:
        say(f"{input_}: interrupted after {audio_s:.1f} s: the outputs hold that much")
        raise typer.Exit(EXIT_SOME_FAILED)
    if not quiet:
        say(f"{input_}: {audio_s:.1f} s, {len(result.notes)} notes → {', '.join(map(str, outputs))}")
