"""The device that a person names, as a backend."""

import re

from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, GpuUnavailableError, open_gpu


def backend_of(device: str | Backend) -> Backend:
    """The backend of "cpu", "gpu", "gpu:1" (the second one) or "auto": a GPU if there is one, otherwise the CPU.

    Raises:
        UsageError: it is another word, or there is no such GPU: the message says what is missing.

    >>> backend_of("cpu") is CPU
    True
    """
    if isinstance(device, Backend):
        return device
    named = re.fullmatch(r"cpu|auto|gpu(?::(\d+))?", device)
    if not named:
        raise UsageError(f"expected the device cpu, gpu, gpu:1 or auto, received {device!r}")
    if device == "cpu":
        return CPU
    try:
        return open_gpu(int(named[1] or 0))
    except GpuUnavailableError as error:
        if device == "auto":
            return CPU
        raise UsageError(f"--device {device}: {error}; --device cpu does without") from None
