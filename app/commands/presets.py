"""``sharpear presets``: what there is to choose from."""

import json
from typing import Annotated

import typer

from .completion import offer_presets


def presets(
    name: Annotated[
        str | None, typer.Argument(help="Show this preset's settings.", autocompletion=offer_presets)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the presets, or show one with all its settings."""
    from sharpear.config import load_config, preset_names, to_toml  # noqa: PLC0415

    if as_json:
        names = preset_names() if name is None else [name]
        told = [{"name": each, **load_config(each).model_dump(mode="json")} for each in names]
        typer.echo(json.dumps(told if name is None else told[0], ensure_ascii=False, indent=1))
    elif name is not None:
        typer.echo(to_toml(load_config(name)), nl=False)
    else:
        for each in preset_names():
            typer.echo(f"{each:<14} {load_config(each).description}")
