"""Loops of `PitchVoices`: how the channels' power divides among harmonics. No validation."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel

SMALLEST_RESPONSE = 1e-4
"""Power response (-40 dB) below which a channel is left out of a harmonic's fit."""

NO_POWER = np.float32(1e-20)
"""Added to powers that something is divided by; and no harmonic is weaker."""

NO_PART = 1e-12
"""Added to a harmonic's part of its voice, whose logarithm is taken."""


class Listeners(NamedTuple):
    """The channels, which respond to harmonics."""

    center_hz: Annotated[NDArray[np.float32], "channels"]
    half_hz: Annotated[NDArray[np.float32], "channels"]
    """Distance from the centre at which one stage's power response is halved."""

    order: int
    """Stages of each channel."""


class Harmonics(NamedTuple):
    """The harmonics of all voices: whose each is and which one, the channels that respond, how well, and its power."""

    voice: Annotated[NDArray[np.int64], "lines"]
    number: Annotated[NDArray[np.int64], "lines"]
    first: Annotated[NDArray[np.int64], "lines"]
    last: Annotated[NDArray[np.int64], "lines"]
    response: Annotated[NDArray[np.float32], "lines", "channels from the first"]
    gain: Annotated[NDArray[np.float32], "lines"]


class VoicesRule(NamedTuple):
    """How voices are fitted to the channels' power, and what they leave to nobody."""

    iterations: int
    pace: np.float32
    """What of a change an envelope follows in a frame."""

    nobody: np.float32
    """Power that belongs to no voice, of the frame's strongest channel."""

    passing: np.float32
    """What of a change of whose a channel is is followed in a frame."""


@kernel
def lay_out(f0: Floats, level: Floats, envelope: Floats, channels: Listeners, lines: Harmonics) -> int:
    """The harmonics of all voices that sound, and the channels that respond to each; returns how many there are.

    f0, level (voices,): Hz and power, level 0 where silent; envelope (voices, harmonics): power of each harmonic.
    """
    center_hz, half_hz, order = channels.center_hz, channels.half_hz, channels.order
    voice, number, first, last = lines.voice, lines.number, lines.first, lines.last
    response, gain = lines.response, lines.gain
    n, widest = 0, response.shape[1]
    for v in range(f0.size):
        if level[v] <= 0:
            continue
        k = 0
        for h in range(envelope.shape[1]):
            hz = (h + 1) * f0[v]
            if hz > center_hz[-1]:
                break
            while k + 1 < center_hz.size and center_hz[k + 1] <= hz:
                k += 1
            low = k
            while low > 0 and k - low < widest // 2 - 1:
                away = (hz - center_hz[low - 1]) / half_hz[low - 1]
                if (1 + away * away) ** order * SMALLEST_RESPONSE > 1:
                    break
                low -= 1
            high = low
            while high < center_hz.size and high - low < widest:
                away = (hz - center_hz[high]) / half_hz[high]
                passed = (1 + away * away) ** -order
                if high > k and passed < SMALLEST_RESPONSE:
                    break
                response[n, high - low] = passed
                high += 1
            voice[n], number[n], first[n], last[n] = v, h, low, high
            gain[n] = level[v] * envelope[v, h]
            n += 1
    return n


@kernel
def explain(power: Floats, count: int, lines: Harmonics, iterations: int, expected: Floats) -> None:
    """Fit the harmonics' gains to the channels' power: ``g_i ← g_i Σ_k B_ik (y_k / ŷ_k) / Σ_k B_ik``.

    Harmonics that coincide keep the ratio that they began with. power, expected (channels,).
    """
    first, last, response, gain = lines.first, lines.last, lines.response, lines.gain
    expect(count, lines, expected)
    scale = power.sum() / (expected.sum() + NO_POWER)
    for i in range(count):
        gain[i] *= scale
    for _ in range(iterations):
        expect(count, lines, expected)
        for i in range(count):
            said, norm = np.float32(0.0), np.float32(0.0)
            for k in range(first[i], last[i]):
                b = response[i, k - first[i]]
                said += b * power[k] / (expected[k] + NO_POWER)
                norm += b
            gain[i] = max(gain[i] * said / norm, NO_POWER)
    expect(count, lines, expected)


