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
    from .frames import Frames, Spectrogram
    from .pipeline import Sharpener, sharpen
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
    "Frames": "frames",
    "Sharpener": "pipeline",
    "Spectrogram": "frames",
    "__version__": "version",
    "load_config": "config",
    "sharpen": "pipeline",
}


def __getattr__(name: str) -> Any:
    """Modules and their kernels are loaded when they are asked for.

    So the command line hears Ctrl-C before it loads anything, and processes that only pass sound on stay small.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
