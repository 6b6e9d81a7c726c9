"""Real-time streaming audio super-resolution.

>>> import numpy as np, sharpear
>>> spec = sharpear.sharpen(np.zeros(4410), 44100, preset="music", overrides={"bank.low_hz": 150.0})
>>> spec.frequencies[0].round()
np.float64(150.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import AudioDeviceError, InputError, SharpearError, UsageError

if TYPE_CHECKING:
    from .config import Config, load_config
    from .sharpening.frames import Frames, Spectrogram
    from .sharpening.sharpener import Sharpener, sharpen
    from .version import __version__

__all__ = [
    "AudioDeviceError",
    "Config",
    "Frames",
    "InputError",
    "SharpearError",
    "Sharpener",
    "Spectrogram",
    "UsageError",
    "__version__",
    "load_config",
    "sharpen",
]

_MODULES = {
    "Config": "config",
    "Frames": "sharpening.frames",
    "Sharpener": "sharpening.sharpener",
    "Spectrogram": "sharpening.frames",
    "__version__": "version",
    "load_config": "config",
    "sharpen": "sharpening.sharpener",
}


def __getattr__(name: str) -> Any:
    """Modules and their kernels are loaded when they are asked for.

    So the command line hears Ctrl-C before it loads anything, and processes that only pass sound on stay small.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
