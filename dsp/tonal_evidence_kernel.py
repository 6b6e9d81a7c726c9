"""Inner loops of `TonalEvidence`. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Doubles, Floats, kernel

DEPTH = 64
"""Frames that each memory holds."""

SILENT_POWER = 1e-20
LOG_SILENT_POWER = math.log(SILENT_POWER)
"""Powers below this (-200 dB) are silence, whose logarithm is kept as zero."""

SMALLEST_PRODUCT = np.float32(1e-30)
"""Products of subbands below this are zero, before they become denormal."""

RANGE = 14.0
"""How far below the level loudness counts, as a natural logarithm of power: 61 dB."""

LAGS = (4, 8)
BANDS = (2, 6, 14, 36)
ONSET_FRAMES, ONSET_BAND = 4, 15
SPANS = ((-40, -21), (-20, -9), (-8, -3), (-2, -1), (0, 0), (1, 4), (5, 9), (10, 17))
LOW_SPANS = ((-17, 0), (0, 17))
WIDE_SPANS = ((0, 0), (-20, -1), (5, 17))
COHERENCE_SPANS = ((0, -6, 6), (1, -12, 17), (1, -4, 8))
ONSET_SPANS = ((0, 0), (-24, -1), (1, 9))
LOOKAHEAD = 17
FEATURES = len(SPANS) + len(LOW_SPANS) + len(WIDE_SPANS) * len(BANDS) + len(COHERENCE_SPANS) + len(ONSET_SPANS) + 1
"""How many numbers describe a channel: its own course, its neighbourhood's, coherence, onsets, and its frequency."""


class EvidenceState(NamedTuple):
    """Rings of DEPTH frames, and the level of each group, a power."""

    loudness: Annotated[NDArray[np.float32], "groups", "rows", "channels"]
    onset: Annotated[NDArray[np.float32], "groups", "rows", "channels"]
    products: Annotated[NDArray[np.float32], "groups", "rows", "lags × 3", "channels"]
    past: Annotated[NDArray[np.complex64], "streams", "rows", "channels"]
    level: Annotated[NDArray[np.float32], "groups"]


@kernel(fastmath={"contract"})
def evidence_process(
    subband: Complexes, power: Floats, per_group: int, place: Floats, decay: np.float32, state: EvidenceState,
    frame: int, out: Floats,
) -> None:  # fmt: skip
    """Features of every channel, `LOOKAHEAD` frames late; powers of `per_group` neighbouring streams are summed.

    subband, power (frames, streams, channels); place (channels,): ERB number, scaled; out (frames, groups, FEATURES,
    channels).
    """
    loudness, onset, products, past, level = state.loudness, state.onset, state.products, state.past, state.level
    channels = power.shape[2]
    row = np.empty(channels, np.float32)
    sums = np.zeros(channels + 1, np.float64)
    for f in range(power.shape[0]):
        newest = frame + f
        at = newest % DEPTH
        for group in range(loudness.shape[0]):
            streams = range(group * per_group, (group + 1) * per_group)
            total = np.float32(0.0)
            for k in range(channels):
                together = np.float32(0.0)
                for s in streams:
                    together += power[f, s, k]
                total += together
                loudness[group, at, k] = np.float32(math.log(together + SILENT_POWER) - LOG_SILENT_POWER)
            level[group] = max(total, decay * level[group], np.float32(SILENT_POWER))
            for s in streams:
                for k in range(channels):
                    past[s, at, k] = subband[f, s, k]
            _multiply(past, streams, newest, products[group, at])
            before = loudness[group, (newest - ONSET_FRAMES) % DEPTH]
            for k in range(channels):
                row[k] = max(loudness[group, at, k] - before[k], np.float32(0.0))
            _spread(row, ONSET_BAND, sums, onset[group, at])
            reference = np.float32(math.log(level[group]) - LOG_SILENT_POWER - RANGE)
            _describe(
                loudness[group], onset[group], products[group], newest - LOOKAHEAD, reference, place, row, sums,
                out[f, group],
            )  # fmt: skip


