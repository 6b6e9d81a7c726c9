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

LOWEST_HZ, HIGHEST_HZ = 65.0, 1400.0
"""Fundamentals are between: above there are not three partials in the band."""

LEAST_STIFFNESS, FIRST_STIFFNESS = 2e-6, 1e-4
"""Stretching by less than the one is none; fits begin with the other."""

STRETCH_AGE, STRETCH_ROWS, STRETCH_STEPS = 2, 4, 3
"""Stiffness is looked for in voices that are so many rows old, and again every so many rows, with so many steps."""

STRETCH_LEAVES, STRETCH_NATS = 0.01, 15.0
"""It is kept where what is left is below this share of the energy, and less by so many nats."""

SETTLED = 2
"""Voices that are as many rows old are not doubted because they are not there later."""

DOUBT_AGE, DOUBT_NATS = 4, 15.0
"""When a voice is so many rows old, and its row sees no more of what was before it, all voices are found anew, and are
these where they are better by so many nats."""


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
    """Room for a row: a fit, voices put aside, the windowed samples, and what is thought of each voice.

    left_real, left_imag: what is left of the samples; tried_hz, tried_bic: fundamentals tried there, and their worth.
    """

    fit: VoiceFit
    other: Voices
    best: Voices
    doubted: Voices
    real: Annotated[NDArray[np.float32], "samples"]
    imag: Annotated[NDArray[np.float32], "samples"]
    left_real: Annotated[NDArray[np.float32], "samples"]
    left_imag: Annotated[NDArray[np.float32], "samples"]
    salience: SalienceRoom
    partial_energy: Annotated[NDArray[np.float64], "voices", "partials"]
    stands: Annotated[NDArray[np.bool_], "voices"]
    tried_hz: Annotated[NDArray[np.float64], "voices"]
    tried_bic: Annotated[NDArray[np.float64], "voices"]


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
        total, no_double, no_triple, weak, begin = 0.0, 0.0, 0.0, 0, k
        while k < fit.partials[0] and fit.partial_voice[k] == v:
            h = fit.partial_number[k]
            # What the partial explains and no other: one that lies on another voice's has half of its amplitude.
            alone = own[h - 1] / fit.variance[k]
            total += alone
            no_double += alone if h % 2 else 0.0
            no_triple += alone if h % 3 else 0.0
            weak += own[h - 1] < rule.significant * noise * fit.variance[k]
            k += 1
        multiple = 2 if no_double < EMPTY_MULTIPLE * total else 3 if no_triple < EMPTY_MULTIPLE * total else 1
        if voices.shared[v, 0] * multiple >= HIGHEST_HZ:
            multiple = 1
        if multiple > 1:
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
            and fit.voices.shared[v, 0] >= LOWEST_HZ
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
def bear_one(
    energy: float, before: float, found: int, room: RowRoom, tables: VoiceTables, rule: BirthRule
) -> bool:  # fmt: skip
    """The best of those tried joins the others, if it has evidence; where there are none, the best that has it.

    before: the others' criterion.
    """
    fit, tried = room.fit, room.tried_bic
    for _ in range(found if room.other.number[0] == 0 else 1):
        best = 0
        for n in range(1, found):
            if tried[n] < tried[best]:
                best = n
        if tried[best] > before + 0.5 * rule.weight * PARTIALS:
            return False
        tried[best] = math.inf
        copy_voices(room.other, fit.voices)
        add_voice(fit.voices, room.tried_hz[best], tables.top_hz)
        fit_voices(room.real, room.imag, 2, fit, tables)
        if clean(energy, room, tables, rule):
            clean(energy, room, tables, rule)
        examine(energy, True, room, rule)
        if room.stands[fit.voices.number[0] - 1] and bic(fit, energy, rule.weight) < before:
            return True
    return False


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
        before, known, found = bic(fit, energy, rule.weight), fit.partials[0], 0
        for n in range(tables.window.size):
            room.left_real[n], room.left_imag[n] = fit.rest_real[n], fit.rest_imag[n]
        for _ in range(rule.tries):
            hz = take_highest(least, salience, room.salience)
            if hz == 0:
                break
            if is_known(room.other, hz):
                continue
            fit.voices.number[0] = 0
            add_voice(fit.voices, hz, tables.top_hz)
            fit_voices(room.left_real, room.left_imag, 2, fit, tables)
            room.tried_hz[found] = fit.voices.shared[0, 0]
            room.tried_bic[found] = bic(fit, energy, rule.weight) + 0.5 * rule.weight * known
            found += 1
        if not bear_one(energy, before, found, room, tables, rule):
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
def thin_out(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """Leave out voices without which, once the others have moved, the criterion is better."""
    fit = room.fit
    for v in range(fit.voices.number[0] - 1, -1, -1):
        if fit.voices.number[0] < 2:
            return
        copy_voices(fit.voices, room.doubted)
        before = bic(fit, energy, rule.weight)
        remove(fit.voices, v)
        fit_voices(room.real, room.imag, 2, fit, tables)
        if bic(fit, energy, rule.weight) > before:
            copy_voices(room.doubted, fit.voices)
            fit_voices(room.real, room.imag, 0, fit, tables)


@kernel
def divide(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """A voice that lacks its first partial may be two, a fifth or a fourth apart: multiples 2 and 3, or 3 and 4."""
    fit = room.fit
    for v in range(fit.voices.number[0]):
        for m in range(2, 4):
            hz = fit.voices.shared[v, 0]
            if fit.voices.used[v, 0] or fit.voices.number[0] == MOST_VOICES or (m + 1) * hz > HIGHEST_HZ:
                continue
            copy_voices(fit.voices, room.doubted)
            before = bic(fit, energy, rule.weight)
            remove(fit.voices, v)
            add_voice(fit.voices, m * hz, tables.top_hz)
            add_voice(fit.voices, (m + 1) * hz, tables.top_hz)
            fit_voices(room.real, room.imag, 2, fit, tables)
            clean(energy, room, tables, rule)
            prune(energy, room, tables, rule)
            if bic(fit, energy, rule.weight) < before:
                break
            copy_voices(room.doubted, fit.voices)
            fit_voices(room.real, room.imag, 0, fit, tables)


@kernel
def doubt(energy: float, room: RowRoom, tables: VoiceTables, salience: SalienceTables, rule: BirthRule) -> None:
    """Find all voices anew when one has just lasted: at a change of notes wrong ones may explain the mixture."""
    fit, some = room.fit, False
    for v in range(fit.voices.number[0]):
        some = some or fit.voices.age[v] == DOUBT_AGE
    if not some or fit.energy[0] < EXPLAINED * energy:
        return
    copy_voices(fit.voices, room.doubted)
    before = bic(fit, energy, rule.weight)
    fit.voices.number[0] = 0
    fit_voices(room.real, room.imag, 0, fit, tables)
    bear(energy, MOST_VOICES, room, tables, salience, rule)
    if bic(fit, energy, rule.weight) > before - DOUBT_NATS:
        copy_voices(room.doubted, fit.voices)
        fit_voices(room.real, room.imag, 0, fit, tables)
    divide(energy, room, tables, rule)
    thin_out(energy, room, tables, rule)


@kernel
def first_look(
    energy: float, births: int, patient: float, room: RowRoom, tables: VoiceTables, salience: SalienceTables,
    rule: BirthRule,
) -> None:  # fmt: skip
    """The voices of a row, from those handed on in room.fit.voices; its windowed samples are in the room.

    births: at most, and none where less than the share `patient` of the energy is left.
    """
    if energy <= SILENT:
        room.fit.voices.number[0] = 0
        fit_voices(room.real, room.imag, 0, room.fit, tables)
        return
    look(energy, room, tables, rule)
    stretch(energy, room, tables)
    if room.fit.energy[0] > patient * energy:
        bear(energy, births, room, tables, salience, rule)
    doubt(energy, room, tables, salience, rule)


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
