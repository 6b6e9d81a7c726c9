"""The pitch layer's loops: frames → partials, and activities of pitches → voices. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.dynamics.harmonic_fields import FieldRule
from sharpear.dynamics.lca_kernel import SMALLEST_LEVEL

from .evidence_kernel import ReadoutLayers, VoicesHeard, believe, claim_all, weigh_evidence
from .hidden_voices_kernel import HiddenRule, follow_hidden

FAINTEST = np.float32(0.1)
"""The least strength, as a share of the level, that the strongest pitch is taken to have: where all are at rest, none
is a voice."""
MOST_PARTIALS = 160
"""Partials that take part in a step, the strongest ones: this bounds a step's cost in noise."""
CLEAR_PACE = np.float32(0.3)
"""Share of a step's own value in the running mean of a voice's rise above the noise."""
UNLIKELY = np.float32(0.02)
"""Nothing is told of a voice that others explain, and that is believed in by less: most of them, and few are right."""
NEIGHBORS = 3
"""Units on either side of a voice among which it is the strongest, and the only voice."""


class PitchRule(NamedTuple):
    """How partials drive the layer."""

    stride: int
    """Frames a step."""

    compression: np.float32
    floor: np.float32
    """Amplitude of the weakest partial that counts, as a share of the level."""

    decay: np.float32
    """What is left of a level a step later."""

    rise: np.float32
    """What of its rise the lasting noise follows in a step."""


class VoiceRule(NamedTuple):
    """When voices begin, move, end, and are told."""

    onset: np.float32
    offset: np.float32
    glide_units: np.float32
    low_hz: np.float32
    high_hz: np.float32
    believed: np.float32
    """A voice is told where the readout believes in it by more."""


class PitchRings(NamedTuple):
    """The frames that wait for their voices."""

    times: Annotated[NDArray[np.float64], "waiting"]
    amplitude: Annotated[NDArray[np.float32], "streams", "waiting", "atoms"]
    frequency: Annotated[NDArray[np.float32], "streams", "waiting", "atoms"]


class PartialsState(NamedTuple):
    """State of what partials are measured by: their level, and the lasting noise."""

    level: Annotated[NDArray[np.float32], "streams"]
    lasting: Annotated[NDArray[np.float32], "streams", "atoms"]


class PitchHistory(NamedTuple):
    """State of what is known of activities: those of the last steps, and the strongest one."""

    history: Annotated[NDArray[np.float32], "streams", "steps", "pitches"]
    strongest: Annotated[NDArray[np.float32], "streams"]


class PitchPlaces(NamedTuple):
    """State of the places of voices: Hz now and last, activity, height above the noise, steps, and the belief in it.

    hidden: whether others explain it.
    """

    f0: Annotated[NDArray[np.float32], "streams", "voices"]
    last_f0: Annotated[NDArray[np.float32], "streams", "voices"]
    strength: Annotated[NDArray[np.float32], "streams", "voices"]
    clear: Annotated[NDArray[np.float32], "streams", "voices"]
    age: Annotated[NDArray[np.int64], "streams", "voices"]
    belief: Annotated[NDArray[np.float32], "streams", "voices"]
    hidden: Annotated[NDArray[np.bool_], "streams", "voices"]


class Partials(NamedTuple):
    """Partials, compressed, what noise would give in their place, and where they stand."""

    y: Annotated[NDArray[np.float32], "partials"]
    noise_y: Annotated[NDArray[np.float32], "partials"]
    line_hz: Annotated[NDArray[np.float32], "partials"]


class PitchSteps(NamedTuple):
    """What the network is given at each step: partials, and where they stand; and what these were measured by."""

    y: Annotated[NDArray[np.float32], "taken", "streams", "partials"]
    line_hz: Annotated[NDArray[np.float32], "taken", "streams", "partials"]
    level: Annotated[NDArray[np.float32], "taken", "streams"]
    lasting: Annotated[NDArray[np.float32], "taken", "streams", "atoms"]


