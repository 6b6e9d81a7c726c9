"""``sharpear presets``: what there is to choose from."""

from typing import Annotated

import typer


def presets(name: Annotated[str | None, typer.Argument(help="Show this preset's settings.")] = None) -> None:
    """List the presets, or show one with all its settings."""
    from sharpear.config import load_config, preset_names, to_toml  # noqa: PLC0415

    if name is not None:
        typer.echo(to_toml(load_config(name)), nl=False)
        return
    for each in preset_names():
        typer.echo(f"{each:<14} {load_config(each).description}")
