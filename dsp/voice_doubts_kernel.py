"""What voices that have lasted might be instead: stretched, others, two for one, or none. No validation here."""

import math

from sharpear.compiler import kernel

from .voice_births_kernel import bear
from .voice_evidence_kernel import HIGHEST_HZ, BirthRule, RowRoom, bic, clean, prune
from .voice_fit import VoiceTables
from .voice_fit_kernel import copy_outcome, fit_voices, noise_of
from .voice_salience_kernel import SalienceTables
from .voices_kernel import MOST_VOICES, add_voice, remove

EXPLAINED = 0.003
"""What leaves less than this share of the energy needs no second thought."""

LEAST_STIFFNESS, FIRST_STIFFNESS = 2e-6, 1e-4
"""Stretching by less than the one is none; fits begin with the other."""

STRETCH_AGE, STRETCH_ROWS, STRETCH_STEPS = 2, 4, 3
"""Stiffness is looked for in voices that are so many rows old, and again every so many rows, with so many steps."""

STRETCH_LEAVES, STRETCH_NATS = 0.01, 15.0
"""It is kept where what is left is below this share of the energy, and less by so many nats."""

DOUBT_AGE, DOUBT_NATS = 4, 15.0
"""When a voice is so many rows old, and its row sees no more of what was before it, all voices are found anew, and are
these where they are better by so many nats."""


@kernel
def stretch(energy: float, room: RowRoom, tables: VoiceTables) -> None:
    """Voices that last may have stretched partials, as strings do, if that explains much more."""
    fit, some = room.fit, False
    if fit.voices.number[0] == 0 or fit.energy[0] < EXPLAINED * energy:
        return
    copy_outcome(fit, room.other)
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
        copy_outcome(room.other, fit)
        return
    for v in range(fit.voices.number[0]):
        if not room.other.voices.stiff[v] and fit.voices.shared[v, 4] < LEAST_STIFFNESS:
            fit.voices.stiff[v], fit.voices.shared[v, 4] = False, 0.0


@kernel
def thin_out(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """Leave out voices without which, once the others have moved, the criterion is better."""
    fit = room.fit
    for v in range(fit.voices.number[0] - 1, -1, -1):
        if fit.voices.number[0] < 2:
            return
        copy_outcome(fit, room.doubted)
        before = bic(fit, energy, rule.weight)
        remove(fit.voices, v)
        fit_voices(room.real, room.imag, 2, fit, tables)
        if bic(fit, energy, rule.weight) > before:
            copy_outcome(room.doubted, fit)


@kernel
def divide(energy: float, room: RowRoom, tables: VoiceTables, rule: BirthRule) -> None:
    """A voice that lacks its first partial may be two, a fifth or a fourth apart: multiples 2 and 3, or 3 and 4."""
    fit = room.fit
    for v in range(fit.voices.number[0]):
        for m in range(2, 4):
            hz = fit.voices.shared[v, 0]
            if fit.voices.used[v, 0] or fit.voices.number[0] == MOST_VOICES or (m + 1) * hz > HIGHEST_HZ:
                continue
            copy_outcome(fit, room.doubted)
            before = bic(fit, energy, rule.weight)
            remove(fit.voices, v)
            add_voice(fit.voices, m * hz, tables.top_hz)
            add_voice(fit.voices, (m + 1) * hz, tables.top_hz)
            fit_voices(room.real, room.imag, 2, fit, tables)
            clean(energy, room, tables, rule)
            prune(energy, room, tables, rule)
            if bic(fit, energy, rule.weight) < before:
                break
            copy_outcome(room.doubted, fit)


@kernel
def doubt(energy: float, room: RowRoom, tables: VoiceTables, salience: SalienceTables, rule: BirthRule) -> None:
    """Find all voices anew when one has just lasted: at a change of notes wrong ones may explain the mixture."""
    fit, some = room.fit, False
    for v in range(fit.voices.number[0]):
        some = some or fit.voices.age[v] == DOUBT_AGE
    if not some or fit.energy[0] < EXPLAINED * energy:
        return
    copy_outcome(fit, room.doubted)
    before = bic(fit, energy, rule.weight)
    fit.voices.number[0] = 0
    fit_voices(room.real, room.imag, 0, fit, tables)
    bear(energy, MOST_VOICES, room, tables, salience, rule)
    if bic(fit, energy, rule.weight) > before - DOUBT_NATS:
        copy_outcome(room.doubted, fit)
    divide(energy, room, tables, rule)
    thin_out(energy, room, tables, rule)
