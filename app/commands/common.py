"""What the commands share: how they speak, what they refuse, and how outputs are made."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sharpear import system
from sharpear.errors import UsageError, printable

if TYPE_CHECKING:
    from sharpear.runs import Outcome

EXIT_SOME_FAILED = 1

CHECKED_LATER = {"readable": False}
"""For paths: who opens them says whether they can be read, and that they cannot is no usage error."""


def say(message: str) -> None:
    """One line on stderr; above the bars, where some are shown: they listen to what `sys.stderr` is told."""
    print(f"sharpear: {printable(message)}", file=sys.stderr, flush=True)


def has_screen() -> bool:
    """Whether a browser would open before the user's eyes: not from a pipe, nor over SSH."""
    if not sys.stderr.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    return system.has_screen()


class _Lines(logging.Handler):
    """Hands on what is logged as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


LINES = _Lines()


def say_what_is_logged(quiet: bool = False) -> None:
    """From now on say what is wrong with inputs, devices and where kernels are kept; unless `quiet`, what compiles."""
    for part in ("sharpear.audio", "sharpear.sharpening"):
        logging.getLogger(part).addHandler(LINES)
    compiling = logging.getLogger("sharpear.compiler")
    compiling.addHandler(LINES)
    compiling.propagate = False
    compiling.setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns, on several lines, of where its fonts are listed


def tell_remarks(outcome: "Outcome", quiet: bool, before: str = "") -> None:
    """Say what a person should know of an outcome, each line with what stands `before` it."""
    if outcome.replaced_samples:
        say(f"{before}{outcome.replaced_samples} samples (NaN, Inf or beyond 120 dBFS) were taken as silence")
    for remark in () if quiet else outcome.remarks:
        say(before + remark)


def check_numba() -> None:
    """What Numba's variables say can be done: it speaks of them by a traceback, and not before it is imported.

    Raises:
        UsageError: no thread, or nothing compiled.
    """
    threads = os.environ.get("NUMBA_NUM_THREADS", "1")
    if not threads.strip().isdecimal() or not int(threads):
        raise UsageError(f"NUMBA_NUM_THREADS: expected a number of threads, 1 or more, received {threads!r}: unset it")
    if os.environ.get("NUMBA_DISABLE_JIT", "0").strip() not in ("", "0"):
        raise UsageError("NUMBA_DISABLE_JIT: nothing runs that is not compiled: unset it")


def refuse(options: Mapping[str, object], why: str) -> None:
    """None of `options` may be given: it would be without effect.

    Raises:
        UsageError: one is.
    """
    for option, value in options.items():
        if value is not None and value is not False:
            raise UsageError(f"{option}: {why}")


def refuse_stdin(inputs: Iterable[Path], instead: str) -> None:
    """The command reads files alone.

    Raises:
        UsageError: one of `inputs` is stdin.
    """
    if Path("-") in inputs:
        raise UsageError(f"-: this command does not read stdin: {instead}")


def not_empty(out: str | list[str] | None) -> str | list[str] | None:
    """What was given by -o, which is no empty name: the variable of a script that was not set means no folder.

    Raises:
        UsageError: it is.
    """
    if out == "" or (isinstance(out, list) and "" in out):
        raise UsageError("-o: expected the name of a file or folder, received an empty one")
    return out


def names(listed: str) -> list[str]:
    """Turn "zarr, png" into ["zarr", "png"]."""
    return [name.strip() for name in listed.split(",") if name.strip()]


@contextmanager
def outputs_made(outputs: Iterable[Path]) -> Iterator[None]:
    """Where outputs go, publish first what killed runs left there, and leave no empty folder at the end."""
    from sharpear.sinks.harmless import none_left_empty  # noqa: PLC0415

    outputs = list(outputs)
    folders = list(dict.fromkeys(output.parent for output in outputs))
    tidy_folders(folders)
    with none_left_empty(outputs):
        yield


def tidy_folders(folders: Iterable[Path]) -> tuple[int, int]:
    """Publish or remove what killed runs left in `folders`, and say what was recovered.

    Returns how many outputs were recovered, and how many are still being written.
    """
    from sharpear.sinks.recovery import tidy  # noqa: PLC0415

    recovered = alive = 0
    for folder in folders:
        found = tidy(folder)
        for line in found.lines:
            say(line)
        recovered, alive = recovered + len(found.lines), alive + found.alive
    return recovered, alive