class PitchWork(NamedTuple):
    """What a step works on: the partials of the frame that it decides for, and the pitches."""

    partials: Partials
    steady: Annotated[NDArray[np.float32], "pitches"]
    activity: Annotated[NDArray[np.float32], "pitches"]
    evidence: Annotated[NDArray[np.float32], "voices", "evidence"]


class PitchOut(NamedTuple):
    """The fields of `PitchFrames`."""

    times: Annotated[NDArray[np.float64], "frames"]
    amplitude: Annotated[NDArray[np.float32], "frames", "streams", "atoms"]
    frequency: Annotated[NDArray[np.float32], "frames", "streams", "atoms"]
    f0: Annotated[NDArray[np.float32], "frames", "streams", "voices"]
    strength: Annotated[NDArray[np.float32], "frames", "streams", "voices"]
    outside: Annotated[NDArray[np.bool_], "frames", "streams", "below and above"]
    faint_f0: Annotated[NDArray[np.float32], "frames", "streams", "voices"]
    faint_strength: Annotated[NDArray[np.float32], "frames", "streams", "voices"]
    belief: Annotated[NDArray[np.float32], "frames", "streams", "voices"]


@kernel
def partials_process(
    amplitude: Floats, frequency: Floats, noise: Floats, rule: PitchRule, count: int, state: PartialsState,
    work: PitchWork, steps: PitchSteps,
) -> None:  # fmt: skip
    """The partials of each frame at which the layer takes a step.

    noise: power of the noise at every atom, at each of these steps.
    """
    level, lasting, first = state.level, state.lasting, -count % rule.stride
    for row in range(len(noise)):
        n = first + row * rule.stride
        for s in range(amplitude.shape[1]):
            for i in range(lasting.shape[1]):
                beginning = count + n == 0
                pace = np.float32(1) if beginning or noise[row, s, i] < lasting[s, i] else rule.rise
                lasting[s, i] += pace * (noise[row, s, i] - lasting[s, i])
                steps.lasting[row, s, i] = lasting[s, i]
            level[s] = max(level[s] * rule.decay, amplitude[n, s].max(), SMALLEST_LEVEL)
            steps.level[row, s] = level[s]
            found = strongest_partials(amplitude[n, s], frequency[n, s], lasting[s], level[s], rule, work.partials)
            for i in range(steps.y.shape[2]):
                steps.y[row, s, i] = work.partials.y[i] if i < found else 0.0
                steps.line_hz[row, s, i] = work.partials.line_hz[i] if i < found else 0.0


