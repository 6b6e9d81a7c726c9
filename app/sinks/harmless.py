"""Outputs that may be written without destroying what else is there, and that leave nothing behind."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sharpear.errors import UsageError


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Check that no output is an input, by whatever name, and that no two outputs are one file.

    Raises:
        UsageError: one is.
    """
    inputs, taken = list(inputs), set()
    for output in outputs:
        if output.exists() and any(path.exists() and output.samefile(path) for path in inputs):
            raise UsageError(f"{output}: is an input itself: choose another place")
        if output.resolve() in taken:
            raise UsageError(f"{output}: would be written twice: choose another place for one of them")
        taken.add(output.resolve())


def check_report(path: Path, outputs: Iterable[Path], inputs: Iterable[Path], overwrite: bool) -> None:
    """Check that a report replaces only an earlier report, unless anything may be overwritten.

    Raises:
        UsageError: it is an input or output, or something else is there.
    """
    check_apart([*outputs, path], inputs)
    if path.is_dir():
        raise UsageError(f"--report {path}: is a folder, expected a file for the report")
    if not path.exists() or overwrite:
        return
    try:
        earlier = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError):
        earlier = None
    if not isinstance(earlier, dict) or not {"sharpear", "files"} <= earlier.keys():
        raise UsageError(f"--report {path}: exists already, and is no report: --overwrite replaces it")


@contextmanager
def none_left_empty(outputs: Iterable[Path]) -> Iterator[None]:
    """Remove folders of `outputs` that were made meanwhile and are empty at the end."""
    missing = {folder for output in outputs for folder in output.parents if not os.path.exists(folder)}
    try:
        yield
    finally:
        for folder in sorted(missing, reverse=True):  # what is below comes first
            with suppress(OSError):
                folder.rmdir()
