"""Real-time streaming audio super-resolution.

>>> import numpy as np, sharpear
>>> spec = sharpear.sharpen(np.zeros(4410), 44100, preset="music", overrides={"bank.low_hz": 150.0})
>>> spec.frequencies[0].round()
np.float64(150.0)
"""

from .config import Config, load_config
from .errors import AudioDeviceError, InputError, SharpearError, UsageError
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
