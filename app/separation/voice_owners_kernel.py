"""Loops of `VoiceTracks` that say whose each pitch is: what the network is told, it, and matching. No validation."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .pitch_readings_kernel import GLIDE_OCTAVES, HARMONICS, READINGS

OF_PITCH, OF_CLAIM = READINGS + 11, 31
"""Numbers that the network is told of each pitch, and of each voice's claim to it."""

FARTHEST = 1.5
"""Octaves beyond which a distance is told as this one."""

NEAR, VERY_NEAR = 8.0, 40.0
"""Closeness is told as ``exp(-8 d)`` and ``exp(-40 d)``, d in octaves."""

SHORT_S, SOON_S = 0.05, 0.1
"""Times in which a voice's silence, and its hold on a pitch, are told."""

REGISTER_S, SPECTRUM_S, LEVEL_S = 2.0, 1.5, 1.0
"""Time constants with which a voice's register, spectrum and level are remembered."""

KNOWN_S = 0.2
"""A harmonic that was heard alone for so long is known."""

LEAST_LOG = -3.0
"""No harmonic's energy, log10 of its pitch's, is remembered as less."""

COINCIDING_OCTAVES, HIGHEST_COINCIDING = 0.03, 20
"""Harmonics so near to one another, and up to this one, are not told apart."""

NO_SUM = -1e18


class HeardSteps(NamedTuple):
    """The last steps of the pitch layer, a ring: what is heard at each place."""

    f0: Annotated[NDArray[np.float32], "steps", "places"]
    strength: Annotated[NDArray[np.float32], "steps", "places"]
    odds: Annotated[NDArray[np.float32], "steps", "places"]
    """Log odds that the pitch sounds, of the pitch layer."""

    reading: Annotated[NDArray[np.float32], "steps", "places", "readings"]
    harmonics: Annotated[NDArray[np.float32], "steps", "places", "harmonics"]
    """Log10 of each harmonic's energy."""


class VoiceMemory(NamedTuple):
    """What is remembered of each voice, and of each place."""

    octaves: Annotated[NDArray[np.float64], "voices"]
    """Its last pitch, octaves above 1 Hz."""

    silent: Annotated[NDArray[np.int64], "voices"]
    """Steps since then."""

    register: Annotated[NDArray[np.float64], "voices"]
    heard: Annotated[NDArray[np.int64], "voices"]
    """Steps in which it sounded."""

    level: Annotated[NDArray[np.float64], "voices"]
    glide: Annotated[NDArray[np.float64], "voices"]
    """How fast its pitches move, octaves a second."""

    spectrum: Annotated[NDArray[np.float64], "voices", "harmonics"]
    known: Annotated[NDArray[np.float64], "voices", "harmonics"]
    """Steps in which each harmonic was heard alone."""

    held: Annotated[NDArray[np.int64], "voices"]
    """The place that it held in the step before, counted from 1: 0 is none."""

    owner: Annotated[NDArray[np.int64], "places"]
    """The voice that held the place in the step before, counted from 1, and for how many steps."""

    owned: Annotated[NDArray[np.int64], "places"]
    sounding: Annotated[NDArray[np.float32], "places"]
    """Each place's Hz in the step before."""


class OwnerWeights(NamedTuple):
    """A voice's claim is worth ``u · relu(A p + B c)``, nobody's ``v · relu(N p)``; last columns are what is added."""

    pitch: Annotated[NDArray[np.float32], "units", "numbers of a pitch + 1"]
    claim: Annotated[NDArray[np.float32], "units", "numbers of a claim"]
    output: Annotated[NDArray[np.float32], "units + 1"]
    nobody: Annotated[NDArray[np.float32], "nobody's units", "numbers of a pitch + 1"]
    nobody_output: Annotated[NDArray[np.float32], "nobody's units + 1"]


class Claims(NamedTuple):
    """What the network is told, what it says, and what is needed on the way."""

    pitch: Annotated[NDArray[np.float32], "places", "numbers of a pitch"]
    claim: Annotated[NDArray[np.float32], "places", "voices", "numbers of a claim"]
    gain: Annotated[NDArray[np.float64], "places", "voices"]
    """Log odds of each voice against nobody."""

    left: Annotated[NDArray[np.float64], "places"]
    """Part of the steps ahead for which the pitch goes on, and its mean log odds until then."""

    odds: Annotated[NDArray[np.float64], "places"]
    real: Annotated[NDArray[np.float64], "places"]
    octaves: Annotated[NDArray[np.float64], "places"]
    level: Annotated[NDArray[np.float64], "places"]
    glide: Annotated[NDArray[np.float64], "places"]
    """Octaves a second by which the pitch moves, up and down, as long as it goes on: a speaker's moves, a key's not."""

    alone: Annotated[NDArray[np.float64], "places", "harmonics"]
    """Probability that no other pitch has a harmonic where this one has it."""


