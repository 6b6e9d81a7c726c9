"""Real-time streaming audio super-resolution.

>>> import numpy as np, sharpear
>>> spec = sharpear.sharpen(np.zeros(4410), 44100, preset="music", overrides={"bank.low_hz": 150.0})
>>> spec.frequencies[0].round()
np.float64(150.0)
"""

from typing import TYPE_CHECKING, Any

from .config import Config, load_config
from .errors import AudioDeviceError, InputError, SharpearError, UsageError
from .frames import Frames, Spectrogram
from .version import __version__

if TYPE_CHECKING:
    from .pipeline import Sharpener, sharpen

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


def __getattr__(name: str) -> Any:
    """The pipeline and its kernels are loaded when they are asked for: processes that only pass sound on stay small."""
    if name not in ("Sharpener", "sharpen"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import pipeline  # noqa: PLC0415

    return getattr(pipeline, name)
