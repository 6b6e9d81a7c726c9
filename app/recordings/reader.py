"""Spectrograms read back from the files that the sinks wrote, which are trusted no further than they are checked."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.integrity import LOCAL, Arrays, DamageError, examine
from sharpear.integrity.trees import KEY as CHECKSUMS

from .spectrogram import Spectrogram

LARGEST_BYTES = 1 << 34
"""An array larger than this (16 GiB, six hours of one channel) is refused, for a small file can state any size."""

FRAMES = ("amplitude", "instantaneous_frequency", "plain_amplitude")
VOICES = "fundamental"
"""Is there where voices were looked for."""

Read = Callable[[str], NDArray[Any]]


def load(path: str | Path) -> Spectrogram:
    """Read a spectrogram from an .npz or .zarr that sharpear wrote.

    Its arrays always have the streams' axis: (frames, streams, atoms); `single_stream` drops it. Its ``attributes``
    are those of the file: the input's name, sample_rate, hop, the configuration, and whether it is ``complete``. The
    same frames, read from either format, are equal where the setting ``output.rounding`` is false; else a .zarr was
    rounded by at most 0.01 dB and 0.02 cents.

    Raises:
        InputError: there is no such file, sharpear did not write it, it holds no spectrogram, or it is damaged.

    >>> load("take.wav")
    Traceback (most recent call last):
        ...
    sharpear.errors.InputError: take.wav: expected a spectrogram as .npz or .zarr
    """
    place = os.fspath(path).rstrip("/")
    reader = {".npz": _read_npz, ".zarr": _read_zarr}.get(Path(place).suffix.lower())
    if reader is None:
        raise InputError(f"{place}: expected a spectrogram as .npz or .zarr")
    if not os.path.exists(place):
        raise InputError(f"{place}: no such file: `sharpear sharpen` makes spectrograms")
    try:
        finding = examine(place, thorough=False)
        if finding.state in ("damaged", "foreign"):
            raise DamageError(finding.told)
        return reader(place)
    except OSError as error:
        raise InputError(f"{place}: cannot be read ({error.strerror or error})") from error
    except (DamageError, MemoryError) as error:
        cause = str(error) or "there is too little memory"
        raise InputError(f"{place}: cannot be read as a spectrogram ({cause})") from error


def _read_npz(place: str) -> Spectrogram:
    with LOCAL.opened(place) as file:
        arrays = Arrays(file)
        return _assembled(lambda name: arrays.read(name, "f", LARGEST_BYTES), VOICES in arrays, arrays.attributes())


def _read_zarr(place: str) -> Spectrogram:
    names = {"times": "time", "frequencies": "frequency", "channel_frequencies": "band"}
    try:
        group = zarr.open_group(place, mode="r")
        attributes = {key: value for key, value in group.attrs.items() if key != CHECKSUMS}
        return _assembled(lambda name: _array(group, names.get(name, name)), VOICES in group, attributes)
    except (DamageError, OSError, MemoryError):
        raise
    except Exception as error:  # whatever Zarr and its codecs raise on what is not as it should be
        raise DamageError(f"{type(error).__name__}: {error}") from error


def _array(group: zarr.Group, name: str) -> NDArray[Any]:
    array = group.get(name)
    if not isinstance(array, zarr.Array):
        raise DamageError(f"{name}: missing")
    # What is held at once: the array, and a chunk.
    for shape in (array.shape, array.chunks):
        if math.prod(shape) * array.dtype.itemsize > LARGEST_BYTES:
            raise DamageError(f"{name}: states more than {LARGEST_BYTES} bytes")
    return np.asarray(array[...])


def _assembled(read: Read, voiced: bool, attributes: dict[str, Any]) -> Spectrogram:
    times, frequencies, bands = (read(name) for name in ("times", "frequencies", "channel_frequencies"))
    amplitude, frequency, plain = (read(name) for name in FRAMES)
    fundamental = read(VOICES) if voiced else None
    streams = amplitude.shape[1] if amplitude.ndim == 3 else 0
    expected = {
        "times": (times, (len(amplitude),)),
        "amplitude": (amplitude, (len(amplitude), streams, frequencies.size)),
        "instantaneous_frequency": (frequency, amplitude.shape),
        "plain_amplitude": (plain, (len(amplitude), streams, bands.size)),
    }
    if fundamental is not None:
        expected[VOICES] = fundamental, amplitude.shape
    for name, (array, shape) in expected.items():
        if array.shape != shape or array.dtype.kind != "f":
            raise DamageError(f"{name}: expected numbers of shape {shape}, received {array.dtype} {array.shape}")
    latency_s = attributes.get("latency_s")
    if not isinstance(latency_s, float | int):
        raise DamageError("latency_s: missing")
    axes = frequencies, bands, float(latency_s)
    return Spectrogram(times, amplitude, frequency, plain, *axes, fundamental=fundamental, attributes=attributes)
