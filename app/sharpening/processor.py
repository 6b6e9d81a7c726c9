"""The device that a person names, as a backend."""

import re

from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, open_gpu

CPU_MODES = ("beliefs",)
"""Values of network.mode whose kernels are none of a card's."""


def backend_of(device: str | Backend, mode: str = "") -> Backend:
    """The backend of "cpu", "gpu", "gpu:1" (the second one) or "auto": a GPU if there is one, otherwise the CPU.

    mode: the network.mode that is to run there; with one that runs on the CPU alone, "auto" is the CPU.

    Raises:
        UsageError: it is another word, there is no such GPU, or the mode does not run on one: the message says what is
            missing.

    >>> backend_of("cpu") is CPU
    True
    """
    if isinstance(device, Backend):
        if isinstance(device, DeviceBackend) and mode in CPU_MODES:
            raise _needs_cpu("the device a GPU", mode)
        return device
    named = re.fullmatch(r"cpu|auto|gpu(?::(\d+))?", device)
    if not named:
        raise UsageError(f"expected the device cpu, gpu, gpu:1 or auto, received {device!r}")
    if device == "cpu" or (device == "auto" and mode in CPU_MODES):
        return CPU
    if mode in CPU_MODES:
        raise _needs_cpu(f"--device {device}", mode)
    try:
        return open_gpu(int(named[1] or 0))
    except GpuUnavailableError as error:
        if device == "auto":
            return CPU
        raise UsageError(f"--device {device}: {error}; --device cpu does without") from None


def _needs_cpu(what: str, mode: str) -> UsageError:
    return UsageError(f"{what}: network.mode {mode} runs on the CPU so far: take --device cpu")