@kernel
def _multiply(past: Complexes, streams: range, newest: int, product: Floats) -> None:
    """Re and Im of ``z(f) z*(f − lag)`` and the mean of both powers, for both lags."""
    for i in range(2):
        lag = LAGS[0] if i == 0 else LAGS[1]
        for k in range(product.shape[1]):
            re, im, energy = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for s in streams:
                z, y = past[s, newest % DEPTH, k], past[s, (newest - lag) % DEPTH, k]
                re += z.real * y.real + z.imag * y.imag
                im += z.imag * y.real - z.real * y.imag
                energy += np.float32(0.5) * (z.real * z.real + z.imag * z.imag + y.real * y.real + y.imag * y.imag)
            product[3 * i, k] = re if abs(re) > SMALLEST_PRODUCT else np.float32(0.0)
            product[3 * i + 1, k] = im if abs(im) > SMALLEST_PRODUCT else np.float32(0.0)
            product[3 * i + 2, k] = energy if energy > SMALLEST_PRODUCT else np.float32(0.0)


@kernel(fastmath={"contract"})
def _describe(
    loudness: Floats, onset: Floats, products: Floats, middle: int, reference: np.float32, place: Floats, row: Floats,
    sums: Doubles, out: Floats,
) -> None:  # fmt: skip
    """The features of the frame `middle`."""
    channels = place.size
    i = 0
    for first, last in SPANS:
        _mean(loudness, middle + first, middle + last, out[i])
        _relative(out[i], reference)
        i += 1
    for first, last in LOW_SPANS:
        _least(loudness, middle + first, middle + last, out[i])
        _relative(out[i], reference)
        i += 1
    for first, last in WIDE_SPANS:
        _mean(loudness, middle + first, middle + last, row)
        _relative(row, reference)
        for half in BANDS:
            _spread(row, half, sums, out[i])
            i += 1
    for which, first, last in COHERENCE_SPANS:
        for k in range(channels):
            re, im, energy = np.float32(0.0), np.float32(0.0), np.float32(SILENT_POWER)
            for frame in range(middle + first, middle + last + 1):
                product = products[frame % DEPTH]
                re += product[3 * which, k]
                im += product[3 * which + 1, k]
                energy += product[3 * which + 2, k]
            out[i, k] = math.sqrt(re * re + im * im) / energy
        i += 1
    for first, last in ONSET_SPANS:
        for k in range(channels):
            most = np.float32(0.0)
            for frame in range(middle + first, middle + last + 1):
                most = max(most, onset[frame % DEPTH, k])
            out[i, k] = np.float32(0.5) * most
        i += 1
    for k in range(channels):
        out[i, k] = place[k]


@kernel
def _mean(ring: Floats, first: int, last: int, out: Floats) -> None:
    """Mean of the ring's frames first to last."""
    for k in range(out.size):
        out[k] = 0.0
    for frame in range(first, last + 1):
        held = ring[frame % DEPTH]
        for k in range(out.size):
            out[k] += held[k]
    scale = np.float32(1.0) / np.float32(last - first + 1)
    for k in range(out.size):
        out[k] *= scale


@kernel
def _least(ring: Floats, first: int, last: int, out: Floats) -> None:
    """The smallest of the ring's frames first to last: the level of what never falls silent."""
    held = ring[first % DEPTH]
    for k in range(out.size):
        out[k] = held[k]
    for frame in range(first + 1, last + 1):
        held = ring[frame % DEPTH]
        for k in range(out.size):
            out[k] = min(out[k], held[k])


@kernel
def _relative(row: Floats, reference: np.float32) -> None:
    """Loudness above the reference, zero below it, scaled to about 0 to 2."""
    for k in range(row.size):
        row[k] = max(row[k] - reference, np.float32(0.0)) * np.float32(2.0 / RANGE)


@kernel
def _spread(row: Floats, half: int, sums: Doubles, out: Floats) -> None:
    """Mean over the channels up to `half` away, fewer at the ends."""
    channels = row.size
    for k in range(channels):
        sums[k + 1] = sums[k] + row[k]
    for k in range(channels):
        low, high = max(k - half, 0), min(k + half + 1, channels)
        out[k] = np.float32((sums[high] - sums[low]) / (high - low))