@kernel
def goes_on(before: float, now: float) -> bool:
    """Whether a place holds the same pitch from one step to the next."""
    return before > 0 and now > 0 and abs(math.log2(max(now, 1.0) / max(before, 1.0))) <= GLIDE_OCTAVES


@kernel
def tell_claims(steps: HeardSteps, at: int, step_s: float, memory: VoiceMemory, claims: Claims) -> None:
    """Fill in what the network is told of the step `at`; all others in the ring follow it."""
    let_go(steps.f0[at], memory)
    look_ahead(steps, at, step_s, claims)
    find_alone(steps.f0[at], claims)
    tell_pitches(steps, at, step_s, memory, claims)
    for p in range(claims.level.size):
        for v in range(memory.octaves.size):
            claims.claim[p, v] = 0
            if steps.f0[at, p] > 0:
                tell_distance(p, v, step_s, memory, claims, claims.claim[p, v])
                tell_hold(p, v, step_s, memory, claims, claims.claim[p, v])
                tell_likeness(p, v, step_s, steps.harmonics[at, p], memory, claims, claims.claim[p, v])
                tell_order(p, v, steps.f0[at], memory, claims, claims.claim[p, v])
                tell_glide(p, v, memory, claims, claims.claim[p, v])


@kernel
def let_go(f0: Floats, memory: VoiceMemory) -> None:
    """A place whose pitch ended or leapt is no voice's any more."""
    for p in range(f0.size):
        if not goes_on(memory.sounding[p], f0[p]):
            if memory.owner[p] > 0:
                memory.held[memory.owner[p] - 1] = 0
            memory.owner[p], memory.owned[p] = 0, 0
        memory.sounding[p] = f0[p]


@kernel
def look_ahead(steps: HeardSteps, at: int, step_s: float, claims: Claims) -> None:
    """How long each pitch goes on, how far it is believed in, and how fast it moves; its octaves, its level (log10)."""
    width = steps.f0.shape[0]
    for p in range(claims.left.size):
        claims.left[p], claims.odds[p], claims.real[p], claims.octaves[p], claims.glide[p] = 0, 0, 0, 0, 0
        if steps.f0[at, p] <= 0:
            continue
        total, count, here, moved = np.float64(steps.odds[at, p]), 1, at, 0.0
        for k in range(1, width):
            following = (at + k) % width
            if not goes_on(steps.f0[here, p], steps.f0[following, p]):
                break
            total += steps.odds[following, p]
            moved += abs(math.log2(np.float64(steps.f0[following, p]) / steps.f0[here, p]))
            count, here = count + 1, following
        claims.left[p], claims.odds[p] = (count - 1) / (width - 1), total / count
        claims.real[p] = 1.0 / (1.0 + math.exp(-claims.odds[p]))
        claims.octaves[p] = math.log2(steps.f0[at, p])
        claims.glide[p] = moved / (max(count - 1, 1) * step_s)
        energy = 0.0
        for h in range(HARMONICS):
            energy += 10.0 ** steps.harmonics[at, p, h]
        claims.level[p] = math.log10(energy)


@kernel
def find_alone(f0: Floats, claims: Claims) -> None:
    """``Π (1 − P(q sounds))`` over the pitches q that have a harmonic there."""
    for p in range(f0.size):
        claims.alone[p] = 1.0
        for q in range(f0.size):
            if q == p or f0[p] <= 0 or f0[q] <= 0:
                continue
            for h in range(HARMONICS):
                times = (h + 1) * f0[p] / f0[q]
                k = round(times)
                if 1 <= k <= HIGHEST_COINCIDING and abs(math.log2(times / k)) < COINCIDING_OCTAVES:
                    claims.alone[p, h] *= 1.0 - claims.real[q]


