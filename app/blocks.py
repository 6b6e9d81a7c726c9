"""Blocks of audio as callers give them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UsageError


def as_audio(samples: ArrayLike) -> NDArray[np.float32]:
    """Floating-point audio as float32; what that cannot hold becomes Inf.

    Raises:
        UsageError: it holds integers, or no real numbers at all.

    >>> as_audio([0.5, -0.5]).dtype
    dtype('float32')
    """
    audio = np.asarray(samples)
    if audio.dtype.kind != "f" and audio.size:
        raise UsageError(
            f"expected audio as floating point with full scale ±1, received {audio.dtype}: divide integers first"
        )
    with np.errstate(over="ignore"):
        return audio.astype(np.float32, copy=False)


def as_streams(block: ArrayLike, streams: int) -> NDArray[np.float32]:
    """Audio as (samples, streams) float32; for one stream (samples,) will do.

    Raises:
        UsageError: as `as_audio`, or it has another number of streams.
    """
    audio = as_audio(block)
    if audio.ndim == 1 and streams == 1:
        audio = audio[:, None]
    if audio.ndim != 2 or audio.shape[1] != streams:
        raise UsageError(f"expected audio of shape (samples, {streams}), received {np.shape(block)}")
    return audio
