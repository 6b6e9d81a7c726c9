"""``sharpear view``: recordings in the browser, sharpened, with their sound."""

import os
import time
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import InputError, UsageError

from .common import EXIT_SOME_FAILED, has_screen, refuse_stdin, say
from .options import QuietOption, SettingOptions

if TYPE_CHECKING:
    from sharpear.interrupt import Interruption
    from sharpear.view.sheet import Sheets

MOST_FILES = 12
WATCH_S = 0.2


def view(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Recordings, or .zarr or .npz made before, or URLs; together."),
    ],
    settings: SettingOptions,
    port: Annotated[int | None, typer.Option("--view-port", min=1, max=65535, help="Port of the page.")] = None,
    range_db: Annotated[
        float | None, typer.Option(min=10, max=120, help="Levels shown below the loudest, dB; chosen if not given.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    quiet: QuietOption = False,
) -> None:
    """Open recordings in the browser: the sharpened picture with its sound."""
    refuse_stdin(map(Path, inputs), "write the stream to a file, or listen to it with `sharpear live`")
    if len(inputs) > MOST_FILES:
        raise UsageError(f"expected at most {MOST_FILES} files for one page, received {len(inputs)}: leave some out")
    try:
        import websockets  # noqa: F401, PLC0415
    except ImportError as error:
        raise UsageError("the page needs websockets: pip install 'sharpear[view]'") from error
    from sharpear.interrupt import Interruption  # noqa: PLC0415
    from sharpear.runs.places import download, is_url  # noqa: PLC0415

    config = settings.config(pitch=True)
    for place in inputs:
        if not is_url(place):
            _check_there(place)
    from sharpear.view.sheet import Sheets  # noqa: PLC0415
    from sharpear.view.view import View  # noqa: PLC0415

    with (
        Interruption() as interruption,
        TemporaryDirectory(prefix="sharpear-view-") as folder,
        View(port, folder=Path(folder)) as page,
    ):
        paths = []
        for number, place in enumerate(inputs):
            (own := Path(folder) / f"from-{number}").mkdir()  # two URLs may end in the same name
            paths.append(download(place, own) if is_url(place) else Path(place))
        sheets = Sheets(paths, Path(folder), config, page.axes, range_db)
        page.report, page.write_notes = say, sheets.write_notes
        sheets.start()
        interruption.patient = True  # from where it is said that Ctrl-C ends
        say(f"the page is at {page.url}: Ctrl-C ends")
        if open_ and has_screen():
            webbrowser.open(page.url)
        try:
            _show(sheets, interruption, quiet)
        finally:
            sheets.stop()
    if sheets.faults:
        raise typer.Exit(EXIT_SOME_FAILED)


def _check_there(place: str) -> None:
    """That a file is missing is said before anything is compiled; what else is wrong with it, when it is opened."""
    try:
        os.stat(place)
    except FileNotFoundError as error:
        raise InputError(f"{place}: no such file") from error
    except OSError:
        return


def _show(sheets: "Sheets", interruption: "Interruption", quiet: bool) -> None:
    """Until Ctrl-C; meanwhile say, as soon as it is known, what became of the recordings."""
    while not (interruption.requested or sheets.wait(WATCH_S)):
        pass
    if not interruption.requested:
        for fault in sheets.faults:
            say(fault)
        if not (quiet or sheets.faults):
            say("all is sharpened and transcribed")
    while not interruption.requested:
        time.sleep(WATCH_S)