@kernel
def tell_pitches(steps: HeardSteps, at: int, step_s: float, memory: VoiceMemory, claims: Claims) -> None:
    """What is read of each pitch, whoever claims it."""
    voices = memory.octaves.size
    free, heard, glide = 0, 0, 0.0
    for v in range(voices):
        free += memory.held[v] == 0
        heard += memory.heard[v] > 0
        glide += memory.glide[v]
    for p in range(claims.left.size):
        told = claims.pitch[p]
        told[:] = 0
        if steps.f0[at, p] <= 0:
            continue
        told[:READINGS] = steps.reading[at, p]
        told[READINGS] = steps.odds[at, p]
        told[READINGS + 1] = claims.odds[p]
        told[READINGS + 2] = claims.left[p]
        told[READINGS + 3] = 1.0 if claims.left[p] < 1 else 0.0
        told[READINGS + 4] = claims.real.sum() - voices
        told[READINGS + 5] = voices
        told[READINGS + 6] = free
        told[READINGS + 7] = 1.0 if memory.owner[p] > 0 else 0.0
        told[READINGS + 8] = math.log(1.0 + memory.owned[p] * step_s / SOON_S)
        told[READINGS + 9] = claims.glide[p]
        told[READINGS + 10] = glide / max(heard, 1)


@kernel
def tell_distance(p: int, v: int, step_s: float, memory: VoiceMemory, claims: Claims, told: Floats) -> None:
    """How far the pitch is from where the voice was, beside other voices and other pitches, and from its register."""
    apart = claims.octaves[p] - memory.octaves[v]
    away = min(abs(apart), FARTHEST)
    told[0] = max(-FARTHEST, min(FARTHEST, apart))
    told[1] = away
    told[2] = math.exp(-NEAR * away)
    told[3] = math.exp(-VERY_NEAR * away)
    silent_s = memory.silent[v] * step_s
    told[4] = math.exp(-silent_s / SHORT_S)
    told[5] = math.log(1.0 + silent_s / SOON_S)
    told[6] = away * told[4]
    nearest = FARTHEST
    for w in range(memory.octaves.size):
        if w != v:
            nearest = min(nearest, abs(claims.octaves[p] - memory.octaves[w]))
    told[7] = max(-1.0, min(1.0, away - nearest))
    nearest = FARTHEST
    for q in range(claims.left.size):
        if q != p and claims.odds[q] > 0:
            nearest = min(nearest, abs(claims.octaves[q] - memory.octaves[v]))
    told[8] = max(-1.0, min(1.0, away - nearest))
    apart = max(-FARTHEST, min(FARTHEST, claims.octaves[p] - memory.register[v]))
    told[9] = apart
    told[10] = abs(apart)
    told[11] = math.log(1.0 + memory.heard[v] * step_s)


@kernel
def tell_hold(p: int, v: int, step_s: float, memory: VoiceMemory, claims: Claims, told: Floats) -> None:
    """Whether the voice or another one holds the pitch, for how long, and whether the voice holds another pitch."""
    hold = math.log(1.0 + memory.owned[p] * step_s / SOON_S)
    if memory.owner[p] == v + 1:
        told[12], told[13] = 1.0, hold
    elif memory.owner[p] > 0:
        told[14], told[15] = 1.0, hold
    q = memory.held[v] - 1
    if q >= 0 and q != p:
        told[16], told[17], told[18] = 1.0, claims.odds[q], claims.left[q]


@kernel
def tell_likeness(
    p: int, v: int, step_s: float, spectrum: Floats, memory: VoiceMemory, claims: Claims, told: Floats
) -> None:  # fmt: skip
    """How far the pitch's spectrum, where both are known, and level are from what is remembered of the voice."""
    if memory.heard[v] == 0:
        return
    away, weight = 0.0, 1e-3
    for h in range(HARMONICS):
        known = claims.alone[p, h] * min(1.0, memory.known[v, h] * step_s / KNOWN_S)
        away += known * abs(max(LEAST_LOG, spectrum[h] - claims.level[p]) - memory.spectrum[v, h])
        weight += known
    told[19] = away / weight
    told[20] = weight / HARMONICS
    told[21] = claims.level[p] - memory.level[v]


@kernel
def tell_order(p: int, v: int, f0: Floats, memory: VoiceMemory, claims: Claims, told: Floats) -> None:
    """How many pitches are expected below and above, beside how many voices are; whom the voice would cross."""
    voices = memory.octaves.size
    below, above = 0.0, 0.0
    for q in range(f0.size):
        if q != p and f0[q] > 0:
            if f0[q] < f0[p]:
                below += claims.real[q]
            else:
                above += claims.real[q]
    told[22] = max(-3.0, min(3.0, below - v))
    told[23] = max(-3.0, min(3.0, above - (voices - 1 - v)))
    told[24], told[25] = abs(told[22]), abs(told[23])
    for w in range(voices):
        q = memory.held[w] - 1
        if w == v or q == p:
            continue
        octaves = claims.octaves[q] if q >= 0 else memory.octaves[w]
        if (w > v) == (octaves < claims.octaves[p]):
            told[26 if q >= 0 else 27] += 1.0
    told[28] = (v + 0.5) / voices


