"""What the commands share: how they speak, read settings and show progress."""

from collections.abc import Sequence
from typing import Annotated

import typer

from sharpear.errors import UsageError, printable

EXIT_SOME_FAILED = 1

PresetOption = Annotated[str, typer.Option("--preset", help="A preset's name, or a TOML file.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: bank.low_hz=80.")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="No progress and no report.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]


def say(message: str) -> None:
    """One line on stderr."""
    typer.echo(f"sharpear: {printable(message)}", err=True)


def names(listed: str) -> list[str]:
    """Turn "zarr, png" into ["zarr", "png"]."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def overrides(settings: Sequence[str] | None) -> dict[str, str]:
    """["bank.low_hz=80"] → {"bank.low_hz": "80"}."""
    pairs = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set: expected KEY=VALUE such as bank.low_hz=80, received {setting!r}")
        pairs[key.strip()] = value.strip()
    return pairs
