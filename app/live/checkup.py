"""What the optional and the system's parts are like here."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sharpear.compiler.cache import first_writable
from sharpear.compiler.cache_places import usual_places
from sharpear.errors import AudioDeviceError
from sharpear.gpu import GpuUnavailableError, open_gpu

from .audio_devices import list_devices, load_portaudio, no_input


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, and what it is or how to get it."""

    part: str
    good: bool
    told: str


def examine() -> list[Finding]:
    """Look at every part. Nothing raises, and nothing is made but a folder for kernels where none can be written."""
    return [
        *_kernels(),
        *_audio(),
        _packages("view", ("websockets",), "the page in the browser"),
        _packages("plot", ("matplotlib",), "PNG pictures"),
        _gpu(),
    ]


def _kernels() -> list[Finding]:
    """Where compiled kernels are, and where those that are compiled next will be."""
    first, failed = first_writable()
    causes = {place.path: error.strerror for place, error in failed.items()}
    found = []
    for place in dict.fromkeys([*usual_places(), *([first] if first else [])]):
        kept, is_first = len(place.names()), first is not None and place.path == first.path
        if is_first or kept:
            use = (
                "new ones are kept here" if is_first else f"cannot be written ({causes.get(place.path, 'not needed')})"
            )
            found.append(Finding("kernels", True, f"{place.path}: {kept} compiled, {use}"))
    if not first:
        told = ", ".join(f"{path}: {cause}" for path, cause in causes.items())
        advice = "every run compiles what is missing: set NUMBA_CACHE_DIR to a folder of yours"
        found.append(Finding("kernels", False, f"can be kept nowhere ({told}): {advice}"))
    return found


def _audio() -> list[Finding]:
    try:
        sd = load_portaudio()
    except AudioDeviceError as error:
        return [Finding("PortAudio", False, str(error))]
    found = [Finding("PortAudio", True, sd.get_portaudio_version()[1])]
    inputs = [device for device in list_devices(sd) if device.inputs]
    if not inputs:
        return [*found, Finding("input", False, no_input(sd))]
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
