"""Which voices there are at a moment: those of the one before, and those that what is left asks for. No validation."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel

from .voice_fit_kernel import VoiceFit, VoiceTables, fit_voices, noise_of, weigh
from .voice_salience_kernel import SalienceRoom, SalienceTables, find_salience, take_highest, transform
from .voices_kernel import (
    ALIKE,
    MOST_VOICES,
    PARTIALS,
    Voices,
    add_voice,
    copy_voice,
    copy_voices,
    is_known,
    remove,
    use_all,
)

SETTLED_ALIKE = 25 / 1200 * math.log(2)
"""Where both are settled two voices are one if they are closer than this, 25 cents, as voices may cross."""

LOUD = 1e-3
"""Partials above this share (-30 dB) of their voice's strongest are strong."""

FEWEST_STRONG = 3
"""A voice has so many strong partials: fewer may be anything."""

SILENT = 1e-30
"""Energy of a row (-300 dBFS) in which there is nothing to find."""

EXPLAINED = 0.003
"""What leaves less than this share of the energy needs no second thought."""

EMPTY_MULTIPLE = 0.012
"""A voice with less than this share of its energy in partials that are no multiples of 2, or of 3, is that multiple."""

HIGHEST_HZ = 1400.0
"""Fundamentals are below: above there are not three partials in the band."""

LEAST_STIFFNESS, FIRST_STIFFNESS = 2e-6, 1e-4
"""Stretching by less than the one is none; fits begin with the other."""

STRETCH_AGE, STRETCH_ROWS, STRETCH_STEPS = 2, 4, 3
"""Stiffness is looked for in voices that are so many rows old, and again every so many rows, with so many steps."""

STRETCH_LEAVES, STRETCH_NATS = 0.01, 15.0
"""It is kept where what is left is below this share of the energy, and less by so many nats."""

SETTLED = 2
"""Voices that are as many rows old are not doubted because they are not there later."""


class BirthRule(NamedTuple):
    """What a voice must bring to be believed.

    weight: of a partial in the information criterion, nats twice over; second_weight: where later voices come into it.
    share: of the energy that a voice explains and no other.
    significant: energy over variance from which on a partial is used.
    left: share of the energy that must be left to look for more.
    contiguous: share of strong partials among those up to the highest strong one, in a voice just found.
    tries, births: fundamentals tried for one voice, and voices found, in a row.
    salient: times the mean that a fundamental must stand out.
    """

    weight: float
    second_weight: float
    share: float
    significant: float
    left: float
    contiguous: float
    tries: int
    births: int
    salient: float


class RowRoom(NamedTuple):
    """Room for a row: a fit, voices put aside, the windowed samples, and what is thought of each voice."""

    fit: VoiceFit
    other: Voices
    best: Voices
    real: Annotated[NDArray[np.float32], "samples"]
    imag: Annotated[NDArray[np.float32], "samples"]
    salience: SalienceRoom
    partial_energy: Annotated[NDArray[np.float64], "voices", "partials"]
    stands: Annotated[NDArray[np.bool_], "voices"]


@kernel
def bic(fit: VoiceFit, energy: float, weight: float) -> float:
    """``N/2 ln(noise) + weight K/2`` of K partials (after Schwarz 1978)."""
    return float(fit.rest_real.size * 0.5 * math.log(noise_of(fit, energy)) + 0.5 * weight * fit.partials[0])


@kernel
def measure(fit: VoiceFit, room: RowRoom) -> None:
    """Energies of the partials of each voice."""
    room.partial_energy[:] = 0.0
    for k in range(fit.partials[0]):
        room.partial_energy[fit.partial_voice[k], fit.partial_number[k] - 1] = fit.real[k] ** 2 + fit.imag[k] ** 2