@kernel
def pitch_process(
    amplitude: Floats, frequency: Floats, times: Doubles, steps: PitchSteps, a: Floats, fields: FieldRule,
    rule: PitchRule, voice_rule: VoiceRule, hidden_rule: HiddenRule, readout: ReadoutLayers, rings: PitchRings,
    pitches: PitchHistory, voices: PitchPlaces, work: PitchWork, count: int, out: PitchOut,
) -> int:  # fmt: skip
    """Advance over frames; return how many have left.

    a: (taken, streams, pitches) activities after each step that these frames hold.
    """
    ring_times, ring_amplitude, ring_frequency = rings.times, rings.amplitude, rings.frequency
    history, strongest, steady, activity = pitches.history, pitches.strongest, work.steady, work.activity
    f0, last_f0, strength, clear, hidden = voices.f0, voices.last_f0, voices.strength, voices.clear, voices.hidden
    there = work.partials
    waiting, width, stride = ring_times.size, history.shape[1], rule.stride
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
                for j in range(a.shape[2]):
                    history[s, step % width, j] = a[row, s, j]
                steady_activity(history[s], steady)
                strongest[s] = max(strongest[s] * rule.decay, steady.max(), FAINTEST)
                gliding_activity(history[s], step, steady, voice_rule.glide_units, fields, f0[s], hidden[s], activity)
                before = f0[s].copy()
                follow(activity, steady, strongest[s], voice_rule, fields, f0[s], last_f0[s], strength[s], hidden[s])
                lasting, level = steps.lasting[row, s], steps.level[row, s]
                found = strongest_partials(
                    ring_amplitude[s, middle], ring_frequency[s, middle], lasting, level, rule, there
                )
                follow_hidden(
                    there.y, there.line_hz, found, strongest[s], hidden_rule, fields, before, f0[s], last_f0[s],
                    strength[s], hidden[s],
                )  # fmt: skip
                refine(there.y, there.noise_y, there.line_hz, found, fields, strength[s], hidden[s], f0[s], clear[s])
                heard = VoicesHeard(f0[s], last_f0[s], strength[s], clear[s], voices.age[s], hidden[s])
                weigh_evidence(
                    there.y, there.line_hz, found, fields, strongest[s], history[s], step, heard, work.evidence
                )
                believe(work.evidence, readout, f0[s], voices.belief[s])
                for v in range(f0.shape[1]):
                    voices.age[s, v] = voices.age[s, v] + 1 if f0[s, v] > 0 else 0
        row += (count + n) % stride == 0
        oldest = (now + 1) % waiting
        if count + n >= waiting - 1:
            out.times[left] = ring_times[oldest]
            for s in range(amplitude.shape[1]):
                for i in range(amplitude.shape[2]):
                    out.amplitude[left, s, i] = ring_amplitude[s, oldest, i]
                    out.frequency[left, s, i] = ring_frequency[s, oldest, i]
                tell(voices, voice_rule, s, left, out)
            left += 1
    return left


@kernel
def tell(voices: PitchPlaces, rule: VoiceRule, s: int, left: int, out: PitchOut) -> None:
    """Write the voices of stream s that are believed in, and apart those that are not, or are out of the range."""
    f0, strength, belief, hidden = voices.f0[s], voices.strength[s], voices.belief[s], voices.hidden[s]
    out.outside[left, s, 0] = out.outside[left, s, 1] = False
    for v in range(f0.size):
        sounds = rule.low_hz <= f0[v] <= rule.high_hz
        believed = belief[v] > rule.believed
        told, faint = sounds and believed, sounds and not believed and not (hidden[v] and belief[v] < UNLIKELY)
        out.f0[left, s, v] = f0[v] if told else 0.0
        out.strength[left, s, v] = strength[v] if told else 0.0
        out.faint_f0[left, s, v] = f0[v] if faint else 0.0
        # What others explain, and nobody believes in, has no share of it.
        out.faint_strength[left, s, v] = strength[v] if faint and not hidden[v] else 0.0
        out.belief[left, s, v] = belief[v] if told or faint else 0.0
        if f0[v] > 0 and believed and not sounds:
            out.outside[left, s, int(f0[v] > rule.high_hz)] = True


@kernel(apart=True)
def strongest_partials(
    amplitude: Floats, frequency: Floats, noise: Floats, level: np.float32, rule: PitchRule, out: Partials
) -> int:
    """The partials above the floor and the noise there, compressed, relative to the level; how many there are."""
    compression, y, noise_y, line_hz = rule.compression, out.y, out.noise_y, out.line_hz
    threshold, found = rule.floor * level, MOST_PARTIALS + 1
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


@kernel(apart=True)
def steady_activity(history: Floats, activity: Floats) -> None:
    """Median over the steps of what a unit and its two neighbours hold together."""
    held = np.empty(history.shape[0], np.float32)
    for j in range(history.shape[1]):
        for r in range(held.size):
            held[r] = around(history[r], j)
        activity[j] = median(held)


