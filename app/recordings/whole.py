"""A whole recording at once: an array, or a file or URL that holds one."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio import AudioFile
from sharpear.audio.blocks import BLOCK_SAMPLES, as_rate, as_recording
from sharpear.config import Config
from sharpear.errors import UsageError
from sharpear.gpu import Backend
from sharpear.runs.places import download, is_url, name_of
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener

from .spectrogram import Spectrogram

Progress = Callable[[float, float], object]
"""Told, as work goes on, the seconds of audio that are done and those there are; what it raises ends the work."""


def heard(audio: ArrayLike | str | os.PathLike[str], sample_rate: float | None) -> tuple[NDArray[np.float32], float]:
    """Samples and their rate, Hz, of an array with its rate, or of a path or URL, whose file says its own.

    A file of one channel gives (samples,), others (samples, channels).

    Raises:
        UsageError: an array without a sample rate, or a file with another one; as `as_recording` and `as_rate`.
        InputError: the file is missing, not audio, empty, or of a sample rate that cannot be sharpened.
    """
    if not isinstance(audio, str | os.PathLike):
        if sample_rate is None:
            raise UsageError("expected the sample rate of an array, Hz, received none: sharpen(audio, sample_rate)")
        return as_recording(audio), as_rate(sample_rate)
    place = os.fspath(audio)
    with tempfile.TemporaryDirectory() as folder:
        path = download(place, Path(folder)) if is_url(place) else Path(place)
        with AudioFile(path) as file:
            samples, rate = np.concatenate(list(file.blocks())), float(file.sample_rate)
    if sample_rate is not None and sample_rate != rate:
        raise UsageError(f"{place}: has a sample rate of its own, {rate:g} Hz, received {sample_rate!r}: leave it out")
    return (samples[:, 0] if samples.shape[1] == 1 else samples), rate


def in_blocks(
    samples: NDArray[np.float32], sample_rate: float, progress: Progress | None
) -> Iterator[NDArray[np.float32]]:
    """A recording block by block; `progress` is told of each when the next one is asked for.

    >>> told = []
    >>> blocks = list(in_blocks(np.zeros(20000, np.float32), 16000, lambda done_s, total_s: told.append(done_s)))
    >>> [len(block) for block in blocks], told
    ([16384, 3616], [1.024, 1.25])
    """
    for start in range(0, len(samples), BLOCK_SAMPLES):
        yield samples[start : start + BLOCK_SAMPLES]
        if progress:
            progress(min(start + BLOCK_SAMPLES, len(samples)) / sample_rate, len(samples) / sample_rate)


def sharpen(
    audio: ArrayLike | str | os.PathLike[str],
    sample_rate: float | None = None,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
    *,
    device: str | Backend = "cpu",
    progress: Progress | None = None,
) -> Spectrogram:
    """Sharpen a whole recording: a path or URL, or (samples,) or (samples, streams), full scale ±1.

    The result has ``.times`` (frames,) s, ``.frequencies`` (atoms,) Hz, and ``.amplitude`` and
    ``.instantaneous_frequency`` (frames, atoms), or (frames, streams, atoms) for two-dimensional audio and for files
    of several channels. It draws itself (``.plot()``), gives tables (``.lines()``) and sound (``.to_audio()``).

    progress: called with the seconds of audio that are done, and those there are in all, every `BLOCK_SAMPLES`.

    Raises:
        UsageError: as `Sharpener`; an array without a sample rate, or one that is empty, not one- or two-dimensional,
            holds integers, or has more channels than samples.
        InputError: a file that is missing or holds no audio.

    >>> spectrogram = sharpen(np.zeros(4410), 44100)
    >>> spectrogram.amplitude.shape == (spectrogram.times.size, spectrogram.frequencies.size)
    True
    """
    samples, rate = heard(audio, sample_rate)
    streams = 1 if samples.ndim == 1 else samples.shape[1]
    sharpener = Sharpener(rate, preset, streams, overrides, device=device)
    pieces = [sharpener.process(block) for block in in_blocks(samples, rate, progress)]
    frames = Frames.join([*pieces, sharpener.flush()])
    named = {"source": name_of(os.fspath(audio))} if isinstance(audio, str | os.PathLike) else {}
    return Spectrogram(
        frames.times,
        frames.amplitude,
        frames.instantaneous_frequency,
        frames.plain_amplitude,
        sharpener.frequencies,
        sharpener.channel_frequencies,
        sharpener.latency_s,
        fundamental=frames.fundamental,
        attributes={**named, **sharpener.description()},
    )