@kernel
def clean(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> bool:
    """A voice with multiples of 2 or 3 alone becomes that multiple; partials that say nothing are left out."""
    fit = room.fit
    voices = fit.voices
    weigh(fit)
    measure(fit, room)
    changed, noise, k = False, noise_of(fit, energy), 0
    for v in range(voices.number[0]):
        own = room.partial_energy[v]
        total, multiple = own.sum(), 0
        for m in range(2, 4):
            others = 0.0
            for h in range(PARTIALS):
                if (h + 1) % m != 0:
                    others += own[h]
            if multiple == 0 and others < EMPTY_MULTIPLE * total and voices.shared[v, 0] * m < HIGHEST_HZ:
                multiple = m
        weak = 0
        begin = k
        while k < fit.partials[0] and fit.partial_voice[k] == v:
            weak += own[fit.partial_number[k] - 1] < rule.significant * noise * fit.variance[k]
            k += 1
        if multiple:
            voices.shared[v, 0] *= multiple * math.sqrt(1 + voices.shared[v, 4] * multiple**2)
            voices.shared[v, 4] *= multiple**2
            changed = True
        elif weak > 2:
            for i in range(begin, k):
                if own[fit.partial_number[i] - 1] < rule.significant * noise * fit.variance[i]:
                    voices.used[v, fit.partial_number[i] - 1] = False
            changed = True
    if changed:
        for v in range(voices.number[0]):
            any_used = False
            for h in range(PARTIALS):
                voices.used[v, h] = voices.used[v, h] and (h + 1) * voices.shared[v, 0] < tables.top_hz
                any_used = any_used or voices.used[v, h]
            if not any_used:
                voices.used[v, 0] = True
        fit_voices(room.real, room.imag, 1, fit, tables)
        weigh(fit)
    return changed


@kernel
def examine(energy: float, born: bool, room: RowRoom, rule: BirthRule) -> None:
    """Which voices have evidence and three strong partials, and no stronger one beside; born: the last is new."""
    fit, stands = room.fit, room.stands
    measure(fit, room)
    noise, count = noise_of(fit, energy), fit.voices.number[0]
    for v in range(count):
        strongest, strong, used, last = room.partial_energy[v].max(), 0, 0, 0
        for h in range(PARTIALS):
            used += fit.voices.used[v, h]
            if room.partial_energy[v, h] > LOUD * strongest:
                strong += 1
                last = h + 1
        stands[v] = (
            fit.gain[v] >= rule.weight * noise * (used + 2)
            and fit.gain[v] >= rule.share * energy
            and strong >= FEWEST_STRONG
        )
        if born and v == count - 1 and strong < rule.contiguous * last:
            stands[v] = False
    for v in range(count):
        for w in range(count):
            stronger = fit.gain[w] > fit.gain[v] or (fit.gain[w] == fit.gain[v] and w < v)
            settled = min(fit.voices.age[v], fit.voices.age[w]) >= SETTLED
            apart = abs(math.log(fit.voices.shared[v, 0] / fit.voices.shared[w, 0]))
            if w != v and stands[v] and stands[w] and stronger and apart < (SETTLED_ALIKE if settled else ALIKE):
                stands[v] = False


@kernel
def prune(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """Leave out what has no evidence, the weakest first."""
    fit = room.fit
    for _ in range(MOST_VOICES):
        examine(energy, False, room, rule)
        weakest = -1
        for v in range(fit.voices.number[0]):
            if not room.stands[v] and (weakest < 0 or fit.gain[v] < fit.gain[weakest]):
                weakest = v
        if weakest < 0:
            return
        remove(fit.voices, weakest)
        fit_voices(room.real, room.imag, 1, fit, tables)
        weigh(fit)


@kernel
def bear(
    energy: float, births: int, room: RowRoom, tables: VoiceTables, salience: SalienceTables, rule: BirthRule
) -> None:
    """Voices that what is left asks for, one after another, while they have evidence; room.fit is of those known."""
    fit = room.fit
    for _ in range(births):
        if fit.voices.number[0] >= MOST_VOICES or fit.energy[0] < rule.left * energy:
            return
        transform(fit.rest_real, fit.rest_imag, tables.window, salience, room.salience)
        least = rule.salient * find_salience(salience, room.salience)
        copy_voices(fit.voices, room.other)
        before, best = bic(fit, energy, rule.weight), math.inf
        for _ in range(rule.tries):
            hz = take_highest(least, salience, room.salience)
            if hz == 0:
                break
            if is_known(room.other, hz):
                continue
            copy_voices(room.other, fit.voices)
            add_voice(fit.voices, hz, tables.top_hz)
            fit_voices(room.real, room.imag, 2 if room.other.number[0] == 0 else 1, fit, tables)
            if bic(fit, energy, rule.weight) < best:
                best = bic(fit, energy, rule.weight)
                copy_voices(fit.voices, room.best)
        stays = False
        if best < math.inf:
            copy_voices(room.best, fit.voices)
            fit_voices(room.real, room.imag, 2, fit, tables)
            if clean(energy, room, tables, rule):
                clean(energy, room, tables, rule)
            examine(energy, True, room, rule)
            stays = room.stands[fit.voices.number[0] - 1] and bic(fit, energy, rule.weight) < before
        if not stays:
            copy_voices(room.other, fit.voices)
            fit_voices(room.real, room.imag, 0, fit, tables)
            return
        prune(energy, room, tables, rule)


@kernel
def stretch(energy: float, room: RowRoom, tables: VoiceTables) -> None:
    """Voices that last may have stretched partials, as strings do, if that explains much more."""
    fit, some = room.fit, False
    if fit.voices.number[0] == 0 or fit.energy[0] < EXPLAINED * energy:
        return
    copy_voices(fit.voices, room.other)
    before = noise_of(fit, energy)
    for v in range(fit.voices.number[0]):
        waited = fit.voices.age[v] - STRETCH_AGE
        if waited >= 0 and waited % STRETCH_ROWS == 0 and not fit.voices.stiff[v]:
            fit.voices.stiff[v], fit.voices.shared[v, 4], some = True, FIRST_STIFFNESS, True
    if not some:
        return
    fit_voices(room.real, room.imag, STRETCH_STEPS, fit, tables)
    nats = fit.rest_real.size * 0.5 * math.log(before / noise_of(fit, energy))
    if nats < STRETCH_NATS or fit.energy[0] > STRETCH_LEAVES * energy:
        copy_voices(room.other, fit.voices)
        fit_voices(room.real, room.imag, 0, fit, tables)
        return
    for v in range(fit.voices.number[0]):
        if not room.other.stiff[v] and fit.voices.shared[v, 4] < LEAST_STIFFNESS:
            fit.voices.stiff[v], fit.voices.shared[v, 4] = False, 0.0


@kernel
def look(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """Fit the voices that stand in room.fit anew, with all their partials, and leave out what has no evidence."""
    fit = room.fit
    use_all(fit.voices, 0, tables.top_hz)
    fit_voices(room.real, room.imag, 1, fit, tables)
    if fit.voices.number[0]:
        clean(energy, room, tables, rule)
        prune(energy, room, tables, rule)


@kernel
def first_look(
    energy: float, births: int, room: RowRoom, tables: VoiceTables, salience: SalienceTables, rule: BirthRule
) -> None:
    """The voices of a row, from those handed on in room.fit.voices; its windowed samples are in the room."""
    if energy <= SILENT:
        room.fit.voices.number[0] = 0
        fit_voices(room.real, room.imag, 0, room.fit, tables)
        return
    look(energy, room, tables, rule)
    stretch(energy, room, tables)
    bear(energy, births, room, tables, salience, rule)


@kernel
def second_look(
    energy: float, before: Voices, after: Voices, room: RowRoom, tables: VoiceTables, rule: BirthRule
) -> bool:
    """The row once more with those that live later; what is believed is in room.fit, False says that it is as before.

    after: moved back already. A voice that had just come, and is not among them, came and went: it is left out.
    """
    fit = room.fit
    copy_voices(before, fit.voices)
    fit_voices(room.real, room.imag, 0, fit, tables)
    if energy <= SILENT:
        return False
    first = bic(fit, energy, rule.second_weight) if before.number[0] else math.inf
    kept, same = 0, before.number[0] == after.number[0]
    for v in range(before.number[0]):
        lives = is_known(after, before.shared[v, 0])
        same = same and lives
        if lives or before.age[v] >= SETTLED:
            copy_voice(before, v, fit.voices, kept)
            kept += 1
    if same and fit.energy[0] < EXPLAINED * energy:
        return False
    fit.voices.number[0] = kept
    for w in range(after.number[0]):
        if kept < MOST_VOICES and not is_known(before, after.shared[w, 0]):
            copy_voice(after, w, fit.voices, kept)
            kept += 1
            fit.voices.number[0] = kept
    if kept:
        look(energy, room, tables, rule)
        if fit.voices.number[0] and bic(fit, energy, rule.second_weight) < first:
            return True
    copy_voices(before, fit.voices)
    fit_voices(room.real, room.imag, 0, fit, tables)
    return False
