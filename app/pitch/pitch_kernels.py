"""The pitch layer's loops: partials → competing pitches → voices → shares. No validation here."""

import math
from typing import Any

import numpy as np

from sharpear.compiler import kernel
from sharpear.dsp.harmonic_fields import connect, field_weight
from sharpear.dynamics.divisive import divisive_step

SMALLEST_LEVEL = np.float32(1e-20)
FAINTEST = np.float32(0.1)
"""The least strength, as a share of the level, that the strongest pitch is taken to have: where all are at rest, none
is a voice."""
MOST_PARTIALS = 160
"""Partials that take part in a step, the strongest ones: this bounds a step's cost in noise."""
CLEAR_PACE = np.float32(0.3)
"""Share of a step's own value in the running mean of a voice's rise above the noise."""
NEIGHBORS = 3
"""Units on either side of a voice among which it is the strongest, and the only voice."""


@kernel
def pitch_process(
    amplitude: Any, frequency: Any, noise: Any, times: Any, fields: Any, rule: Any, gains: Any, voice_rule: Any,
    rings: Any, network: Any, voices: Any, scratch: Any, count: int, out: Any,
) -> int:  # fmt: skip
    """Advance over frames; return how many have left.

    noise: power of the noise at every atom, at each step of the layer that these frames hold.
    fields: (the receptive fields' rule, W_j).
    rule: (stride, iterations, compression, floor, decay of levels, pace at which the noise rises).
    gains: as `divisive_step`.
    voice_rule: (onset, offset, glide in units, lowest and highest pitch that is told, Hz, how far a voice rises above
    the noise to sound and to stay, compressed).
    rings: (times, amplitude, frequency) of the frames that wait.
    network: (level, a, history of a, strongest activity, lasting noise).
    voices: (f0, last f0, strength, how far each rises above the noise, compressed, whether it has risen far enough).
    scratch: (y, what noise gives in its place, partials' Hz, start, unit, weight, support, activity).
    out: (times, amplitude, frequency, f0, strength, whether a pitch below and above those that are told sounds).
    """
    ring_times, ring_amplitude, ring_frequency = rings
    level, a, history, strongest, lasting = network
    f0, last_f0, strength, clear, risen = voices
    y, noise_y, line_hz, _, _, _, _, activity = scratch
    waiting, width = ring_times.size, history.shape[1]
    stride, _, compression, floor, decay, rise = rule
    _, _, _, low_hz, high_hz, rises, stays = voice_rule
    # Noise finds its place among the pitches out of range: only what stands far above it is told of.
    surely = rises * rises / stays
    left = row = 0
    for n in range(times.size):
        now = (count + n) % waiting
        step = (count + n) // stride
        middle = (now - (width // 2) * stride) % waiting
        ring_times[now] = times[n]
        for s in range(amplitude.shape[1]):
            for i in range(amplitude.shape[2]):
                ring_amplitude[s, now, i] = amplitude[n, s, i]
                ring_frequency[s, now, i] = frequency[n, s, i]
            if (count + n) % stride == 0:
                for i in range(lasting.shape[1]):
                    pace = np.float32(1) if step == 0 or noise[row, s, i] < lasting[s, i] else rise
                    lasting[s, i] += pace * (noise[row, s, i] - lasting[s, i])
                level[s] = max(level[s] * decay, amplitude[n, s].max(), SMALLEST_LEVEL)
                compete(amplitude[n, s], frequency[n, s], lasting[s], level[s], fields, rule, gains, scratch, a[s])
                for j in range(a.shape[1]):
                    history[s, step % width, j] = a[s, j]
                median_activity(history[s], activity)
                strongest[s] = max(strongest[s] * decay, activity.max(), FAINTEST)
                follow(activity, strongest[s], voice_rule, fields[0], f0[s], last_f0[s], strength[s])
                partials = strongest_partials(
                    ring_amplitude[s, middle], ring_frequency[s, middle], lasting[s], level[s], floor, compression,
                    y, noise_y, line_hz,
                )  # fmt: skip
                refine(y, noise_y, line_hz, partials, fields[0], strength[s], f0[s], clear[s])
                for v in range(f0.shape[1]):
                    risen[s, v] = clear[s, v] > (stays if risen[s, v] else rises)
        row += (count + n) % stride == 0
        oldest = (now + 1) % waiting
        if count + n >= waiting - 1:
            out[0][left] = ring_times[oldest]
            for s in range(amplitude.shape[1]):
                for i in range(amplitude.shape[2]):
                    out[1][left, s, i] = ring_amplitude[s, oldest, i]
                    out[2][left, s, i] = ring_frequency[s, oldest, i]
                out[5][left, s, 0] = out[5][left, s, 1] = False
                for v in range(f0.shape[1]):
                    sounds = f0[s, v] > 0 and risen[s, v]
                    told = sounds and low_hz <= f0[s, v] <= high_hz
                    out[3][left, s, v] = f0[s, v] if told else 0.0
                    out[4][left, s, v] = strength[s, v] if told else 0.0
                    if sounds and not told and clear[s, v] > surely:
                        out[5][left, s, int(f0[s, v] > high_hz)] = True
            left += 1
    return left


@kernel
def strongest_partials(
    amplitude: Any, frequency: Any, noise: Any, level: Any, floor: Any, compression: Any, y: Any, noise_y: Any,
    line_hz: Any,
) -> int:  # fmt: skip
    """The partials above the floor and the noise there, compressed, relative to the level; how many there are."""
    threshold, found = floor * level, MOST_PARTIALS + 1
    while found > MOST_PARTIALS:
        found = 0
        for i in range(amplitude.size):
            found += amplitude[i] > threshold and frequency[i] > 0
        threshold *= np.float32(1.25) if found > MOST_PARTIALS else np.float32(1.0)
    n = 0
    for i in range(amplitude.size):
        if amplitude[i] > threshold and frequency[i] > 0:
            y[n] = (amplitude[i] / level) ** compression
            noise_y[n] = (noise[i] / (level * level)) ** (compression / 2)
            line_hz[n] = frequency[i]
            n += 1
    return n


@kernel
def compete(
    amplitude: Any, frequency: Any, noise: Any, level: Any, fields: Any, rule: Any, gains: Any, scratch: Any, a: Any
) -> None:
    """One step of the pitch layer on one frame's partials."""
    y, noise_y, line_hz, start, unit, weight, support, _ = scratch
    _, iterations, compression, floor, _, _ = rule
    partials = strongest_partials(amplitude, frequency, noise, level, floor, compression, y, noise_y, line_hz)
    connect(line_hz, partials, a.size, fields[0], start, unit, weight)
    for _ in range(iterations):
        divisive_step(y, partials, start, unit, weight, fields[1], gains, a, support)


@kernel
def median_activity(history: Any, activity: Any) -> None:
    """Median over the steps of what a unit and its two neighbours hold together."""
    width, units = history.shape
    ordered = np.empty(width, np.float32)
    for j in range(units):
        for r in range(width):
            value = history[r, j] + history[r, max(j - 1, 0)] + history[r, min(j + 1, units - 1)]
            at = r
            while at > 0 and ordered[at - 1] > value:
                ordered[at] = ordered[at - 1]
                at -= 1
            ordered[at] = value
        activity[j] = ordered[width // 2]


@kernel
def follow(
    activity: Any, strongest: Any, voice_rule: Any, field_rule: Any, f0: Any, last_f0: Any, strength: Any
) -> None:
    """Continue the voices whose peak is still there, begin new ones, and end the others.

    The strongest peaks choose first. A new voice takes the free place whose last pitch was nearest, so that a
    place holds one part of the music.
    """
    onset, offset, glide = voice_rule[:3]
    low_hz, per_octave = field_rule[2], field_rule[3]
    units, places = activity.size, f0.size
    taken = np.zeros(places, np.bool_)
    left = activity.copy()
    before = f0.copy()
    for _ in range(places):
        peak = -1
        for j in range(units):
            if left[j] > 0 and (peak < 0 or left[j] > left[peak]) and is_peak(activity, j):
                peak = j
        if peak < 0 or activity[peak] < offset * onset * strongest:
            break
        left[peak] = 0
        hz = low_hz * 2 ** (peak / per_octave)
        place, nearest = -1, glide
        for v in range(places):
            if before[v] > 0 and not taken[v]:
                distance = abs(math.log2(before[v] / hz)) * per_octave
                if distance <= nearest:
                    place, nearest = v, distance
        if place < 0 and activity[peak] >= onset * strongest:
            nearest = np.inf
            for v in range(places):
                if before[v] == 0 and not taken[v]:
                    # A place never used stands half an octave away.
                    distance = abs(math.log2(last_f0[v] / hz)) if last_f0[v] > 0 else 0.5
                    if distance < nearest:
                        place, nearest = v, distance
        if place >= 0:
            taken[place] = True
            f0[place] = last_f0[place] = hz
            strength[place] = activity[peak]
    for v in range(places):
        if not taken[v]:
            f0[v] = strength[v] = 0.0


@kernel
def is_peak(activity: Any, j: int) -> bool:
    """Whether no unit within reach is more active."""
    for i in range(max(0, j - NEIGHBORS), min(activity.size, j + NEIGHBORS + 1)):
        if activity[i] > activity[j] or (activity[i] == activity[j] and i < j):
            return False
    return True


@kernel
def refine(
    y: Any, noise_y: Any, line_hz: Any, partials: int, field_rule: Any, strength: Any, f0: Any, clear: Any
) -> None:
    """Move each voice to the mean of what its partials say of its fundamental, each by the voice's share of it.

    clear: ratio of these shares to those that noise alone would have, compressed, averaged over the voice's steps.
    """
    moved, weights = np.zeros(f0.size, np.float32), np.zeros(f0.size, np.float32)
    drowned = np.full(f0.size, np.float32(1e-9))
    for i in range(partials):
        expected = np.float32(1e-6)
        for v in range(f0.size):
            if f0[v] > 0:
                expected += field_weight(line_hz[i], f0[v], field_rule) * strength[v]
        for v in range(f0.size):
            if f0[v] > 0:
                claim = field_weight(line_hz[i], f0[v], field_rule)
                if claim > 0:
                    share = claim * y[i] * claim * strength[v] / expected
                    moved[v] += share * math.log2(line_hz[i] / (round(line_hz[i] / f0[v]) * f0[v]))
                    weights[v] += share
                    drowned[v] += share * noise_y[i] / y[i]
    for v in range(f0.size):
        if weights[v] > 0:
            f0[v] *= 2 ** (moved[v] / weights[v])
        now = weights[v] / drowned[v]
        clear[v] = now if clear[v] == 0 else clear[v] + CLEAR_PACE * (now - clear[v])
        if f0[v] == 0:
            clear[v] = 0.0


@kernel
def share_partials(
    amplitude: Any, frequency: Any, f0: Any, strength: Any, field_rule: Any, rule: Any, share: Any
) -> None:
    """``s_vi = e_vi / (ε' + Σ_u e_ui)``, e_vi the amplitude that voice v expects of partial i, of the level.

    rule: (1/compression, ε').
    """
    expand, epsilon = rule
    for n in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            for i in range(amplitude.shape[2]):
                expected = epsilon
                for v in range(f0.shape[2]):
                    share[n, s, v, i] = 0.0
                    if amplitude[n, s, i] > 0 and f0[n, s, v] > 0:
                        claim = field_weight(frequency[n, s, i], f0[n, s, v], field_rule)
                        if claim > 0:
                            share[n, s, v, i] = (claim * strength[n, s, v]) ** expand
                            expected += share[n, s, v, i]
                for v in range(f0.shape[2]):
                    if share[n, s, v, i] > 0:
                        share[n, s, v, i] /= expected
