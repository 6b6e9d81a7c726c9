"""Bars on a terminal: one for the whole and one for each worker."""

import sys
from typing import TYPE_CHECKING, Self

from sharpear.errors import printable

from .jobs import Result
from .places import name_of
from .threads import Advance

if TYPE_CHECKING:
    from rich.progress import Progress


class Bars:
    """Shows a batch's progress on stderr where that is a terminal, unless `quiet`."""

    def __init__(self, total: int, workers: int, quiet: bool) -> None:
        self._bars = _on_terminal(quiet)
        if self._bars is None:
            return
        self._audio_s = 0.0
        self._whole = None
        if total > 1:
            self._whole = self._bars.add_task("all", total=total, done=f"0/{total}", speed="")
        self._each = [self._bars.add_task("", total=None, done="", speed="", visible=False) for _ in range(workers)]
        self._source = [""] * workers

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bars.stop()

    def advance(self, event: Advance) -> None:
        """A worker has come further."""
        if not self._bars:
            return
        task = self._each[event.worker % len(self._each)]
        if self._source[event.worker % len(self._each)] != event.source:
            self._source[event.worker % len(self._each)] = event.source
            self._bars.reset(task, description=printable(name_of(event.source)), visible=True, done="", speed="")
        elapsed_s = self._bars.tasks[task].elapsed or 0.0
        speed = f"{event.done_s / elapsed_s:.0f}× real time" if elapsed_s > 0 else ""
        total = "?" if event.total_s is None else f"{event.total_s:.0f}"
        self._bars.update(
            task, completed=event.done_s, total=event.total_s, done=f"{event.done_s:.0f}/{total} s", speed=speed
        )

    def finish(self, result: Result) -> None:
        """One input more is through."""
        if self._bars and self._whole is not None:
            self._audio_s += result.outcome.audio_s
            task = self._bars.tasks[self._whole]
            elapsed_s = task.elapsed or 0.0
            speed = f"{self._audio_s / elapsed_s:.0f}× real time" if elapsed_s > 0 else ""
            done = int(task.completed) + 1
            self._bars.update(self._whole, completed=done, done=f"{done}/{task.total:.0f}", speed=speed)


def _on_terminal(quiet: bool) -> "Progress | None":
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
