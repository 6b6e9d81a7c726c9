"""What the shell offers for an option's value: presets, settings, formats, stems, devices."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from sharpear.live.audio_devices import Device

Offered = str | tuple[str, str]
"""A value, or a value and what it means."""

Offer = Callable[[typer.Context, str], Iterable[Offered]]
Names = Callable[[typer.Context], Iterable[str]]
"""What there is to choose from, as far as the options before tell."""


def one_of(names: Names) -> Offer:
    """Offers a single one of some names."""

    def offer(context: typer.Context, incomplete: str) -> list[Offered]:
        return [*names(context)]

    return offer


def several_of(names: Names) -> Offer:
    """Offers the next of names that stand between commas, and none twice."""

    def offer(context: typer.Context, incomplete: str) -> list[Offered]:
        before, comma, _ = incomplete.rpartition(",")
        return [before + comma + name for name in names(context) if name not in before.split(",")]

    return offer


def offer_presets(incomplete: str) -> list[Offered]:
    """The presets by name, and what each is for."""
    from sharpear.config import load_config, preset_names  # noqa: PLC0415

    return [(name, load_config(name).description) for name in preset_names()]


def offer_settings(context: typer.Context, incomplete: str) -> list[Offered]:
    """KEY=VALUE of every setting that the command reads, with the value of the preset that was chosen."""
    from sharpear.config import Section, load_config, toml_text  # noqa: PLC0415
    from sharpear.errors import UsageError  # noqa: PLC0415

    try:
        config = load_config(context.params.get("preset") or "music")
    except UsageError:
        return []
    reads_pitch = context.info_name in ("transcribe", "view") or bool(context.params.get("pitch"))

    def written(value: object) -> str:  # as few words as can be, and none in quotes: it goes through a shell
        return value if isinstance(value, str) else toml_text(value).replace(" ", "")

    return [
        (f"{name}.{key}={written(getattr(section, key))}", field.description or "")
        for name, section in config
        if isinstance(section, Section) and (reads_pitch or name != "pitch")
        for key, field in type(section).model_fields.items()
    ]


def frame_formats(context: typer.Context) -> list[str]:
    """What frames are written as: to stdout if -o says so, else into files."""
    from sharpear.sinks import SINKS, STREAM_FORMATS  # noqa: PLC0415

    return list(STREAM_FORMATS if str(context.params.get("out")) == "-" else SINKS)


def note_formats(context: typer.Context) -> list[str]:
    """What notes are written as."""
    from sharpear.pitch.note_files import NOTE_KINDS  # noqa: PLC0415

    return list(NOTE_KINDS)


def encodings(context: typer.Context) -> list[str]:
    """What raw samples are encoded as."""
    from sharpear.audio.raw import ENCODINGS  # noqa: PLC0415

    return list(ENCODINGS)


def subtypes(context: typer.Context) -> list[str]:
    """What stems are encoded as."""
    from sharpear.separation.stem_files import SUBTYPES  # noqa: PLC0415

    return list(SUBTYPES)


def clips(context: typer.Context) -> list[str]:
    """What becomes of samples beyond full scale."""
    from sharpear.separation.stem_files import CLIPS  # noqa: PLC0415

    return list(CLIPS)


def backends(context: typer.Context) -> list[str]:
    """Where a batch may run."""
    return ["cpu", "gpu", "gpu:1", "auto"]


def temperaments(context: typer.Context) -> list[str]:
    """What notes may be named in."""
    from sharpear.config import TEMPERAMENTS  # noqa: PLC0415

    return list(TEMPERAMENTS)


def stems(context: typer.Context) -> list[str]:
    """The stems that the options before ask for."""
    from sharpear.errors import SharpearError  # noqa: PLC0415

    from .stem_options import choose_sources, count_voices  # noqa: PLC0415 (which offers what is here)

    try:
        count = count_voices(context.params.get("voices"), None)
        return choose_sources(context.params.get("sources") or "", count)[1]
    except SharpearError:
        return []


def offer_inputs(incomplete: str) -> list[Offered]:
    """The audio inputs by their index, each with its name."""
    return _devices(lambda device: device.inputs)


def offer_outputs(incomplete: str) -> list[Offered]:
    """The audio outputs by their index, each with its name."""
    return _devices(lambda device: device.outputs)


def _devices(channels: "Callable[[Device], int]") -> list[Offered]:
    from sharpear.errors import AudioDeviceError  # noqa: PLC0415
    from sharpear.live.audio_devices import list_devices, load_portaudio  # noqa: PLC0415

    try:
        return [(str(device.index), device.name) for device in list_devices(load_portaudio()) if channels(device)]
    except AudioDeviceError:
        return []
