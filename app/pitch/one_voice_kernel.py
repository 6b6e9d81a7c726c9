"""The loops of one voice: lines → periods that may be its own → the best path through them. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

ROUNDS = 2
"""Newton steps from the best of the evenly spaced lags to the period."""
FARTHEST_OCTAVES = 0.04
"""A period that these lead farther away from is kept as it was."""


class PeriodRule(NamedTuple):
    """Which periods are looked for."""

    low_hz: float
    high_hz: float
    lags_hz: float
    """Lags a second at which peaks are sought."""

    octave: float
    """What a period's octave costs, of the strength."""


class Periods(NamedTuple):
    """Periods that a step's lines may have: log2 of Hz, 0 for none; strengths, less an octave's cost, and of powers.

    level: root of the lines' power.
    """

    pitch: Annotated[NDArray[np.float64], "steps", "candidates"]
    worth: Annotated[NDArray[np.float64], "steps", "candidates"]
    strength: Annotated[NDArray[np.float64], "steps", "candidates"]
    level: Annotated[NDArray[np.float64], "steps"]


@kernel
def find_periods(amplitude: Floats, frequency: Floats, rule: PeriodRule, out: Periods) -> None:
    """The largest peaks of ``r(τ) = Σ_i A_i cos(2π f_i τ) / Σ_i A_i`` of each step (steps, atoms)."""
    first = max(1, int(rule.lags_hz / rule.high_hz) - 1)
    r = np.empty(math.ceil(rule.lags_hz / rule.low_hz) + 2 - first)
    weight, power, hz = np.empty(amplitude.shape[1]), np.empty(amplitude.shape[1]), np.empty(amplitude.shape[1])
    for t in range(len(amplitude)):
        n, total, energy = 0, 0.0, 0.0
        for i in range(amplitude.shape[1]):
            a = float(amplitude[t, i])
            if a > 0 and frequency[t, i] > 0:
                weight[n], power[n], hz[n] = a, a * a, frequency[t, i]
                total += a
                energy += a * a
                n += 1
        out.level[t] = math.sqrt(energy)
        out.pitch[t, :], out.worth[t, :], out.strength[t, :] = 0.0, -1.0, 0.0
        if n == 0:
            continue
        weight[:n] /= total
        power[:n] /= energy
        correlate(weight[:n], hz[:n], first, rule.lags_hz, r)
        for lag in range(1, r.size - 1):
            bend = r[lag - 1] - 2 * r[lag] + r[lag + 1]
            if r[lag] > max(r[lag - 1], 0.0) and r[lag] >= r[lag + 1] and bend < 0:
                tau = (first + lag + 0.5 * (r[lag - 1] - r[lag + 1]) / bend) / rule.lags_hz
                worth = r[lag] - rule.octave * math.log2(rule.low_hz * tau)
                least = out.worth[t].argmin()
                if rule.low_hz <= 1 / tau <= rule.high_hz and worth > out.worth[t, least]:
                    out.worth[t, least], out.pitch[t, least] = worth, tau
        for k in range(out.pitch.shape[1]):
            if out.pitch[t, k] > 0:
                # Between lags a peak is a little higher than its parabola: more than an octave costs.
                tau, height = refined(weight[:n], hz[:n], out.pitch[t, k])
                out.worth[t, k] = height - rule.octave * math.log2(rule.low_hz * tau)
                tau, out.strength[t, k] = refined(power[:n], hz[:n], tau)
                out.pitch[t, k] = -math.log2(tau)


@kernel(fastmath=True)
def correlate(weight: Doubles, hz: Doubles, first: int, lags_hz: float, r: Doubles) -> None:
    """``r(τ)`` at lags from the first on, each line's cosine by ``c(n+1) = 2 cos a · c(n) − c(n−1)``."""
    r[:] = 0.0
    for i in range(hz.size):
        angle = 2 * math.pi * hz[i] / lags_hz
        turn = 2 * math.cos(angle)
        before, now = weight[i] * math.cos(angle * (first - 1)), weight[i] * math.cos(angle * first)
        for lag in range(r.size):
            r[lag] += now
            before, now = now, turn * now - before


@kernel
def refined(weight: Doubles, hz: Doubles, tau: float) -> tuple[float, float]:
    """The lag near by at which ``Σ_i w_i cos(2π f_i τ)`` is largest, and that value."""
    moved = tau
    for _ in range(ROUNDS):
        slope, bend = 0.0, 0.0
        for i in range(hz.size):
            turn = 2 * math.pi * hz[i]
            slope -= weight[i] * turn * math.sin(turn * moved)
            bend -= weight[i] * turn * turn * math.cos(turn * moved)
        moved -= slope / bend if bend < 0 else 0.0
    if moved <= 0 or abs(math.log2(moved / tau)) > FARTHEST_OCTAVES:
        moved = tau
    strength = 0.0
    for i in range(hz.size):
        strength += weight[i] * math.cos(2 * math.pi * hz[i] * moved)
    return moved, strength


@kernel
def best_path(periods: Periods, unvoiced: Doubles, jump: float, change: float, path: Integers) -> None:
    """Which candidate each step takes, or none (the number of candidates), so that all is worth the most (Viterbi).

    unvoiced: worth of none.  jump: cost of an octave from one step to the next.  change: of a voice's begin and end.
    """
    steps, none = periods.pitch.shape
    came = np.zeros((steps, none + 1), np.int64)
    worth, fresh = np.zeros(none + 1), np.zeros(none + 1)
    for t in range(steps):
        for k in range(none + 1):
            if k < none and periods.pitch[t, k] == 0:
                fresh[k] = -np.inf
                continue
            best = -np.inf if t else 0.0
            for before in range(none + 1 if t else 0):
                cost = 0.0
                if (k == none) != (before == none):
                    cost = change
                elif k < none:
                    cost = jump * abs(periods.pitch[t, k] - periods.pitch[t - 1, before])
                if worth[before] - cost > best:
                    best, came[t, k] = worth[before] - cost, before
            fresh[k] = best + (periods.worth[t, k] if k < none else unvoiced[t])
        worth[:] = fresh
    if steps:
        path[steps - 1] = worth.argmax()
    for t in range(steps - 1, 0, -1):
        path[t - 1] = came[t, path[t]]