@kernel
def expect(count: int, lines: Harmonics, expected: Floats) -> None:
    """``ŷ = Σ_i g_i B_i``."""
    first, last, response, gain = lines.first, lines.last, lines.response, lines.gain
    expected[:] = 0
    for i in range(count):
        for k in range(first[i], last[i]):
            expected[k] += gain[i] * response[i, k - first[i]]


@kernel
def learn_envelopes(
    count: int, lines: Harmonics, expected: Floats, sounding: Floats, pace: np.float32, envelope: Floats
) -> None:
    """Each harmonic's part of its voice, remembered slowly, and only as far as it has its channels to itself."""
    voice, number, first, last = lines.voice, lines.number, lines.first, lines.last
    response, gain = lines.response, lines.gain
    total = np.zeros(envelope.shape[0], np.float64)
    known = np.zeros(envelope.shape[0], np.float64)
    for i in range(count):
        total[voice[i]] += gain[i]
        known[voice[i]] += envelope[voice[i], number[i]]
    for i in range(count):
        v = voice[i]
        if sounding[v] == 0:
            continue
        alone, norm = 0.0, 0.0
        for k in range(first[i], last[i]):
            b = response[i, k - first[i]]
            alone += b * gain[i] * b / (expected[k] + NO_POWER)
            norm += b
        weight = pace * (alone / norm) ** 2
        was = math.log(envelope[v, number[i]] / known[v] + NO_PART)
        now = math.log(gain[i] / (total[v] + NO_POWER) + NO_PART)
        envelope[v, number[i]] = math.exp(was + weight * (now - was))


@kernel
def divide(
    power: Floats, count: int, lines: Harmonics, expected: Floats, rule: VoicesRule, owned: Floats, share: Floats
) -> None:  # fmt: skip
    """Shares (voices, channels), ``(ŷ_v + r h_v / Σ h) / (ŷ + r)``, where no harmonic explains ``r = max(y − ŷ, 0)``.

    It goes to those whose the channel was: owned, h (1 + voices, channels), follows ŷ_v, and at last r, nobody's. So a
    partial that glides, or rings on in a room, stays with its voice, and what has no pitch with nobody.
    """
    voice, first, last, response, gain = lines.voice, lines.first, lines.last, lines.response, lines.gain
    voices, passing = share.shape[0], rule.passing
    share[:] = 0
    for i in range(count):
        for k in range(first[i], last[i]):
            share[voice[i], k] += gain[i] * response[i, k - first[i]]
    lowest = rule.nobody * expected.max() + NO_POWER
    for k in range(power.size):
        left = max(power[k] - expected[k], np.float32(0.0))
        owned[voices, k] += passing * (left + lowest - owned[voices, k])
        whole = owned[voices, k]
        for v in range(voices):
            owned[v, k] += passing * (share[v, k] - owned[v, k])
            if owned[v, k] < NO_POWER:
                owned[v, k] = 0
            whole += owned[v, k]
        for v in range(voices):
            share[v, k] = (share[v, k] + left * owned[v, k] / whole) / (expected[k] + lowest + left)


@kernel
def voices_process(
    power: Floats, tracks: Floats, channels: Listeners, rule: VoicesRule, envelope: Floats, owned: Floats,
    lines: Harmonics, share: Floats,
) -> None:  # fmt: skip
    """Shares of every channel, frame by frame.

    power (frames, channels); tracks (frames, voices, 3): Hz, strength, whether the pitch is found; a pitch begins with
    the power of its strength; envelope (voices, harmonics); owned (1 + voices, channels); share (frames, voices,
    channels).
    """
    level = np.empty(tracks.shape[1], np.float32)
    expected = np.empty(power.shape[1], np.float32)
    for n in range(power.shape[0]):
        for v in range(level.size):
            level[v] = tracks[n, v, 1]
        count = lay_out(tracks[n, :, 0], level, envelope, channels, lines)
        explain(power[n], count, lines, rule.iterations, expected)
        learn_envelopes(count, lines, expected, tracks[n, :, 2], rule.pace, envelope)
        divide(power[n], count, lines, expected, rule, owned, share[n])
