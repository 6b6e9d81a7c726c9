"""``sharpear learn``: recordings of one source in, its dictionary out."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sharpear.errors import UsageError

from .common import CHECKED_LATER, outputs_made, refuse_stdin, say
from .options import DurationOption, OverwriteOption, QuietOption, StartOption


def learn(
    name: Annotated[str, typer.Argument(help="Name of the source, and of its stem.")],
    inputs: Annotated[list[Path], typer.Argument(**CHECKED_LATER, help="Recordings of the source alone.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The dictionary; NAME.npz if not given.")] = None,
    atoms: Annotated[int, typer.Option(help="Size of the dictionary.")] = 48,
    epochs: Annotated[int, typer.Option(help="How often to go through the examples.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    start: StartOption = 0.0,
    duration: DurationOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the dictionary's name, size and place.")] = False,
    quiet: QuietOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Learn what a source sounds like, for `sharpear separate --sources`."""
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.separation.learning import learn_files  # noqa: PLC0415
    from sharpear.sinks.harmless import check_apart  # noqa: PLC0415

    refuse_stdin(inputs, "write the stream to a file, and learn from that")
    path = out or Path(f"{name}.npz")
    if path.suffix != ".npz":
        raise UsageError(f"-o {path}: expected a name that ends in .npz")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists already: --overwrite replaces it, -o chooses another place")
    check_apart([path], inputs)
    with outputs_made([path]):
        dictionary = learn_files(name, inputs, atoms, epochs, seed, Selection(start, duration))
        dictionary.save(path, epochs=epochs, seed=seed)
    if (found := len(dictionary.atoms)) < atoms:
        say(
            f"{name}: the recordings hold {found} examples, so it has {found} atoms, not {atoms}: more audio gives more"
        )
    if as_json:
        typer.echo(json.dumps({"name": name, "atoms": len(dictionary.atoms), "path": str(path)}, ensure_ascii=False))
    elif not quiet:
        say(f"{name}: {len(dictionary.atoms)} atoms → {path}")