@kernel(apart=True)
def gliding_activity(
    history: Floats, step: int, steady: Floats, glide_units: np.float32, rule: FieldRule, f0: Floats,
    hidden: NDArray[np.bool_], activity: Floats,
) -> None:  # fmt: skip
    """The same, and where a voice may have gone from where it was, the median along a straight glide if it is larger.

    f0, hidden: of the step before; a voice that others explain has no activity of its own.  A glide of k units a step
    stands k d units away d steps from the middle one.
    """
    width, units = history.shape
    held, steepest = np.empty(width, np.float32), int(glide_units)
    activity[:] = steady
    for v in range(f0.size):
        if f0[v] > 0 and not hidden[v]:
            before = round(math.log2(f0[v] / rule.low_hz) * rule.per_octave)
            for slope in range(-steepest, steepest + 1):
                for j in range(max(0, before + slope - 1), min(units, before + slope + 2)):
                    for r in range(width):
                        held[r] = around(history[r], j + slope * (width // 2 - (step - r) % width))
                    activity[j] = max(activity[j], median(held))


@kernel
def around(activity: Floats, j: int) -> np.float32:
    """What a unit and its two neighbours hold together; at the ends, the last one counts for those beyond."""
    last = activity.size - 1
    below, above = activity[min(max(j - 1, 0), last)], activity[min(max(j + 1, 0), last)]
    return np.float32(activity[min(max(j, 0), last)] + below + above)


@kernel
def median(values: Floats) -> np.float32:
    """The middle one; sorts the values."""
    for r in range(1, values.size):
        value, at = values[r], r
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    return np.float32(values[values.size // 2])


@kernel(apart=True)
def follow(
    activity: Floats, steady: Floats, strongest: np.float32, voice_rule: VoiceRule, field_rule: FieldRule, f0: Floats,
    last_f0: Floats, strength: Floats, hidden: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Continue the voices whose peak is still there, begin new ones where one is steady, and end the others.

    The strongest peaks choose first. A new voice takes the free place whose last pitch was nearest, so that a
    place holds one part of the music. A place whose voice others explain is free for it.
    """
    onset, offset, glide = voice_rule.onset, voice_rule.offset, voice_rule.glide_units
    low_hz, per_octave = field_rule.low_hz, field_rule.per_octave
    units, places = activity.size, f0.size
    taken = np.zeros(places, np.bool_)
    left, before = activity.copy(), f0.copy()
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
        if place < 0 and steady[peak] >= onset * strongest:
            closest = np.inf
            for v in range(places):
                if (before[v] == 0 or hidden[v]) and not taken[v]:
                    # A place never used stands half an octave away.
                    away = abs(math.log2(last_f0[v] / hz)) if last_f0[v] > 0 else 0.5
                    if away < closest:
                        place, closest = v, away
        if place >= 0:
            taken[place] = True
            f0[place] = last_f0[place] = hz
            strength[place] = activity[peak]
    for v in range(places):
        hidden[v] = False
        if not taken[v]:
            f0[v] = strength[v] = 0.0


@kernel
def is_peak(activity: Floats, j: int) -> bool:
    """Whether no unit within reach is more active."""
    for i in range(max(0, j - NEIGHBORS), min(activity.size, j + NEIGHBORS + 1)):
        if activity[i] > activity[j] or (activity[i] == activity[j] and i < j):
            return False
    return True


@kernel(apart=True)
def refine(
    y: Floats, noise_y: Floats, line_hz: Floats, partials: int, field_rule: FieldRule, strength: Floats,
    hidden: NDArray[np.bool_], f0: Floats, clear: Floats,
) -> None:  # fmt: skip
    """Move each voice to the mean of what its partials say of its fundamental, each by the voice's share of it.

    clear: ratio of these shares to those that noise alone would have, compressed, averaged over the voice's steps.
    """
    moved, weights = np.zeros(f0.size, np.float32), np.zeros(f0.size, np.float32)
    drowned = np.full(f0.size, np.float32(1e-9))
    claims = np.empty(f0.size, np.float32)
    for i in range(partials):
        told_of = claim_all(line_hz[i], field_rule, f0, strength, hidden, claims)
        for v in range(f0.size):
            claim = claims[v]
            if claim > 0:
                expected = told_of + (claim * strength[v] if hidden[v] else np.float32(0))
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
