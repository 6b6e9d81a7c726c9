"""``sharpear verify``: which outputs are still as they were written."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError, printable

from .common import EXIT_SOME_FAILED, say
from .options import QuietOption

if TYPE_CHECKING:
    from sharpear.integrity import Finding

GOOD = ("whole", "readable")


def verify(
    paths: Annotated[list[str], typer.Argument(help="Outputs, folders that hold some, or URLs.")],
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Look below folders, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, an object for each output.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Say which outputs are not whole, and what is wrong with them: exit 0 where all are, else 1."""
    from sharpear.integrity import examine  # noqa: PLC0415
    from sharpear.runs.places import access  # noqa: PLC0415

    counts: Counter[str] = Counter()
    failed = False
    for word in paths:
        for place, named in _outputs(word, recursive):
            try:
                found = examine(place, access(place))
            except OSError as error:
                from sharpear.integrity import Finding  # noqa: PLC0415

                found = Finding("damaged", f"cannot be read ({error.strerror or error})")
            counts[found.state] += 1
            # In a folder other people's files may stand beside outputs; what was named must be one.
            bad = found.state not in GOOD and (named or found.state != "foreign")
            failed = failed or bad
            _tell(place, found, bad, as_json)
    if not quiet:
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "no outputs there"
        say(told)
    if failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def _tell(place: str, found: "Finding", bad: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"path": place, "state": found.state, "message": found.told}))
    elif bad:
        say(f"{place}: {found.state}: {found.told}")


def _outputs(word: str, recursive: bool) -> Iterator[tuple[str, bool]]:
    """(place, whether it was named itself) of every output that `word` names."""
    from sharpear.integrity import KINDS  # noqa: PLC0415
    from sharpear.runs.places import is_url  # noqa: PLC0415

    path = Path(word)
    if is_url(word) or path.suffix == ".zarr" or not path.is_dir():
        yield word, True
        return
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        try:
            children = sorted(folder.iterdir())
        except OSError as error:
            raise UsageError(f"{folder}: cannot be looked into ({printable(error.strerror or '')})") from error
        for child in children:
            if child.name.startswith("."):
                continue
            if child.is_dir() and not child.is_symlink() and child.suffix != ".zarr":
                waiting += [child] if recursive else []
            elif child.suffix.removeprefix(".").lower() in KINDS:
                yield str(child), False
