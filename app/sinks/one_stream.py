"""Frames of several streams as of one, for what draws and hears them together."""

import numpy as np

from sharpear.sharpening.frames import Frames


def added_up(frames: Frames) -> Frames:
    """Frames (frames, streams, atoms) as of one stream.

    Of each atom the power of all together, at the frequency of the strongest.
    """
    if frames.amplitude.shape[1] == 1:
        return frames
    strongest = frames.amplitude.argmax(axis=1)[:, None]
    hz = np.take_along_axis(frames.instantaneous_frequency, strongest, axis=1)
    amplitude = np.sqrt(np.square(frames.amplitude).sum(axis=1, keepdims=True))
    plain = np.sqrt(np.square(frames.plain_amplitude).sum(axis=1, keepdims=True))
    whose = frames.fundamental
    owner = None if whose is None else np.take_along_axis(whose, strongest, axis=1)
    return Frames(frames.times, amplitude, hz, plain, fundamental=owner)
