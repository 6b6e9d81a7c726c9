"""Voices that what is left asks for. No validation here."""

import math

from sharpear.compiler import kernel

from .voice_evidence_kernel import BirthRule, RowRoom, bic, clean, examine, prune
from .voice_fit import VoiceTables
from .voice_fit_kernel import copy_outcome, fit_voices
from .voice_salience_kernel import SalienceTables, find_salience, take_highest, transform
from .voices_kernel import MOST_VOICES, PARTIALS, add_voice, copy_voices, is_known


@kernel
def bear_one(
    energy: float, before: float, found: int, room: RowRoom, tables: VoiceTables, rule: BirthRule
) -> bool:  # fmt: skip
    """The best of those tried joins the others, if it has evidence; where there are none, the best that has it.

    before: the others' criterion.
    """
    fit, tried = room.fit, room.tried_bic
    for _ in range(found if room.other.voices.number[0] == 0 else 1):
        best = 0
        for n in range(1, found):
            if tried[n] < tried[best]:
                best = n
        if tried[best] > before + 0.5 * rule.weight * PARTIALS:
            return False
        tried[best] = math.inf
        copy_voices(room.other.voices, fit.voices)
        add_voice(fit.voices, room.tried_hz[best], tables.top_hz)
        fit_voices(room.real, room.imag, 2, fit, tables)
        if clean(energy, room, tables, rule):
            clean(energy, room, tables, rule)
        examine(energy, True, room, tables, rule)
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
        copy_outcome(fit, room.other)
        before, known, found = bic(fit, energy, rule.weight), fit.partials[0], 0
        for n in range(tables.window.size):
            room.left_real[n], room.left_imag[n] = fit.rest_real[n], fit.rest_imag[n]
        for _ in range(rule.tries):
            hz = take_highest(least, salience, room.salience)
            if hz == 0:
                break
            if is_known(room.other.voices, hz):
                continue
            fit.voices.number[0] = 0
            add_voice(fit.voices, hz, tables.top_hz)
            fit_voices(room.left_real, room.left_imag, 2, fit, tables)
            room.tried_hz[found] = fit.voices.shared[0, 0]
            room.tried_bic[found] = bic(fit, energy, rule.weight) + 0.5 * rule.weight * known
            found += 1
        if not bear_one(energy, before, found, room, tables, rule):
            copy_outcome(room.other, fit)
            return
        prune(energy, room, tables, rule)
