"""Where kernels run: Numba on the CPU, or the CUDA source beside it on a GPU, chosen once when an object is built."""

from .backend import CPU, Backend, Record
from .cupy_driver import CupyDriver
from .device import DeviceBackend, GpuUnavailableError
from .pending import Pending

__all__ = ["CPU", "Backend", "DeviceBackend", "GpuUnavailableError", "Pending", "Record", "open_gpu"]


def open_gpu(index: int = 0) -> DeviceBackend:
    """The GPU of that number, through CuPy.

    Raises:
        GpuUnavailableError: CuPy, the driver or the card is missing; the message says which, in one line.
    """
    return DeviceBackend(CupyDriver(index))
