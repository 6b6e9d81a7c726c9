"""``sharpear doctor``: what is there, what is missing, and the command that installs it."""

import typer


def doctor() -> None:
    """Check PortAudio, devices, GPU and optional parts."""
    from sharpear.live.doctor import examine  # noqa: PLC0415

    for finding in examine():
        mark = {True: "ok", False: "missing"}[finding.good]
        typer.echo(f"{mark:<8} {finding.part:<10} {finding.told}")
