"""What callers hand over (audio, rates, times, counts), checked once at the edge."""

import math
import reprlib
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.errors import UsageError

from .audio_file import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

BLOCK_SAMPLES = 16384
"""Samples of each channel that are read at once."""

FEWEST_SAMPLES = 2
"""A recording of fewer samples than channels is taken for a transposed one, unless it is as short as this."""


def as_audio(samples: ArrayLike) -> NDArray[np.float32]:
    """Floating-point audio as float32; what that cannot hold becomes Inf.

    Raises:
        UsageError: it holds integers, or no real numbers at all.

    >>> as_audio([0.5, -0.5]).dtype
    dtype('float32')
    """
    try:
        audio = np.asarray(samples)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unequal length, tensors that are elsewhere
        raise UsageError(
            f"expected audio as an array of numbers, received {type(samples).__name__} ({error})"
        ) from None
    if audio.dtype.kind != "f" and audio.size:
        remedy = ": divide integers first" if audio.dtype.kind in "iu" else ""
        raise UsageError(f"expected audio as floating point with full scale ±1, received {audio.dtype}{remedy}")
    if audio.dtype == np.float32:  # mostly, and to tell NumPy what to ignore takes as long as all the rest
        return audio
    with np.errstate(over="ignore"):
        return audio.astype(np.float32)


def as_streams(block: ArrayLike, streams: int) -> NDArray[np.float32]:
    """Audio as (samples, streams) float32; for one stream (samples,) will do.

    Raises:
        UsageError: as `as_audio`, or it has another number of streams.
    """
    audio = as_audio(block)
    shape = audio.shape
    if audio.ndim == 1 and streams == 1:
        audio = audio[:, None]
    if audio.ndim != 2 or audio.shape[1] != streams:
        turned = len(shape) == 2 and shape[0] == streams
        remedy = ": time comes first, so transpose it (audio.T)" if turned else ""
        raise UsageError(f"expected audio of shape (samples, {streams}), received {shape}{remedy}")
    return audio


def as_recording(samples: ArrayLike) -> NDArray[np.float32]:
    """A whole recording, (samples,) or (samples, channels), as float32.

    Raises:
        UsageError: as `as_audio`, or it is empty, has other axes, or more channels than samples.

    >>> as_recording(np.zeros((2, 44100)))
    Traceback (most recent call last):
        ...
    sharpear.errors.UsageError: expected audio of shape (samples, channels), received (2, 44100), which would be \
44100 channels of 2 samples: time comes first, so transpose it (audio.T)
    """
    audio = as_audio(samples)
    if audio.ndim not in (1, 2) or audio.size == 0:
        empty = ", which is empty" if audio.size == 0 else ""
        raise UsageError(f"expected audio of shape (samples,) or (samples, channels), received {audio.shape}{empty}")
    if audio.ndim == 2 and audio.shape[1] > max(audio.shape[0], FEWEST_SAMPLES):
        raise UsageError(
            f"expected audio of shape (samples, channels), received {audio.shape}, which would be "
            f"{audio.shape[1]} channels of {audio.shape[0]} samples: time comes first, so transpose it (audio.T)"
        )
    return audio


def as_rate(sample_rate: Any) -> float:
    """Check that a sample rate, Hz, is one that can be sharpened.

    Raises:
        UsageError: it is no number, or out of range.

    >>> as_rate("16000")
    Traceback (most recent call last):
        ...
    sharpear.errors.UsageError: expected a sample rate of 8000 to 192000 Hz, received '16000'
    """
    if not _is_number(sample_rate) or not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ:
        raise UsageError(
            f"expected a sample rate of {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz, received {_shown(sample_rate)}"
        )
    return float(sample_rate)


def as_seconds(time_s: Any, name: str) -> float:
    """Check a time in seconds, which errors call `name`.

    Raises:
        UsageError: it is no number, or not finite.
    """
    if not _is_number(time_s) or not math.isfinite(time_s):
        raise UsageError(f"expected {name} as a time in seconds, received {_shown(time_s)}")
    return float(time_s)


def as_count(number: Any, name: str) -> int:
    """Check a number of things, at least 1.

    Raises:
        UsageError: it is no whole number, or below 1.

    >>> as_count(0, "stream")
    Traceback (most recent call last):
        ...
    sharpear.errors.UsageError: expected at least 1 stream, received 0
    """
    if not isinstance(number, Integral) or isinstance(number, bool) or number < 1:
        raise UsageError(f"expected at least 1 {name}, received {_shown(number)}")
    return int(number)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _shown(value: Any) -> str:
    return f"{float(value):g}" if _is_number(value) else reprlib.repr(value)
