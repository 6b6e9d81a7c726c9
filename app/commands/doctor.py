"""``sharpear doctor``: what is there, what is missing, and the command that installs it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sharpear.errors import printable


def doctor(
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Compile what is not yet compiled, so no run waits.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check compiled kernels, PortAudio, devices, GPU and optional parts."""
    from sharpear.live.checkup import examine  # noqa: PLC0415

    if prepare:
        from .prepare import prepare_kernels  # noqa: PLC0415

        prepare_kernels()
    found = examine()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=1))
    for finding in () if as_json else found:
        mark = {True: "ok", False: "missing"}[finding.good]
        typer.echo(f"{mark:<8} {finding.part:<10} {printable(finding.told)}")
