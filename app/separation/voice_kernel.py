"""Loops of `PitchVoices`: whose each pitch is, and how the channels' power divides among harmonics. No validation."""

import math
from typing import Any

import numpy as np

from sharpear.compiler import kernel

SMALLEST_RESPONSE = 1e-4
"""Power response (-40 dB) below which a channel is left out of a harmonic's fit."""

SMALLEST_POWER = np.float32(1e-20)


@kernel
def assign(f0: Any, center: Any, rule: Any, before: Any, owner: Any) -> None:
    """Give the pitches that sound to voices, in the order of their pitch, at the least cost.

    A pitch at x octaves costs a voice ``(x − c_v)²``, less a little where it was that voice's in the frame before; to
    leave it out costs `drop`. f0, before, owner (places,): the voice of each place, -1 for none; center
    (voices,): c_v, octaves; rule: (persistence, drop).
    """
    persistence, drop = rule
    places, voices = f0.size, center.size
    order = np.argsort(f0)
    first = 0
    while first < places and f0[order[first]] <= 0:
        first += 1
    count = places - first
    cost = np.zeros((count + 1, voices + 1), np.float64)
    choice = np.zeros((count + 1, voices + 1), np.int8)  # 0: the voice stays silent, 1: it takes the pitch, 2: left out
    for i in range(1, count + 1):
        place = order[first + i - 1]
        cost[i, 0], choice[i, 0] = cost[i - 1, 0] + drop, 2
        for v in range(1, voices + 1):
            away = math.log2(f0[place]) - center[v - 1]
            taken = cost[i - 1, v - 1] + away * away - (persistence if before[place] == v - 1 else 0.0)
            left = cost[i - 1, v] + drop
            cost[i, v], choice[i, v] = cost[i, v - 1], 0
            if taken < cost[i, v]:
                cost[i, v], choice[i, v] = taken, 1
            if left < cost[i, v]:
                cost[i, v], choice[i, v] = left, 2
    owner[:] = -1
    i, v = count, voices
    while i > 0:
        if choice[i, v] == 1:
            owner[order[first + i - 1]] = v - 1
            i, v = i - 1, v - 1
        elif choice[i, v] == 2:
            i -= 1
        else:
            v -= 1


@kernel
def lay_out(f0: Any, level: Any, envelope: Any, channels: Any, lines: Any) -> int:
    """The harmonics of all voices that sound, and the channels that respond to each; returns how many there are.

    f0, level (voices,): Hz and power, level 0 where silent; envelope (voices, harmonics): power of each harmonic;
    channels: (center Hz, half width Hz, order); lines: (voice, harmonic, first, last, response, gain).
    """
    center_hz, half_hz, order = channels
    voice, harmonic, first, last, response, gain = lines
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
            voice[n], harmonic[n], first[n], last[n] = v, h, low, high
            gain[n] = level[v] * envelope[v, h]
            n += 1
    return n


@kernel
def explain(power: Any, count: int, lines: Any, iterations: int, expected: Any) -> None:
    """Fit the harmonics' gains to the channels' power: ``g_i ← g_i Σ_k B_ik (y_k / ŷ_k) / Σ_k B_ik``.

    Harmonics that coincide keep the ratio that they began with. power, expected (channels,).
    """
    _, _, first, last, response, gain = lines
    expect(count, lines, expected)
    scale = power.sum() / (expected.sum() + SMALLEST_POWER)
    for i in range(count):
        gain[i] *= scale
    for _ in range(iterations):
        expect(count, lines, expected)
        for i in range(count):
            said, norm = np.float32(0.0), np.float32(0.0)
            for k in range(first[i], last[i]):
                b = response[i, k - first[i]]
                said += b * power[k] / (expected[k] + SMALLEST_POWER)
                norm += b
            gain[i] = max(gain[i] * said / norm, SMALLEST_POWER)
    expect(count, lines, expected)


@kernel
def expect(count: int, lines: Any, expected: Any) -> None:
    """``ŷ = Σ_i g_i B_i``."""
    _, _, first, last, response, gain = lines
    expected[:] = 0
    for i in range(count):
        for k in range(first[i], last[i]):
            expected[k] += gain[i] * response[i, k - first[i]]


@kernel
def learn_envelopes(count: int, lines: Any, expected: Any, sounding: Any, pace: Any, envelope: Any) -> None:
    """Each harmonic's part of its voice, remembered slowly, and only as far as it has its channels to itself."""
    voice, harmonic, first, last, response, gain = lines
    total = np.zeros(envelope.shape[0], np.float64)
    known = np.zeros(envelope.shape[0], np.float64)
    for i in range(count):
        total[voice[i]] += gain[i]
        known[voice[i]] += envelope[voice[i], harmonic[i]]
    for i in range(count):
        v = voice[i]
        if sounding[v] == 0:
            continue
        alone, norm = 0.0, 0.0
        for k in range(first[i], last[i]):
            b = response[i, k - first[i]]
            alone += b * gain[i] * b / (expected[k] + SMALLEST_POWER)
            norm += b
        weight = pace * (alone / norm) ** 2
        was = math.log(envelope[v, harmonic[i]] / known[v] + 1e-12)
        now = math.log(gain[i] / (total[v] + SMALLEST_POWER) + 1e-12)
        envelope[v, harmonic[i]] = math.exp(was + weight * (now - was))


@kernel
def divide(power: Any, count: int, lines: Any, expected: Any, rule: Any, share: Any) -> None:
    """Divide each channel between the voices, a floor, and what none of them explains.

    share (voices, channels); rule: (floor, unexplained).
    """
    voice, _, first, last, response, gain = lines
    floor, unexplained = rule
    share[:] = 0
    for i in range(count):
        for k in range(first[i], last[i]):
            share[voice[i], k] += gain[i] * response[i, k - first[i]]
    lowest = floor * expected.max() + SMALLEST_POWER
    for k in range(power.size):
        whole = expected[k] + lowest + unexplained * max(power[k] - expected[k], np.float32(0.0))
        for v in range(share.shape[0]):
            share[v, k] /= whole


@kernel
def voices_process(power: Any, tracks: Any, channels: Any, rules: Any, envelope: Any, lines: Any, share: Any) -> None:
    """Shares of every channel, frame by frame.

    power (frames, channels); tracks (frames, voices, 3): Hz, strength, whether the pitch is found; rules: (exponent
    from strength to power, iterations, pace of envelopes, floor, unexplained); envelope (voices, harmonics); share
    (frames, voices, channels).
    """
    expand, iterations, pace, floor, unexplained = rules
    level = np.empty(tracks.shape[1], np.float32)
    expected = np.empty(power.shape[1], np.float32)
    for n in range(power.shape[0]):
        for v in range(level.size):
            level[v] = tracks[n, v, 1] ** expand
        count = lay_out(tracks[n, :, 0], level, envelope, channels, lines)
        if count == 0:
            share[n] = 0
            continue
        explain(power[n], count, lines, iterations, expected)
        learn_envelopes(count, lines, expected, tracks[n, :, 2], pace, envelope)
        divide(power[n], count, lines, expected, (floor, unexplained), share[n])
