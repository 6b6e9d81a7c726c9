"""``sharpear latency-test``: the round trip that is, beside the one that is claimed."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from .completion import offer_inputs


def latency_test(
    device: Annotated[
        str | None,
        typer.Option(help="An input's index or name; the default one if not given.", autocompletion=offer_inputs),
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Sample rate, Hz; the device's own if not given.")] = None,
    block: Annotated[int, typer.Option(min=16, max=16384, help="Samples between callbacks.")] = 256,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the delay of every probe.")] = False,
) -> None:
    """Play a probe, record it, and time the way: connect the output to the input, or bring the two close together."""
    import numpy as np  # noqa: PLC0415

    from sharpear.live.probe import measure_round_trip  # noqa: PLC0415

    trip = measure_round_trip(device, rate, block)
    if as_json:
        typer.echo(json.dumps(asdict(trip), ensure_ascii=False, indent=1))
        return
    delays_ms = 1e3 * np.array(trip.delays_s)
    claimed = "nothing credible" if trip.claimed_s is None else f"{1e3 * trip.claimed_s:.2f} ms"
    typer.echo(
        f"{trip.device}, {trip.rate_hz} Hz, block {trip.block}: round trip {np.median(delays_ms):.2f} ms "
        f"({delays_ms.min():.2f} to {delays_ms.max():.2f}, {len(delays_ms)} of {trip.sent} probes found); "
        f"the device claims {claimed}"
    )
