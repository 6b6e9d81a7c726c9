"""``sharpear recover``: publish what runs that were killed left behind."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from sharpear.errors import UsageError

from .common import CHECKED_LATER, say, tidy_folders


def recover(
    folders: Annotated[
        list[Path], typer.Argument(**CHECKED_LATER, metavar="FOLDER...", help="Where outputs were being written.")
    ],
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look below folders, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: how many were recovered.")] = False,
) -> None:
    """Publish recordings and stems that were cut off as NAME.recovered.wav, and tidy what killed runs left."""
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder}: expected a folder that outputs were being written to")
    every = [Path(below) for folder in folders for below, _, _ in os.walk(folder)] if recursive else folders
    recovered, alive = tidy_folders(every)
    if as_json:
        typer.echo(json.dumps({"recovered": recovered, "still_written": alive}))
        return
    if alive:
        say(f"{alive} output{'s are' if alive > 1 else ' is'} still being written")
    if not recovered:
        say(f"{', '.join(map(str, folders))}: nothing to recover")
