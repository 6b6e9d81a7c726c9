"""``sharpear devices``: what there is to listen to."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def devices(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the audio devices; * marks the default input."""
    from sharpear.errors import AudioDeviceError  # noqa: PLC0415
    from sharpear.live.audio_devices import list_devices, load_portaudio, no_input  # noqa: PLC0415

    sd = load_portaudio()
    found = list_devices(sd)
    if as_json:
        typer.echo(json.dumps([asdict(device) for device in found], ensure_ascii=False, indent=1))
    for device in () if as_json else found:
        star = "*" if device.default else " "
        typer.echo(
            f"{star}{device.index:>3}  {device.name:<40} {device.host:<24} "
            f"{device.inputs} in, {device.outputs} out, {device.rate_hz} Hz"
        )
    if not any(device.inputs for device in found):
        raise AudioDeviceError(no_input(sd))
