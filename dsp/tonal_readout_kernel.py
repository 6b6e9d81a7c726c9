"""Inner loops of `TonalReadout`. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel

NEIGHBOURS = 8
"""So many units of a layer, the first ones, are heard from the neighbourhood too."""

NEAR = 12
"""Channels of the neighbourhood on either side; a second mean is over all channels."""

LEAST_LOGIT = np.float32(-16.0)
"""The least logit, relative to the largest of its channel: anything less likely gets the same small share."""


class ReadoutLayers(NamedTuple):
    """Weights of the layers, the bias last in each row; of the memory's units first the retentions, then the values."""

    first: Annotated[NDArray[np.float32], "units", "features + 1"]
    memory: Annotated[NDArray[np.float32], "2 × held", "first and around it + 1"]
    second: Annotated[NDArray[np.float32], "second", "first, held and around both + 1"]
    last: Annotated[NDArray[np.float32], "sources", "second + 1"]


class ReadoutRoom(NamedTuple):
    """Where a frame's units are worked out, and sums over channels."""

    values: Annotated[NDArray[np.float32], "rows", "channels"]
    sums: Annotated[NDArray[np.float64], "neighbours", "channels + 1"]


@kernel(fastmath={"contract"})
def readout_process(features: Floats, layers: ReadoutLayers, held: Floats, room: ReadoutRoom, out: Floats) -> None:
    """Shares of the sources, the same weights for every channel.

    features (frames, groups, features, channels); held (groups, held, channels), the memory; out (frames, groups,
    sources, channels).
    """
    values, sums = room.values, room.sums
    around_first = len(layers.first)
    memory = around_first + 2 * NEIGHBOURS
    around_memory = memory + held.shape[1]
    rest = around_memory + 2 * NEIGHBOURS
    gates, second = values[rest : rest + len(layers.memory)], values[rest : rest + len(layers.second)]
    for f in range(features.shape[0]):
        for g in range(features.shape[1]):
            _layer(features[f, g], layers.first, True, values[:around_first])
            _surround(values[:NEIGHBOURS], sums, values[around_first:memory])
            _layer(values[:memory], layers.memory, False, gates)
            _remember(gates, held[g], values[memory:around_memory])
            _surround(values[memory : memory + NEIGHBOURS], sums, values[around_memory:rest])
            _layer(values[:rest], layers.second, True, second)
            _layer(second, layers.last, False, out[f, g])
            _softmax(out[f, g])


@kernel(fastmath={"contract"})
def _layer(inputs: Floats, weights: Floats, rectify: bool, out: Floats) -> None:
    """Four inputs at a time: what is summed is loaded and stored a quarter as often."""
    count = len(inputs)
    whole = count - count % 4
    for u in range(len(weights)):
        row, w = out[u], weights[u]
        for k in range(row.size):
            row[k] = w[count]
        for i in range(0, whole, 4):
            x0, x1, x2, x3 = inputs[i], inputs[i + 1], inputs[i + 2], inputs[i + 3]
            w0, w1, w2, w3 = w[i], w[i + 1], w[i + 2], w[i + 3]
            for k in range(row.size):
                row[k] += w0 * x0[k] + w1 * x1[k] + w2 * x2[k] + w3 * x3[k]
        for i in range(whole, count):
            weight, x = w[i], inputs[i]
            for k in range(row.size):
                row[k] += weight * x[k]
        if rectify:
            for k in range(row.size):
                row[k] = max(row[k], np.float32(0.0))


@kernel
def _surround(rows: Floats, sums: Doubles, out: Floats) -> None:
    """Means over the channels up to `NEAR` away, fewer at the ends; then means over all channels."""
    count, channels = rows.shape
    for i in range(count):
        row, total = rows[i], sums[i]
        total[0] = 0.0
        for k in range(channels):
            total[k + 1] = total[k] + row[k]
        mean = np.float32(total[channels] / channels)
        for k in range(channels):
            low, high = max(k - NEAR, 0), min(k + NEAR + 1, channels)
            out[i, k] = np.float32((total[high] - total[low]) / (high - low))
            out[count + i, k] = mean


@kernel(fastmath={"contract"})
def _remember(gates: Floats, held: Floats, out: Floats) -> None:
    """``h ← c + r (h − c)``, the retention ``r = (1 + x/√(1 + x²)) / 2``."""
    count, channels = held.shape
    half, one = np.float32(0.5), np.float32(1.0)
    for i in range(count):
        opening, value, h, now = gates[i], gates[count + i], held[i], out[i]
        for k in range(channels):
            x = opening[k]
            kept = half + half * x / np.float32(math.sqrt(one + x * x))
            h[k] = value[k] + kept * (h[k] - value[k])
            now[k] = h[k]


@kernel(fastmath={"contract"})
def _softmax(logits: Floats) -> None:
    """In place, over the rows."""
    for k in range(logits.shape[1]):
        most, total = logits[0, k], np.float32(0.0)
        for i in range(1, len(logits)):
            most = max(most, logits[i, k])
        for i in range(len(logits)):
            logits[i, k] = np.float32(math.exp(max(logits[i, k] - most, LEAST_LOGIT)))
            total += logits[i, k]
        for i in range(len(logits)):
            logits[i, k] /= total
