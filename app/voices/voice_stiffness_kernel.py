"""Voices that have lasted may be strings, whose partials are stretched. No validation here."""

import math

from sharpear.compiler import kernel

from .voice_evidence_kernel import RowRoom
from .voice_fit import VoiceTables
from .voice_fit_kernel import copy_outcome, fit_voices, noise_of, solve_amplitudes
from .voice_step_kernel import promised

EXPLAINED = 0.003
"""What leaves less than this share of the energy needs no second thought."""

LEAST_STIFFNESS, FIRST_STIFFNESS = 2e-6, 1e-4
"""Stretching by less than the one is none; fits begin with the other."""

STRETCH_AGE, STRETCH_ROWS, STRETCH_STEPS = 2, 4, 3
"""Stiffness is looked for in voices that are so many rows old, and again every so many rows, with so many steps."""

STRETCH_LEAVES, STRETCH_NATS = 0.01, 15.0
"""It is kept where what is left is below this share of the energy, and less by so many nats."""


@kernel(apart=True)
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
            fit.voices.stiff[v], some = True, True
    if not some:
        return
    # Stiffness begins where it is looked for: what a step from none promises is told by the partials as they were laid.
    solve_amplitudes(room.real, room.imag, True, fit, tables)
    if promised(fit, tables) < 2 * STRETCH_NATS * before:
        copy_outcome(room.other, fit)
        return
    for v in range(fit.voices.number[0]):
        if fit.voices.stiff[v] and fit.voices.shared[v, 4] == 0:
            fit.voices.shared[v, 4] = FIRST_STIFFNESS
    fit_voices(room.real, room.imag, STRETCH_STEPS, fit, tables)
    nats = fit.rest_real.size * 0.5 * math.log(before / noise_of(fit, energy))
    if nats < STRETCH_NATS or fit.energy[0] > STRETCH_LEAVES * energy:
        copy_outcome(room.other, fit)
        return
    for v in range(fit.voices.number[0]):
        if not room.other.voices.stiff[v] and fit.voices.shared[v, 4] < LEAST_STIFFNESS:
            fit.voices.stiff[v], fit.voices.shared[v, 4] = False, 0.0
