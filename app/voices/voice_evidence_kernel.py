"""What speaks for the voices of a row: their partials' energies, and what the row is worth. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel

from .voice_fit import Outcome, VoiceFit, VoiceTables
from .voice_fit_kernel import find_gain, find_variances, fit_fewer, fit_voices, noise_of, step_on
from .voice_hypotheses_kernel import HypothesisRoom
from .voice_spectrum_kernel import SpectrumRoom
from .voices_kernel import ALIKE, MOST_VOICES, PARTIALS, Voices, make_room, use_all

SETTLED = 2
"""Voices that are as many rows old stay in a second look although they are not there later, and may come close."""

SETTLED_ALIKE = 25 / 1200 * math.log(2)
"""Where both are settled two voices are one if they are closer than this, 25 cents, as voices may cross."""

LOUD = 1e-3
"""Partials above this share (-30 dB) of their voice's strongest are strong."""

FEWEST_STRONG = 3
"""A voice has so many strong partials: fewer may be anything."""

EMPTY_MULTIPLE = 0.012
"""A voice with less than this share of its energy in partials that are no multiples of 2, or of 3, is that multiple."""

LOWEST_HZ, HIGHEST_HZ = 65.0, 1400.0
"""Fundamentals are between: above there are not three partials in the band."""


class EvidenceRule(NamedTuple):
    """What a voice must bring to be believed.

    weight: of a partial in the information criterion, nats twice over; second_weight: where later voices come into it.
    share: of the energy that a voice explains and no other.
    significant: energy over variance from which on a partial is used.
    contiguous: share of strong partials among those up to the highest strong one, in a voice just found.
    """

    weight: float
    second_weight: float
    share: float
    significant: float
    contiguous: float


class RowRoom(NamedTuple):
    """Room for a row: a fit, another and voices put aside, the windowed samples, and what is thought of each voice.

    middle, later: voices of a row moved on to the middle of its frames, and those of a later one moved back to there.
    """

    fit: VoiceFit
    other: Outcome
    middle: Voices
    later: Voices
    real: Annotated[NDArray[np.float32], "samples"]
    imag: Annotated[NDArray[np.float32], "samples"]
    spectrum: SpectrumRoom
    hypotheses: HypothesisRoom
    partial_energy: Annotated[NDArray[np.float64], "voices", "partials"]
    stands: Annotated[NDArray[np.bool_], "voices"]


@kernel
def bic(fit: VoiceFit, energy: float, weight: float) -> float:
    """``N/2 ln(noise) + weight K/2`` of K partials (after Schwarz 1978)."""
    return float(fit.rest_real.size * 0.5 * math.log(noise_of(fit, energy)) + 0.5 * weight * fit.partials[0])


@kernel
def weigh(room: RowRoom) -> None:
    """Energies of the partials, and their variances."""
    find_variances(room.fit)
    measure(room.fit, room)


@kernel
def measure(fit: VoiceFit, room: RowRoom) -> None:
    """Energies of the partials of each voice."""
    room.partial_energy[:] = 0.0
    for k in range(fit.partials[0]):
        room.partial_energy[fit.partial_voice[k], fit.partial_number[k] - 1] = fit.real[k] ** 2 + fit.imag[k] ** 2


@kernel(apart=True)
def clean(energy: float, room: RowRoom, tables: VoiceTables, rule: EvidenceRule) -> None:
    """A voice with multiples of 2 or 3 alone becomes that multiple; partials that say nothing are left out.

    What is left is weighed, as `prune` takes it.
    """
    fit = room.fit
    voices = fit.voices
    weigh(room)
    multiplied, weakened, noise, k = False, False, noise_of(fit, energy), 0
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
            use_all(voices, v, tables.top_hz)
            multiplied = True
        elif weak > 2:
            for i in range(begin, k):
                if own[fit.partial_number[i] - 1] < rule.significant * noise * fit.variance[i]:
                    voices.used[v, fit.partial_number[i] - 1] = False
            voices.used[v, 0] = voices.used[v, 0] or not voices.used[v].any()
            weakened = True
    if multiplied:
        make_room(voices)
        fit_voices(room.real, room.imag, 1, fit, tables)
    elif weakened:
        _fit_fewer(room, tables)
    if multiplied or weakened:
        weigh(room)


