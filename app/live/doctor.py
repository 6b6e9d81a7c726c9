"""What the optional and the system's parts are like here."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sharpear.errors import AudioDeviceError
from sharpear.gpu import GpuUnavailableError, open_gpu

from .devices import list_devices, load_portaudio


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, and what it is or how to get it."""

    part: str
    good: bool
    told: str


def examine() -> list[Finding]:
    """Look at every part; nothing is changed and nothing raises."""
    return [
        *_audio(),
        _packages("view", ("websockets",), "the page in the browser"),
        _packages("plot", ("matplotlib",), "PNG pictures"),
        _gpu(),
    ]


def _audio() -> list[Finding]:
    try:
        sd = load_portaudio()
    except AudioDeviceError as error:
        return [Finding("PortAudio", False, str(error))]
    found = [Finding("PortAudio", True, sd.get_portaudio_version()[1])]
    inputs = [device for device in list_devices(sd) if device.inputs]
    if not inputs:
        return [*found, Finding("input", False, "no audio input: connect a microphone, or play files with --replay")]
    for device in inputs:
        default = ", default" if device.default else ""
        found.append(
            Finding("input", True, f"{device.name} ({device.host}, {device.inputs} in, {device.rate_hz} Hz{default})")
        )
    return found


def _packages(extra: str, packages: tuple[str, ...], purpose: str) -> Finding:
    try:
        there = ", ".join(f"{package} {version(package)}" for package in packages)
    except PackageNotFoundError as error:
        return Finding(extra, False, f"{purpose} needs {error.name}: pip install 'sharpear[{extra}]'")
    return Finding(extra, True, f"{purpose}: {there}")


def _gpu() -> Finding:
    try:
        return Finding("GPU", True, open_gpu().name)
    except GpuUnavailableError as error:
        return Finding("GPU", False, f"{error}; everything runs on the CPU, which suffices for live input")
