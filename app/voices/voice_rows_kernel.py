"""Which voices there are at a moment: those of the one before, and those that hypotheses propose. No validation."""

import math

from sharpear.compiler import kernel

from .voice_evidence_kernel import SETTLED, EvidenceRule, RowRoom, bic, clean, look, prune
from .voice_fit import VoiceTables
from .voice_fit_kernel import copy_outcome, fit_voices
from .voice_hypotheses_kernel import Hypotheses, HypothesisTables, add_winners, compete
from .voice_spectrum_kernel import SpectrumTables, transform
from .voice_stiffness_kernel import EXPLAINED, stretch
from .voices_kernel import MOST_VOICES, Voices, copy_voice, copy_voices, is_known, use_all

TRIED_AGE, TRIED_ROWS = 3, 4
"""Partials that said nothing are tried again in each row of a voice that is younger than so many rows, and then in one
row of so many."""

FIRST_STEPS = 3
"""Steps of the first fit of voices that hypotheses propose."""

SILENT = 1e-30
"""Energy of a row (-300 dBFS) in which there is nothing to find."""


@kernel(apart=True)
def first_look(
    energy: float, room: RowRoom, tables: VoiceTables, spectrum: SpectrumTables, proposals: HypothesisTables,
    rule: EvidenceRule, hypotheses: Hypotheses,
) -> None:  # fmt: skip
    """The voices of a row, from those handed on in room.fit.voices; its windowed samples are in the room."""
    fit = room.fit
    if energy <= SILENT:
        fit.voices.number[0] = 0
        fit_voices(room.real, room.imag, 0, fit, tables)
        return
    for v in range(fit.voices.number[0]):
        age = fit.voices.age[v]
        if age < TRIED_AGE or age % TRIED_ROWS == 0:
            use_all(fit.voices, v, tables.top_hz)
    look(energy, room, tables, rule)
    stretch(energy, room, tables)
    if fit.energy[0] < EXPLAINED * energy:
        return
    transform(room.real, room.imag, tables.window, spectrum, room.spectrum)
    compete(room.spectrum.power, proposals, room.hypotheses, hypotheses)
    copy_outcome(fit, room.other)
    before = bic(fit, energy, rule.weight)
    if add_winners(proposals, hypotheses.activity, tables.top_hz, fit.voices):
        fit_voices(room.real, room.imag, FIRST_STEPS, fit, tables)
        clean(energy, room, tables, rule)
        prune(energy, room, tables, rule)
        if bic(fit, energy, rule.weight) > before:
            copy_outcome(room.other, fit)


@kernel(apart=True)
def second_look(
    energy: float, before: Voices, after: Voices, room: RowRoom, tables: VoiceTables, rule: EvidenceRule
) -> bool:
    """The row once more with those that live later; what is believed is in room.fit, False says that it is as before.

    after: moved back already. A voice that had just come, and is not among them, came and went: it is left out.
    """
    fit = room.fit
    copy_voices(before, fit.voices)
    fit_voices(room.real, room.imag, 0, fit, tables)
    if energy <= SILENT or _live_on(before, after):
        return False
    copy_outcome(fit, room.other)
    first = bic(fit, energy, rule.second_weight) if before.number[0] else math.inf
    kept = 0
    for v in range(before.number[0]):
        if before.age[v] >= SETTLED or is_known(after, before.shared[v, 0]):
            copy_voice(before, v, fit.voices, kept)
            kept += 1
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


@kernel
def _live_on(before: Voices, after: Voices) -> bool:
    """Whether all voices are there later, and no others."""
    same = before.number[0] == after.number[0]
    for v in range(before.number[0]):
        same = same and is_known(after, before.shared[v, 0])
    return bool(same)