@kernel
def examine(energy: float, room: RowRoom, tables: VoiceTables, rule: EvidenceRule) -> None:
    """Which voices have evidence and three strong partials, at first without large gaps, and no stronger one beside."""
    fit, stands, alike = room.fit, room.stands, _any_alike(room.fit.voices)
    noise, count, k = noise_of(fit, energy), fit.voices.number[0], 0
    for v in range(count):
        strongest, strong, used, last = room.partial_energy[v].max(), 0, 0, 0
        for h in range(PARTIALS):
            used += fit.voices.used[v, h]
            if room.partial_energy[v, h] > LOUD * strongest:
                strong += 1
                last = h + 1
        least = max(rule.weight * noise * (used + 2), rule.share * energy)
        # A voice explains as much as any of its partials by itself: mostly that tells enough, and takes no solution.
        fit.gain[v] = 0.0
        while k < fit.partials[0] and fit.partial_voice[k] == v:
            fit.gain[v] = max(fit.gain[v], room.partial_energy[v, fit.partial_number[k] - 1] / fit.variance[k])
            k += 1
        exact = alike or fit.gain[v] < least
        if exact:
            find_gain(v, fit, tables)
        stands[v] = (
            fit.gain[v] >= least
            and strong >= FEWEST_STRONG
            and (fit.voices.age[v] > 0 or strong >= rule.contiguous * last)
            and fit.voices.shared[v, 0] >= LOWEST_HZ
        )
        if not (stands[v] or exact):
            find_gain(v, fit, tables)
    for v in range(count if alike else 0):
        for w in range(count):
            stronger = fit.gain[w] > fit.gain[v] or (fit.gain[w] == fit.gain[v] and w < v)
            if w != v and stands[v] and stands[w] and stronger and _are_alike(fit.voices, v, w):
                stands[v] = False


@kernel
def _any_alike(voices: Voices) -> bool:
    """Whether any two are."""
    found = False
    for v in range(voices.number[0]):
        for w in range(v):
            found = found or _are_alike(voices, v, w)
    return found


@kernel
def _are_alike(voices: Voices, v: int, w: int) -> bool:
    """Whether two voices are too close to be two."""
    settled = min(voices.age[v], voices.age[w]) >= SETTLED
    apart = abs(math.log(voices.shared[v, 0] / voices.shared[w, 0]))
    return bool(apart < (SETTLED_ALIKE if settled else ALIKE))


@kernel(apart=True)
def prune(energy: float, room: RowRoom, tables: VoiceTables, rule: EvidenceRule) -> None:
    """Leave out what has no evidence, the weakest first, of voices that are weighed."""
    fit = room.fit
    for _ in range(MOST_VOICES):
        examine(energy, room, tables, rule)
        weakest = -1
        for v in range(fit.voices.number[0]):
            if not room.stands[v] and (weakest < 0 or fit.gain[v] < fit.gain[weakest]):
                weakest = v
        if weakest < 0:
            return
        fit.voices.used[weakest] = False
        _fit_fewer(room, tables)
        weigh(room)


@kernel
def _fit_fewer(room: RowRoom, tables: VoiceTables) -> None:
    """Without what is not used any more, and a step on from there."""
    fit_fewer(room.real, room.imag, room.fit, tables)
    step_on(room.real, room.imag, False, room.fit, tables)


@kernel
def look(energy: float, room: RowRoom, tables: VoiceTables, rule: EvidenceRule) -> None:
    """Fit the voices that stand in room.fit anew, with the partials they use, and leave out what has no evidence."""
    fit = room.fit
    make_room(fit.voices)
    fit_voices(room.real, room.imag, 1, fit, tables)
    if fit.voices.number[0]:
        clean(energy, room, tables, rule)
        prune(energy, room, tables, rule)
