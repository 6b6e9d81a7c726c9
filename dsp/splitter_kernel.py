"""Inner loops of resynthesis. No validation here: `Splitter` and `StemMixer` have done it."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel

from .filterbank_kernel import LARGEST_SAMPLE, SMALLEST_STATE, cascade

SILENT_HOP_POWER = np.float32(1e-30)
"""Mean powers below this (-300 dB) are silence."""

LAID_OUT_SAMPLES = 64
"""Samples whose delayed inputs are copied side by side for all channels, so that the inner loop reads them in order."""


class SplitOut(NamedTuple):
    """The fields of a `Split` that its kernel writes."""

    parts: Annotated[NDArray[np.float32], "samples", "streams", "channels"]
    subband: Annotated[NDArray[np.complex64], "frames", "streams", "channels"]
    power: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


@kernel
def usable_samples(audio: Floats, replaced: Integers, out: Floats) -> None:
    """Copy audio (samples, streams) to out (streams, samples): zero for what is unusable (counted) or too small."""
    for s in range(audio.shape[1]):
        for n in range(audio.shape[0]):
            out[s, n] = usable_sample(audio[n, s], s, replaced)


@kernel
def usable_sample(x: np.float32, s: int, replaced: Integers) -> np.float32:
    """X of stream s: zero where it is unusable (counted) or too small."""
    usable = abs(x) <= LARGEST_SAMPLE
    if not usable:
        replaced[s] += 1
    return x if usable and abs(x) >= SMALLEST_STATE else np.float32(0.0)


@kernel(fastmath={"contract"})
def split_process(
    recent: Floats, hop: int, order: tuple[int, ...], delay: Integers, coefficients: Floats, state: Floats, filled: int,
    out: SplitOut,
) -> None:  # fmt: skip
    """Advance every stream over `recent` (streams, past + samples), whose first `past` samples were filtered before.

    delay (channels,): each channel filters the sound this much later, none more than `past`; order: a tuple of that
    length; coefficients (5, channels): pole, 1 − λ, weight; state (streams, 2·order + 1, channels): stages and the
    hop's energy.
    """
    parts, subband, power = out.parts, out.subband, out.power
    P = coefficients
    channels = P.shape[1]
    samples, past = parts.shape[0], recent.shape[1] - parts.shape[0]
    energy = 2 * len(order)
    delayed = np.empty((LAID_OUT_SAMPLES, channels), np.float32)
    for s in range(recent.shape[0]):
        S, sound = state[s], recent[s]
        position, frame = filled, 0
        for n in range(samples):
            if n % LAID_OUT_SAMPLES == 0:
                _lay_out(sound, past + n, min(LAID_OUT_SAMPLES, samples - n), delay, delayed)
            part, late = parts[n, s], delayed[n % LAID_OUT_SAMPLES]
            for k in range(channels):
                re, im = cascade(P, S, order, k, late[k])
                part[k] = P[3, k] * re - P[4, k] * im
                S[energy, k] += re * re + im * im
            position += 1
            if position == hop:
                position = 0
                _end_frame(S, hop, subband[frame, s], power[frame, s])
                frame += 1


@kernel
def _lay_out(sound: Floats, now: int, count: int, delay: Integers, delayed: Floats) -> None:
    """delayed[n, k] = the input of channel k at now + n; twice, because half of a cosine is at positive frequencies."""
    for k in range(delay.size):
        first = now - delay[k]
        for n in range(count):
            delayed[n, k] = np.float32(2.0) * sound[first + n]


@kernel
def _end_frame(S: Floats, hop: int, subband: Complexes, power: Floats) -> None:
    """Subband and mean power at a hop's end; then flush what would become denormal."""
    energy = S.shape[0] - 1
    for k in range(S.shape[1]):
        subband[k] = complex(S[energy - 2, k], S[energy - 1, k])
        mean = S[energy, k] / np.float32(hop)
        power[k] = mean if mean > SILENT_HOP_POWER else np.float32(0.0)
        S[energy, k] = 0.0
    for row in range(energy):
        for k in range(S.shape[1]):
            S[row, k] = S[row, k] if abs(S[row, k]) > SMALLEST_STATE else np.float32(0.0)


@kernel(fastmath={"reassoc", "contract", "nsz"})
def weighted_sum(held: Floats, before: Floats, after: Floats, fraction: np.float32) -> np.float32:
    """Σ_k of the parts held, by shares `fraction` of the way from one frame's to the next one's."""
    a, b = np.float32(0.0), np.float32(0.0)
    for k in range(held.size):
        a += held[k] * before[k]
        b += held[k] * after[k]
    return a + fraction * (b - a)


@kernel
def mix_process(
    sound: Floats, parts: Floats, shares: Floats, hop: int, position: int, row: int, held_sound: Floats,
    held_parts: Floats, out: Floats,
) -> None:  # fmt: skip
    """``stem_i(n) = Σ_k g_ik(n) part_k(n)``, and the sound less all stems.

    sound (samples, streams) and parts (samples, streams, channels) enter held_sound (streams, depth) and held_parts
    (streams, depth, channels) at `row`; the oldest leave into out (samples, streams, sources + 1). shares (frames,
    streams, sources, channels): the first two were known before the samples, which begin at `position` in their hop.
    """
    samples, streams, channels = parts.shape
    depth, sources = held_sound.shape[1], shares.shape[2]
    for s in range(streams):
        for n in range(samples):
            frame = (position + n) // hop
            fraction = np.float32((position + n) % hop) / np.float32(hop)
            at = (row + n) % depth
            held, left = held_parts[s, at], held_sound[s, at]
            for i in range(sources):
                stem = weighted_sum(held, shares[frame, s, i], shares[frame + 1, s, i], fraction)
                out[n, s, i] = stem
                left -= stem
            out[n, s, sources] = left
            held_sound[s, at] = sound[n, s]
            for k in range(channels):
                held[k] = parts[n, s, k]