@kernel
def tell_glide(p: int, v: int, memory: VoiceMemory, claims: Claims, told: Floats) -> None:
    """How fast the voice's pitches move, and how much faster or slower this one does."""
    if memory.heard[v] > 0:
        told[29] = memory.glide[v]
        told[30] = claims.glide[p] - memory.glide[v]


@kernel
def weigh_claims(f0: Floats, weights: OwnerWeights, claims: Claims) -> None:
    """The log odds of each voice against nobody."""
    units, numbers = weights.pitch.shape[0], OF_PITCH
    base = np.empty(units, np.float64)
    for p in range(f0.size):
        claims.gain[p] = 0
        if f0[p] <= 0:
            continue
        nobody = np.float64(weights.nobody_output[-1])
        for u in range(weights.nobody.shape[0]):
            raised = np.float64(weights.nobody[u, numbers])
            for i in range(numbers):
                raised += weights.nobody[u, i] * claims.pitch[p, i]
            nobody += weights.nobody_output[u] * max(raised, 0.0)
        for u in range(units):
            base[u] = weights.pitch[u, numbers]
            for i in range(numbers):
                base[u] += weights.pitch[u, i] * claims.pitch[p, i]
        for v in range(claims.gain.shape[1]):
            total = np.float64(weights.output[-1])
            for u in range(units):
                raised = base[u]
                for i in range(OF_CLAIM):
                    raised += weights.claim[u, i] * claims.claim[p, v, i]
                total += weights.output[u] * max(raised, 0.0)
            claims.gain[p, v] = total - nobody


@kernel
def match(gain: Doubles, owner: Integers) -> None:
    """Give pitches to voices, each at most one, so that the sum of the gains is greatest; owner from 1 on, 0 nobody.

    Place by place, the best sum is kept of each set of voices that have a pitch by then.
    """
    places, voices = gain.shape
    sets = 1 << voices
    best = np.full((places + 1, sets), NO_SUM)
    taken = np.zeros((places + 1, sets), np.int64)
    best[0, 0] = 0.0
    for p in range(places):
        best[p + 1] = best[p]
        for some in range(sets):
            if best[p, some] == NO_SUM:
                continue
            for v in range(voices):
                more = some | (1 << v)
                total = best[p, some] + gain[p, v]
                if more != some and gain[p, v] > 0 and total > best[p + 1, more]:
                    best[p + 1, more], taken[p + 1, more] = total, v + 1
    some = int(best[places].argmax())
    for p in range(places, 0, -1):
        voice = taken[p, some]
        owner[p - 1] = voice
        if voice > 0:
            some ^= 1 << (voice - 1)


@kernel
def remember(f0: Floats, spectrum: Floats, step_s: float, claims: Claims, owner: Integers, memory: VoiceMemory) -> None:
    """Follow the voices to the pitches that they were given; owner from 1 on."""
    memory.silent[:] += 1
    memory.held[:] = 0
    for p in range(f0.size):
        v = owner[p] - 1
        memory.owned[p] = memory.owned[p] + 1 if memory.owner[p] == owner[p] else 1
        memory.owner[p] = owner[p]
        if v < 0:
            memory.owned[p] = 0
            continue
        memory.held[v], memory.silent[v] = p + 1, 0
        memory.octaves[v] = claims.octaves[p]
        memory.heard[v] += 1
        memory.register[v] += step_s / REGISTER_S * claims.real[p] * (claims.octaves[p] - memory.register[v])
        pace = max(step_s / LEVEL_S, 1.0 / memory.heard[v])
        memory.level[v] += pace * (claims.level[p] - memory.level[v])
        memory.glide[v] += pace * (claims.glide[p] - memory.glide[v])
        for h in range(HARMONICS):
            memory.known[v, h] += claims.alone[p, h]
            pace = claims.alone[p, h] * max(step_s / SPECTRUM_S, 1.0 / (memory.known[v, h] + 1e-9))
            here = max(LEAST_LOG, spectrum[p, h] - claims.level[p])
            memory.spectrum[v, h] += min(1.0, pace) * (here - memory.spectrum[v, h])
