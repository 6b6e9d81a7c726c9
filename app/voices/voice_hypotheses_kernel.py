"""Hypotheses of fundamentals that share the peaks of a row's spectrum, and persist from row to row. No validation here.

Each is a unit of the dynamics: what all of them expect of a peak divides it, so that one whose partials others explain
falls silent (`sharpear.dynamics.divisive`), as in the pitch layer, whose constants these are.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.dynamics.divisive import DivisiveGains, expect, share
from sharpear.dynamics.harmonic_fields import FieldRule, connect

from .voices_kernel import MOST_VOICES, Voices, add_voice, is_known

PEAKS = 40
"""Peaks of the spectrum that hypotheses share, the highest."""

FAINTEST = 0.01
"""A peak has this share of the highest one's amplitude."""

FALL = 0.98
"""What is left a row later of the level that peaks are measured by."""

COMPRESSION, ITERATIONS = 0.6, 8
"""Peaks drive by their amplitude to this power; steps of the network in a row."""

REST = np.float32(1e-4)
"""No activity falls below, so that each can rise again."""

LEAST = 0.1
"""A hypothesis is tried that is a peak of at least this share of the strongest: see docs/voices.md."""

SMALLEST = 1e-12
"""Powers below this share of their neighbour's are taken for as much: a parabola goes through logarithms."""


class HypothesisTables(NamedTuple):
    """Fundamentals, and where their partials are looked for.

    bins: of the spectrum, by ascending frequency; the first is at `first_hz`, the others `step_hz` apart.
    fields, gains: receptive fields of the fundamentals `grid_hz`, and how they share.
    total: what the weights of each sum to where all partials are there.
    """

    bins: Annotated[NDArray[np.int64], "bins"]
    first_hz: float
    step_hz: float
    grid_hz: Annotated[NDArray[np.float64], "grid"]
    fields: FieldRule
    total: Annotated[NDArray[np.float32], "grid"]
    gains: DivisiveGains


class HypothesisRoom(NamedTuple):
    """A row's peaks, and their connections to hypotheses: see `connect`, `expect` and `share`."""

    hz: Annotated[NDArray[np.float32], "peaks"]
    amplitude: Annotated[NDArray[np.float32], "peaks"]
    start: Annotated[NDArray[np.int32], "starts"]
    unit: Annotated[NDArray[np.int32], "links"]
    weight: Annotated[NDArray[np.float32], "links"]
    own: Annotated[NDArray[np.float32], "links"]
    expected: Annotated[NDArray[np.float32], "peaks"]
    support: Annotated[NDArray[np.float32], "grid"]


class Hypotheses(NamedTuple):
    """What persists: activities, and the level that peaks are measured by."""

    activity: Annotated[NDArray[np.float32], "grid"]
    level: Annotated[NDArray[np.float64], "one"]


@kernel
def forget(hypotheses: Hypotheses) -> None:
    """All are at rest."""
    hypotheses.activity[:], hypotheses.level[:] = REST, 0.0


@kernel
def find_peaks(power: Floats, tables: HypothesisTables, room: HypothesisRoom) -> int:
    """Hz and amplitudes of a spectrum's highest peaks, between bins by parabolas through logarithms; how many.

    0 behind the last.
    """
    bins, hz, amplitude, highest, found = tables.bins, room.hz, room.amplitude, np.float32(0), 0
    for at in bins:
        highest = max(highest, power[at])
    for n in range(1, bins.size - 1):
        before, middle, after = power[bins[n - 1]], power[bins[n]], power[bins[n + 1]]
        if not before < middle >= after or middle <= FAINTEST**2 * highest:
            continue
        place = found if found < PEAKS else int(amplitude.argmin())
        if found == PEAKS and middle <= amplitude[place] ** 2:
            continue
        rise, fall = -math.log(max(before / middle, SMALLEST)), -math.log(max(after / middle, SMALLEST))
        hz[place] = tables.first_hz + (n + 0.5 * (rise - fall) / (rise + fall)) * tables.step_hz
        amplitude[place] = math.sqrt(middle)
        found = min(found + 1, PEAKS)
    hz[found:], amplitude[found:] = 0.0, 0.0
    return found


@kernel(apart=True)
def compete(power: Floats, tables: HypothesisTables, room: HypothesisRoom, hypotheses: Hypotheses) -> None:
    """A row's steps of the network, on the peaks of its spectrum."""
    found, activity, level = find_peaks(power, tables, room), hypotheses.activity, FALL * hypotheses.level[0]
    drive, expected = room.amplitude[:found], room.expected[:found]
    for amplitude in drive:
        level = max(level, amplitude)
    hypotheses.level[0] = level
    for i in range(found):
        drive[i] = (drive[i] / level) ** COMPRESSION
    connect(room.hz, found, activity.size, tables.fields, room.start, room.unit, room.weight)
    for _ in range(ITERATIONS):
        expect(room.start, room.unit, room.weight, activity, room.own, expected)
        share(
            drive, room.start, room.unit, room.weight, tables.total, tables.gains, room.own, expected, activity,
            room.support,
        )  # fmt: skip


@kernel(apart=True)
def add_winners(tables: HypothesisTables, activity: Floats, top_hz: float, voices: Voices) -> bool:
    """Peaks of the activities that are no known voices join these, the strongest first; whether there were any."""
    known, last = voices.number[0], math.inf
    least = LEAST * activity.max()
    while voices.number[0] < MOST_VOICES:
        best = next_peak(activity, least, last)
        if best < 0:
            break
        last = activity[best]
        if not is_known(voices, tables.grid_hz[best]):
            add_voice(voices, tables.grid_hz[best], top_hz)
    return bool(voices.number[0] > known)


@kernel
def next_peak(activity: Floats, least: float, below: float) -> int:
    """The highest peak of the activities above `least` that is below another; -1 for none."""
    best = -1
    for j in range(1, activity.size - 1):
        peak = activity[j - 1] <= activity[j] > activity[j + 1] and least < activity[j] < below
        if peak and (best < 0 or activity[j] > activity[best]):
            best = j
    return best
