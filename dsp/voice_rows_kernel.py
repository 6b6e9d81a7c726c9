"""Which voices there are at a moment: those of the one before, and those that what is left asks for. No validation."""

import math

from sharpear.compiler import kernel

from .voice_births_kernel import bear
from .voice_doubts_kernel import EXPLAINED, doubt, stretch
from .voice_evidence_kernel import SETTLED, BirthRule, RowRoom, bic, look
from .voice_fit import VoiceTables
from .voice_fit_kernel import copy_outcome, fit_voices
from .voice_salience_kernel import SalienceTables
from .voices_kernel import MOST_VOICES, Voices, copy_voice, copy_voices, is_known, use_all

TRIED_AGE, TRIED_ROWS = 3, 4
"""Partials that said nothing are tried again in each row of a voice that is younger than so many rows, and then in one
row of so many."""

SILENT = 1e-30
"""Energy of a row (-300 dBFS) in which there is nothing to find."""


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
    for v in range(room.fit.voices.number[0]):
        age = room.fit.voices.age[v]
        if age < TRIED_AGE or age % TRIED_ROWS == 0:
            use_all(room.fit.voices, v, tables.top_hz)
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
    copy_outcome(fit, room.other)
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
    copy_outcome(room.other, fit)
    return False
