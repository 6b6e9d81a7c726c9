"""Real-time streaming audio super-resolution.

>>> import numpy as np, sharpear
>>> spec = sharpear.sharpen(np.zeros(4410), 44100, preset="music", overrides={"bank.low_hz": 150.0})
>>> spec.frequencies[0].round()
np.float64(150.0)
>>> spec
<Spectrogram: 36 frames, 0.000 to 0.102 s, 768 atoms, 150 to 14080 Hz>
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import AudioDeviceError, InputError, SharpearError, UsageError

if TYPE_CHECKING:
    from .config import Config, load_config
    from .pitch.pitch_layer import PitchFrames
    from .pitch.transcriber import Transcriber, Transcription, transcribe
    from .recordings.reader import load
    from .recordings.spectrogram import Spectrogram
    from .recordings.whole import sharpen
    from .separation.separator import Separator, separate
    from .separation.stems import Stems
    from .sharpening.blockwise import astream, stream
    from .sharpening.frames import Frames
    from .sharpening.sharpener import Sharpener
    from .version import __version__

_MODULES = {
    "Config": "config",
    "Frames": "sharpening.frames",
    "PitchFrames": "pitch.pitch_layer",
    "Separator": "separation.separator",
    "Sharpener": "sharpening.sharpener",
    "Spectrogram": "recordings.spectrogram",
    "Stems": "separation.stems",
    "Transcriber": "pitch.transcriber",
    "Transcription": "pitch.transcriber",
    "__version__": "version",
    "astream": "sharpening.blockwise",
    "load": "recordings.reader",
    "load_config": "config",
    "separate": "separation.separator",
    "sharpen": "recordings.whole",
    "stream": "sharpening.blockwise",
    "transcribe": "pitch.transcriber",
}

__all__ = [
    "AudioDeviceError",
    "Config",
    "Frames",
    "InputError",
    "PitchFrames",
    "Separator",
    "SharpearError",
    "Sharpener",
    "Spectrogram",
    "Stems",
    "Transcriber",
    "Transcription",
    "UsageError",
    "__version__",
    "astream",
    "load",
    "load_config",
    "separate",
    "sharpen",
    "stream",
    "transcribe",
]


def __getattr__(name: str) -> Any:
    """Modules and their kernels are loaded when they are asked for.

    So the command line can answer Ctrl-C before it loads anything, and processes that only pass sound on stay small.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, whether loaded or not, and no module."""
    return __all__
