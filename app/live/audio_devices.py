"""What PortAudio offers: its devices, what they accept, and what to do when there is nothing."""

from dataclasses import dataclass
from typing import Any

from sharpear.audio import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from sharpear.errors import AudioDeviceError, UsageError
from sharpear.quiet import quiet_stderr
from sharpear.system import SHARED_MEMORY, free_bytes, why_no_sound

RATES_HZ = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
LONGEST_LATENCY_S = 5.0
"""A device that claims more than this does not know its latency."""
LEAST_SHARED_BYTES = 1 << 20
INSTALL_PORTAUDIO = "install it (Debian: apt-get install libportaudio2; macOS: brew install portaudio)"


@dataclass(frozen=True)
class Device:
    """One of PortAudio's devices. rate_hz is its own sample rate, latency_s the input latency it claims, if any."""

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate_hz: int
    latency_s: float | None
    default: bool


def load_portaudio() -> Any:
    """The module `sounddevice`, with PortAudio behind it.

    Raises:
        AudioDeviceError: PortAudio is missing, or cannot start.
    """
    if not _has_shared_memory():  # JACK's library writes there without asking, which ends the process
        raise AudioDeviceError(f"{SHARED_MEMORY} is full, and the sound system needs some of it: make room")
    try:
        with quiet_stderr():  # the libraries below PortAudio speak to stderr about every host that is absent
            import sounddevice  # noqa: PLC0415
    except OSError as error:
        raise AudioDeviceError(f"PortAudio is not installed ({error}): {INSTALL_PORTAUDIO}") from error
    except Exception as error:  # PortAudioError, which cannot be named before the import has succeeded
        raise AudioDeviceError(
            f"PortAudio cannot start ({error}): repair the sound system's configuration, e.g. ~/.asoundrc"
        ) from error
    return sounddevice


def _has_shared_memory() -> bool:
    room = free_bytes(SHARED_MEMORY)
    return room is None or room >= LEAST_SHARED_BYTES


def credible_latency(claimed_s: float) -> float | None:
    """The latency that a device claims, or None if the claim is nonsense.

    >>> credible_latency(0.0087), credible_latency(89478.48), credible_latency(float("nan"))
    (0.0087, None, None)
    """
    return float(claimed_s) if 0 <= claimed_s < LONGEST_LATENCY_S else None


def list_devices(sd: Any) -> list[Device]:
    """All devices, inputs and outputs."""
    hosts = [host["name"] for host in sd.query_hostapis()]
    default = sd.default.device[0]
    return [
        Device(
            index,
            entry["name"],
            hosts[entry["hostapi"]],
            entry["max_input_channels"],
            entry["max_output_channels"],
            round(entry["default_samplerate"]),
            credible_latency(entry["default_low_input_latency"]) if entry["max_input_channels"] else None,
            index == default,
        )
        for index, entry in enumerate(sd.query_devices())
    ]


def no_input(sd: Any) -> str:
    """That PortAudio sees no input, why that may be so on this system, and what to do."""
    told = f"no audio input found: {sd.get_portaudio_version()[1].partition(',')[0]} runs and sees none"
    cause = why_no_sound()
    return f"{told}{f' ({cause})' if cause else ''}: connect a microphone, or play a file with `sharpear live --replay`"


def choose_input(sd: Any, wanted: str | None) -> Device:
    """The default input, or the one of this index, or whose name contains this.

    Raises:
        AudioDeviceError: there is no such input; the inputs that there are are named.
    """
    inputs = [device for device in list_devices(sd) if device.inputs]
    if not inputs:
        raise AudioDeviceError(no_input(sd))
    if wanted is None:
        return next((device for device in inputs if device.default), inputs[0])
    return _named(inputs, wanted, "input", "--device")


def _named(devices: list[Device], wanted: str, kind: str, option: str) -> Device:
    """The device of this index, or whose name contains this."""
    exact = [device for device in devices if wanted in (str(device.index), device.name)]
    partial = [device for device in devices if wanted.lower() in device.name.lower()]
    found = exact or partial
    if not found:
        there = ", ".join(f"{device.index} {device.name}" for device in devices)
        raise AudioDeviceError(f"no audio {kind} {wanted!r}: there are {there}")
    if len(found) > 1 and not exact:
        several = ", ".join(f"{device.index} {device.name}" for device in found)
        raise UsageError(f"{option} {wanted!r} fits several {kind}s ({several}): give the index")
    return found[0]


def find_output(sd: Any, wanted: str | None) -> Device:
    """The default output, or the one of this index, or whose name contains this.

    Raises:
        AudioDeviceError: there is no such output; the outputs that there are are named.
    """
    outputs = [device for device in list_devices(sd) if device.outputs]
    if not outputs:
        raise AudioDeviceError("no audio output found: connect one (`sharpear devices` lists them)")
    if wanted is None:
        return next((device for device in outputs if device.index == sd.default.device[1]), outputs[0])
    return _named(outputs, wanted, "output", "--output-device")


def choose_output(sd: Any, inlet: Device) -> Device:
    """The output beside an input: the same device, else the default one.

    Raises:
        AudioDeviceError: there is none.
    """
    outputs = [device for device in list_devices(sd) if device.outputs]
    same = [device for device in outputs if device.name == inlet.name and device.host == inlet.host]
    default = [device for device in outputs if device.index == sd.default.device[1]]
    for device in same + default + outputs:
        return device
    raise AudioDeviceError("no audio output found: connect one (`sharpear devices` lists them)")


def check_input(sd: Any, device: Device, rate_hz: int, channels: int) -> None:
    """Check that the device takes this rate and these channels.

    Raises:
        UsageError: it does not, with what it does accept.
        AudioDeviceError: it accepts nothing at all now.
    """
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise UsageError(f"--rate {rate_hz}: expected {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz")
    if not 1 <= channels <= device.inputs:
        raise UsageError(f"--channels {channels}: {device.name} has {device.inputs}")
    cause = refusal(sd, device, rate_hz, channels)
    if cause is None:
        return
    rates = sorted({*RATES_HZ, device.rate_hz})
    accepted = [str(rate) for rate in rates if refusal(sd, device, rate, channels) is None]
    if not accepted:
        raise AudioDeviceError(f"{device.name} cannot be opened ({cause}): another program may hold it")
    raise UsageError(f"--rate {rate_hz}: {device.name} refuses it ({cause}) and accepts {', '.join(accepted)} Hz")


def refusal(sd: Any, device: Device, rate_hz: int, channels: int) -> str | None:
    """Why the device would not open like this; None if it would."""
    try:
        with quiet_stderr():
            sd.check_input_settings(device.index, channels=channels, dtype="float32", samplerate=rate_hz)
    except (sd.PortAudioError, ValueError) as error:
        return str(error).split(":")[-1].split("[")[0].strip()
    return None
