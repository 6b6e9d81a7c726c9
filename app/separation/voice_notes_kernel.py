"""Loops of `VoiceNotes`: whose the notes of a whole recording are. No validation."""

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .pitch_readings_kernel import HARMONICS, NoteMemory
from .voice_owners_kernel import (
    LEAST_LOG,
    Claims,
    HeardSteps,
    OwnerWeights,
    VoiceMemory,
    find_alone,
    goes_on,
    look_ahead,
    match,
    remember,
    tell_claims,
    weigh_claims,
)
from .voice_tracks import TrackRule, read, stretch


@kernel
def read_frames(
    f0: Floats, strength: Floats, odds: Floats, amplitude: Floats, line_hz: Floats, rule: TrackRule, count: int,
    notes: NoteMemory, steps: HeardSteps,
) -> None:  # fmt: skip
    """What is heard in the steps among frames (frames, places), of which `count` came before; all steps are filled."""
    places, at = f0.shape[1], 0
    energy, level = np.empty((places, HARMONICS), np.float64), np.empty(places)
    for n in range(f0.shape[0]):
        here = at if (count + n) % rule.stride == rule.first else -1
        read(f0[n], strength[n], odds[n], amplitude[n], line_hz[n], rule.aging, here, notes, steps, energy, level)
        at += here >= 0


@kernel
def window_of(steps: HeardSteps, n: int, ahead: int) -> HeardSteps:
    """Step n and those ahead of it."""
    last = n + ahead + 1
    return HeardSteps(
        steps.f0[n:last], steps.strength[n:last], steps.odds[n:last], steps.reading[n:last], steps.harmonics[n:last]
    )


@kernel
def follow_steps(
    steps: HeardSteps, ahead: int, step_s: float, weights: OwnerWeights, known: bool, memory: VoiceMemory,
    claims: Claims, owner: Integers, gain: Floats,
) -> None:  # fmt: skip
    """The log odds of each claim, (steps, places, voices), where pitches go to the owners that are known, or found.

    steps: `ahead` more than are followed.
    """
    for n in range(owner.shape[0]):
        window = window_of(steps, n, ahead)
        tell_claims(window, 0, step_s, memory, claims)
        weigh_claims(window.f0[0], weights, claims)
        gain[n] = claims.gain
        if not known:
            match(claims.gain, owner[n])
        remember(window.f0[0], window.harmonics[0], step_s, claims, owner[n], memory)


@kernel
def number_notes(f0: Floats, note: Integers) -> int:
    """The note of each pitch, (steps, places), from 1 on, 0 where there is none; returns how many there are."""
    count = 0
    note[:] = 0
    for n in range(f0.shape[0]):
        for p in range(f0.shape[1]):
            if f0[n, p] > 0:
                if n > 0 and goes_on(f0[n - 1, p], f0[n, p]):
                    note[n, p] = note[n - 1, p]
                else:
                    count += 1
                    note[n, p] = count
    return count


@kernel
def give_notes(note: Integers, gain: Floats, mean: Doubles, own: float, owner: Integers) -> None:
    """Match each step by its log odds, which count as `own` says, and their mean over the note; mean: room."""
    length = np.zeros(mean.shape[0], np.int64)
    mean[:] = 0
    for n in range(note.shape[0]):
        for p in range(note.shape[1]):
            length[note[n, p]] += 1
            mean[note[n, p]] += gain[n, p]
    worth = np.empty(gain.shape[1:], np.float64)
    for n in range(note.shape[0]):
        worth[:] = own * gain[n]
        for p in range(note.shape[1]):
            worth[p] += (1 - own) / length[note[n, p]] * mean[note[n, p]]
        match(worth, owner[n])


@kernel
def hear_spectra(
    steps: HeardSteps, ahead: int, step_s: float, owner: Integers, claims: Claims, spectrum: Doubles, alone: Doubles
) -> None:  # fmt: skip
    """Add up log10 of each voice's harmonics, and in how many steps each was heard alone; (voices, harmonics)."""
    for n in range(owner.shape[0]):
        window = window_of(steps, n, ahead)
        look_ahead(window, 0, step_s, claims)
        find_alone(window.f0[0], claims)
        for p in range(owner.shape[1]):
            v = owner[n, p] - 1
            for h in range(HARMONICS if v >= 0 else 0):
                spectrum[v, h] += claims.alone[p, h] * max(LEAST_LOG, window.harmonics[0, p, h] - claims.level[p])
                alone[v, h] += claims.alone[p, h]


@kernel
def lay_tracks(f0: Floats, strength: Floats, owner: Integers, rule: TrackRule, out: Floats) -> None:
    """The tracks (frames, voices, 3) of pitches (steps, places), each with its owner, from 1 on."""
    frames, voices, _ = out.shape
    decided = np.zeros((rule.attack + 1, voices, 2), np.float32)
    last, quiet, before = np.zeros((voices, 2), np.float32), np.zeros(voices, np.int64), np.empty(3, np.float32)
    for n in range(frames + rule.attack):
        newest, oldest = decided[n % (rule.attack + 1)], (n + 1) % (rule.attack + 1)
        newest[:] = 0
        step = (n - rule.first) // rule.stride
        if n < frames and step >= 0:
            for p in range(owner.shape[1]):
                if owner[step, p] > 0:
                    newest[owner[step, p] - 1, 0] = f0[step, p]
                    newest[owner[step, p] - 1, 1] = strength[step, p]
        for voice in range(voices):
            row = out[n - rule.attack, voice] if n >= rule.attack else before
            stretch(decided[:, voice], oldest, rule.release, last[voice], quiet, voice, row)
