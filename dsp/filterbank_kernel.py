"""The filterbank's inner loop. No validation here: `Filterbank` has done it."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel

LARGEST_SAMPLE = np.float32(1e6)
"""Samples beyond this (120 dB over full scale) are damage, not sound; squared they still fit float32."""

SMALLEST_STATE = np.float32(1e-18)
"""States below this (-360 dB) are set to zero once a hop, before their squares become slow denormal numbers."""

ENERGY_ROW = 10
STATE_ROWS = 11
"""Rows of a stream's state: real and imaginary part of up to five stages, then the hop's energy so far."""


class FilterbankParts(NamedTuple):
    """Pole's real part, imaginary part, 1 − λ; what is remembered; count of unusable samples."""

    coefficients: Annotated[NDArray[np.float32], "numbers", "channels"]
    state: Annotated[NDArray[np.float32], "streams", "rows", "channels"]
    replaced: Annotated[NDArray[np.int64], "streams"]


class HopOut(NamedTuple):
    """Written at a hop's end: every stage, the hop's mean power, and how the last one's phase moves, rad a sample."""

    stages: Annotated[NDArray[np.complex64], "frames", "streams", "order", "channels"]
    power: Annotated[NDArray[np.float32], "frames", "streams", "channels"]
    slope: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


@kernel(fastmath={"contract"}, inline=True)
def cascade(P: Floats, S: Floats, order: tuple[int, ...], k: int, x: np.float32) -> tuple[np.float32, np.float32]:
    """Advance the stages of channel k by a sample; the last one's output, real and imaginary part."""
    p, q, g = P[0, k], P[1, k], P[2, k]
    re = p * S[0, k] - q * S[1, k] + g * x
    im = p * S[1, k] + q * S[0, k]
    S[0, k], S[1, k] = re, im
    if len(order) > 1:
        re, im = p * S[2, k] - q * S[3, k] + g * re, p * S[3, k] + q * S[2, k] + g * im
        S[2, k], S[3, k] = re, im
    if len(order) > 2:
        re, im = p * S[4, k] - q * S[5, k] + g * re, p * S[5, k] + q * S[4, k] + g * im
        S[4, k], S[5, k] = re, im
    if len(order) > 3:
        re, im = p * S[6, k] - q * S[7, k] + g * re, p * S[7, k] + q * S[6, k] + g * im
        S[6, k], S[7, k] = re, im
    if len(order) > 4:
        re, im = p * S[8, k] - q * S[9, k] + g * re, p * S[9, k] + q * S[8, k] + g * im
        S[8, k], S[9, k] = re, im
    return re, im


@kernel(fastmath={"contract"})
def advance_bank(
    sound: Floats, s: int, order: tuple[int, ...], coefficients: Floats, state: Floats, replaced: Integers
) -> np.float32:
    """Advance the channels of stream `s`, state (11, channels), over its sound; return the last sample they got."""
    x = np.float32(0.0)
    for n in range(sound.size):
        x = sound[n]
        if not abs(x) <= LARGEST_SAMPLE:
            x = np.float32(0.0)
            replaced[s] += 1
        elif abs(x) < SMALLEST_STATE:
            x = np.float32(0.0)
        x *= np.float32(2.0)  # half of a real cosine's amplitude is at positive frequencies
        for k in range(coefficients.shape[1]):
            re, im = cascade(coefficients, state, order, k, x)
            state[ENERGY_ROW, k] += re * re + im * im
    return x


@kernel
def filterbank_process(
    audio: Floats, hop: int, order: tuple[int, ...], coefficients: Floats, state: Floats, replaced: Integers,
    filled: int, out: HopOut,
) -> None:  # fmt: skip
    """Advance every stream over `audio`, write a row of every output at each hop's end.

    audio (samples, streams); order: a tuple of that length, so that the compiler knows it and keeps the cascade in
    registers; coefficients (3, channels): pole's real part, imaginary part, 1 − λ; state (streams, 11, channels);
    replaced (streams,): count of unusable samples; filled: samples already in the hop.
    """
    samples = audio.shape[0]
    for s in range(audio.shape[1]):
        begin, end = 0, hop - filled
        for f in range((filled + samples) // hop):
            x = advance_bank(audio[begin:end, s], s, order, coefficients, state[s], replaced)
            _write_hop(coefficients, state[s], len(order), hop, x, out.power[f, s], out.slope[f, s])
            end_hop(state[s], out.stages[f, s])
            begin, end = end, end + hop
        advance_bank(audio[begin:, s], s, order, coefficients, state[s], replaced)


@kernel
def _write_hop(P: Floats, S: Floats, order: int, hop: int, x: float, power: Floats, slope: Floats) -> None:
    """Mean power and phase slope of one stream at its hop's end, whose last sample is x.

    The last stage obeys y[n] = p y[n−1] + g x[n], x being the stage before it, so y[n−1] needs no memory:
    the phase advance of y beyond that of the pole is ``arg( y conj(y − g x) )``.
    """
    last = order - 1
    for k in range(P.shape[1]):
        re, im = S[2 * last, k], S[2 * last + 1, k]
        if order > 1:
            in_re, in_im = P[2, k] * S[2 * last - 2, k], P[2, k] * S[2 * last - 1, k]
        else:
            in_re, in_im = P[2, k] * x, np.float32(0.0)
        slope[k] = math.atan2(re * in_im - im * in_re, re * (re - in_re) + im * (im - in_im))
        power[k] = S[ENERGY_ROW, k] / np.float32(hop)


@kernel
def end_hop(S: Floats, stages: Complexes) -> None:
    """Stages (order, channels) of one stream at its hop's end, where the next one's energy begins; flush denormals."""
    for g in range(stages.shape[0]):
        for k in range(S.shape[1]):
            stages[g, k] = complex(S[2 * g, k], S[2 * g + 1, k])
    for k in range(S.shape[1]):
        S[ENERGY_ROW, k] = 0.0
    for row in range(2 * stages.shape[0]):
        for k in range(S.shape[1]):
            S[row, k] = S[row, k] if abs(S[row, k]) > SMALLEST_STATE else np.float32(0.0)
