"""Progress on a terminal, by rich."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def progress_on_terminal(quiet: bool) -> "Progress | None":
    """Bars on stderr whose tasks have the fields `done` and `speed`; none if `quiet` or where no terminal is."""
    if quiet or not sys.stderr.isatty():
        return None
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
