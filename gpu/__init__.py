"""Where kernels run: Numba on the CPU, or the CUDA source beside it on a GPU, chosen once when an object is built."""

from .backend import CPU, Backend, Record
from .cupy_driver import CupyDriver
from .device import DeviceBackend, GpuUnavailableError, LayerTooLargeError
from .pending import Pending

__all__ = [
    "CPU",
    "Backend",
    "DeviceBackend",
    "GpuUnavailableError",
    "LayerTooLargeError",
    "Pending",
    "Record",
    "open_gpu",
]


def open_gpu(index: int = 0) -> DeviceBackend:
    """The GPU of that number, through CuPy.

    Raises:
        GpuUnavailableError: CuPy, the driver or the card is missing or cannot be used: the message says why.
    """
    return DeviceBackend(CupyDriver(index))
