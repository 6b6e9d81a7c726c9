"""What the voices of a row say of each of its frames. No validation here."""

import math

from sharpear.compiler import Floats, kernel

from .tracker_arrays import MIDDLE_HOPS, ROW_HOPS, TrackerOut, TrackerState, TrackerTables

CLOSER_HZ = 2.0
"""Partials closer than this cannot be told apart by anybody within a tenth of a second: they are one line."""


@kernel(apart=True)
def say(frame: int, s: int, tables: TrackerTables, state: TrackerState, out: TrackerOut, f: int, column: int) -> None:
    """What is said of a frame, its partials as they are at its moment, is frame `f` of a column of `out`."""
    hz, energy, precision, multiple = (
        out.hz[f, column],
        out.energy[f, column],
        out.precision[f, column],
        out.multiple[f, column],
    )
    beyond, told = out.beyond[f, column], out.told[f, column]
    seconds = (frame % ROW_HOPS - MIDDLE_HOPS) * tables.hop_s
    out.partials[f, column], out.named[f, column] = state.partials[s], state.named[s]
    growth, grown = 0.0, 1.0
    for k in range(hz.size):
        bend = 1 + state.slope[s, k] * seconds + 0.5 * state.curvature[s, k] * seconds * seconds
        hz[k] = state.hz[s, k] * max(bend, 0.5)
        if state.growth[s, k] != growth:  # a voice's partials, one after the other, share it
            growth = state.growth[s, k]
            grown = math.exp(2 * growth * seconds)
        energy[k] = state.energy[s, k] * grown if state.energy[s, k] > 0 else 0.0
        precision[k], multiple[k] = state.precision[s, k], state.multiple[s, k]
    _merge(seconds, s, state, hz, energy)
    for b in range(beyond.size):
        beyond[b] = state.beyond[s, b]
    for m in range(told.size):
        told[m] = state.told[s, m]


@kernel
def _merge(seconds: float, s: int, state: TrackerState, hz: Floats, energy: Floats) -> None:
    """Partials that nobody could tell apart at a frame's moment are one line with their coherent energy there.

    hz, energy: of that moment, so long after the middle of the row's frames; the first of them keeps the line, the
    others have none. Not of the row: partials that sweep across each other are that close for 2 or 3 ms.
    """
    for i in range(state.partials[s]):
        own_hz, real, imag, total, moment, close = hz[i], 0.0, 0.0, 0.0, 0.0, 0
        for j in range(i + 1, state.partials[s]):
            close += (energy[j] > 0) & (abs(hz[j] - own_hz) < CLOSER_HZ)
        for j in range(i, state.partials[s] if close else i):
            if energy[i] > 0 and energy[j] > 0 and abs(hz[j] - own_hz) < CLOSER_HZ:
                amplitude, phase = math.sqrt(energy[j]), _phase(seconds, s, j, state)
                real += amplitude * math.cos(phase)
                imag += amplitude * math.sin(phase)
                total += energy[j]
                moment += energy[j] * hz[j]
                if j > i:
                    energy[j] = 0.0
        if total > energy[i]:
            hz[i], energy[i] = moment / total, real * real + imag * imag


@kernel
def _phase(seconds: float, s: int, k: int, state: TrackerState) -> float:
    """A partial's phase, rad, so long after the middle of its row's frames: ``φ + 2π f (t + s t²/2 + c t³/6)``."""
    turns = seconds * (1 + seconds * (state.slope[s, k] / 2 + seconds * state.curvature[s, k] / 6))
    return float(state.phase[s, k] + 2 * math.pi * state.hz[s, k] * turns)
