"""Whose each pitch is: slow and obvious loops over a whole piece, for the kernels to agree with."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

LOWEST, HIGHEST = math.log2(80), math.log2(700)
NEVER = 100_000


@dataclass
class Voice:
    octaves: float
    register: float
    silent: int = NEVER
    heard: int = 0
    level: float = 0.0
    glide: float = 0.0
    spectrum: Any = None
    known: Any = None
    place: int | None = None


@dataclass
class Place:
    owner: int | None = None
    owned: int = 0
    f0: float = 0.0


@dataclass
class Pitch:
    """left: the part of the steps ahead for which it goes on; odds: mean until then."""

    left: float
    odds: float
    octaves: float
    level: float
    glide: float

    @property
    def real(self) -> float:
        return 1 / (1 + math.exp(-self.odds))


def same(a: float, b: float) -> bool:
    return a > 0 and b > 0 and abs(math.log2(a / b)) <= 0.08


def clipped(x: float, most: float) -> float:
    return max(-most, min(most, x))


def owners(
    f0: NDArray[Any], odds: NDArray[Any], reading: NDArray[Any], energy: NDArray[Any], voices: int, step_s: float,
    ahead: int, weights: Any,
) -> list[list[int | None]]:  # fmt: skip
    """The voice of each place at each step, None for nobody; f0, odds (steps, places); energy: log10 of harmonics."""
    return claimed(f0, odds, reading, energy, beginners(voices), step_s, ahead, weights)[0]


def beginners(voices: int) -> list[Voice]:
    parts = [LOWEST + (v + 0.5) / voices * (HIGHEST - LOWEST) for v in range(voices)]
    return [Voice(at, at, spectrum=np.zeros(12), known=np.zeros(12)) for at in parts]


def claimed(
    f0: NDArray[Any], odds: NDArray[Any], reading: NDArray[Any], energy: NDArray[Any], known: list[Voice],
    step_s: float, ahead: int, weights: Any, given: list[dict[int, int]] | None = None,
) -> tuple[list[list[int | None]], NDArray[Any]]:  # fmt: skip
    """`owners` by voices of whom something may be known, or given; and the log odds of all claims."""
    voices, gains = len(known), []
    places, found = [Place() for _ in f0[0]], []
    for n in range(len(f0)):
        for p, place in enumerate(places):
            if not same(place.f0, f0[n, p]):
                if place.owner is not None:
                    known[place.owner].place = None
                place.owner, place.owned = None, 0
            place.f0 = f0[n, p]
        pitches = {p: pitch_of(n, p, f0, odds, energy, ahead, step_s) for p in range(len(places)) if f0[n, p] > 0}
        alone = {p: alone_of(p, f0[n], pitches) for p in pitches}
        gain = np.zeros((len(places), voices))
        for p in pitches:
            of_pitch = [*reading[n, p], odds[n, p], *told_of(p, pitches, places, known, step_s)]
            nobody = output(weights.nobody[:, :-1] @ of_pitch + weights.nobody[:, -1], weights.nobody_output)
            base = weights.pitch[:, :-1] @ of_pitch + weights.pitch[:, -1]
            for v in range(voices):
                claim = claim_of(p, v, f0[n], energy[n, p], pitches, alone, places, known, step_s)
                gain[p, v] = output(base + weights.claim @ claim, weights.output) - nobody
        chosen = given[n] if given else matched(gain)
        follow(chosen, pitches, alone, energy[n], places, known, step_s)
        found.append([chosen.get(p) for p in range(len(places))])
        gains.append(gain)
    return found, np.array(gains)


def matched(gain: NDArray[Any]) -> dict[int, int]:
    pairs = zip(*linear_sum_assignment(-np.maximum(gain, 0)), strict=True)
    return {int(p): int(v) for p, v in pairs if gain[p, v] > 0}


def output(raised: NDArray[Any], weights: NDArray[Any]) -> float:
    return float(weights[:-1] @ np.maximum(raised, 0) + weights[-1])


def pitch_of(
    n: int, p: int, f0: NDArray[Any], odds: NDArray[Any], energy: NDArray[Any], ahead: int, step_s: float
) -> Pitch:  # fmt: skip
    last = n
    while last < min(n + ahead, len(f0) - 1) and same(f0[last, p], f0[last + 1, p]):
        last += 1
    level = math.log10(sum(10 ** float(each) for each in energy[n, p]))
    moved = [abs(math.log2(f0[k + 1, p] / f0[k, p])) for k in range(n, last)]
    glide = float(np.mean(moved)) / step_s if moved else 0.0
    return Pitch((last - n) / ahead, float(np.mean(odds[n : last + 1, p])), math.log2(f0[n, p]), level, glide)


def alone_of(p: int, f0: NDArray[Any], pitches: dict[int, Pitch]) -> list[float]:
    found = []
    for h in range(1, 13):
        free = 1.0
        for q, other in pitches.items():
            k = round(h * f0[p] / f0[q])
            if q != p and 1 <= k <= 20 and abs(math.log2(h * f0[p] / (k * f0[q]))) < 0.03:
                free *= 1 - other.real
        found.append(free)
    return found


def told_of(p: int, pitches: dict[int, Pitch], places: list[Place], known: list[Voice], step_s: float) -> list[float]:
    own, owned, glides = pitches[p], places[p].owned, [voice.glide for voice in known if voice.heard]
    return [
        own.odds, own.left, float(own.left < 1), sum(q.real for q in pitches.values()) - len(known), len(known),
        sum(voice.place is None for voice in known), float(places[p].owner is not None),
        math.log(1 + owned * step_s / 0.1), own.glide, float(np.mean(glides)) if glides else 0.0,
    ]  # fmt: skip


def claim_of(
    p: int, v: int, f0: NDArray[Any], energy: NDArray[Any], pitches: dict[int, Pitch],
    alone: dict[int, list[float]], places: list[Place], known: list[Voice], step_s: float,
) -> list[float]:  # fmt: skip
    own, voice = pitches[p], known[v]
    away, silent = min(abs(own.octaves - voice.octaves), 1.5), voice.silent * step_s
    others = min([abs(own.octaves - w.octaves) for w in known if w is not voice] + [1.5])
    rivals = min([abs(pitches[q].octaves - voice.octaves) for q in pitches if q != p and pitches[q].odds > 0] + [1.5])
    apart = clipped(own.octaves - voice.register, 1.5)
    told = [
        clipped(own.octaves - voice.octaves, 1.5), away, math.exp(-8 * away), math.exp(-40 * away),
        math.exp(-silent / 0.05), math.log(1 + silent / 0.1), away * math.exp(-silent / 0.05),
        clipped(away - others, 1), clipped(away - rivals, 1), apart, abs(apart), math.log(1 + voice.heard * step_s),
    ]  # fmt: skip
    hold = [1.0, math.log(1 + places[p].owned * step_s / 0.1)]
    told += hold if places[p].owner == v else [0.0, 0.0]
    told += hold if places[p].owner not in (v, None) else [0.0, 0.0]
    q = voice.place
    told += [1.0, pitches[q].odds, pitches[q].left] if q is not None and q != p else [0.0] * 3
    if voice.heard:
        weight = [a * min(1, k * step_s / 0.2) for a, k in zip(alone[p], voice.known, strict=True)]
        off = [abs(max(-3, e - own.level) - s) for e, s in zip(energy, voice.spectrum, strict=True)]
        told += [np.dot(weight, off) / (sum(weight) + 1e-3), (sum(weight) + 1e-3) / 12, own.level - voice.level]
    else:
        told += [0.0] * 3
    below = sum(pitches[q].real for q in pitches if f0[q] < f0[p]) - v
    above = sum(pitches[q].real for q in pitches if q != p and f0[q] >= f0[p]) - (len(known) - 1 - v)
    told += [clipped(below, 3), clipped(above, 3), abs(clipped(below, 3)), abs(clipped(above, 3))]
    crossed = [0.0, 0.0]
    for w, other in enumerate(known):
        if w != v and (other.place is None or other.place != p):
            at = other.octaves if other.place is None else pitches[other.place].octaves
            crossed[other.place is None] += (w > v) == (at < own.octaves)
    glides = [voice.glide, own.glide - voice.glide] if voice.heard else [0.0, 0.0]
    return [*told, *crossed, (v + 0.5) / len(known), *glides]


def follow(
    chosen: dict[int, int], pitches: dict[int, Pitch], alone: dict[int, list[float]], energy: NDArray[Any],
    places: list[Place], known: list[Voice], step_s: float,
) -> None:  # fmt: skip
    for voice in known:
        voice.silent += 1
        voice.place = None
    for p, place in enumerate(places):
        owner = chosen.get(p)
        place.owned = 0 if owner is None else place.owned + 1 if owner == place.owner else 1
        place.owner = owner
        if owner is None:
            continue
        voice, own = known[owner], pitches[p]
        voice.place, voice.silent, voice.octaves, voice.heard = p, 0, own.octaves, voice.heard + 1
        voice.register += step_s / 2.0 * own.real * (own.octaves - voice.register)
        voice.level += max(step_s, 1 / voice.heard) * (own.level - voice.level)
        voice.glide += max(step_s, 1 / voice.heard) * (own.glide - voice.glide)
        for h in range(12):
            voice.known[h] += alone[p][h]
            pace = alone[p][h] * max(step_s / 1.5, 1 / (voice.known[h] + 1e-9))
            voice.spectrum[h] += min(1.0, pace) * (max(-3.0, energy[p, h] - own.level) - voice.spectrum[h])


def of_notes(
    f0: NDArray[Any], odds: NDArray[Any], reading: NDArray[Any], energy: NDArray[Any], voices: int, step_s: float,
    ahead: int, weights: Any, own: float, rounds: int,
) -> list[list[int | None]]:  # fmt: skip
    """`owners` of what is all known: by claims forwards and backwards, of each step and of all its note."""
    known: list[Voice] = beginners(voices)
    chosen: list[dict[int, int]] | None = None
    for _ in range(1 + rounds):
        gain = np.zeros((*f0.shape, voices))
        for way in (1, -1):
            heard = (part[::way] for part in (f0, odds, reading, energy))
            given = chosen and chosen[::way]
            gain += claimed(*heard, known, step_s, ahead, weights, given)[1][::way]  # type: ignore[misc]
            known = [
                Voice(v.register, v.register, NEVER, v.heard, v.level, v.glide, v.spectrum, v.known) for v in known
            ]
        worth = np.zeros(gain.shape)
        for p in range(f0.shape[1]):
            begins = [n for n in range(len(f0)) if n == 0 or not same(f0[n - 1, p], f0[n, p])]
            for begin, end in zip(begins, [*begins[1:], len(f0)], strict=True):
                note = gain[begin:end, p]
                worth[begin:end, p] = (1 - own) * note.mean(axis=0) + own * note
        chosen = [matched(step) for step in worth]
    return [[given.get(p) for p in range(f0.shape[1])] for given in chosen or []]


def spectra(
    f0: NDArray[Any], odds: NDArray[Any], energy: NDArray[Any], owner: list[list[int | None]], voices: int, ahead: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sums of each voice's spectrum where its harmonics are alone, and of how far they are; (voices, harmonics)."""
    total, weight = np.zeros((2, voices, 12))
    for n, row in enumerate(owner):
        pitches = {p: pitch_of(n, p, f0, odds, energy, ahead, 1.0) for p in range(len(row)) if f0[n, p] > 0}
        for p, v in enumerate(row):
            if v is not None:
                alone = np.array(alone_of(p, f0[n], pitches))
                total[v] += alone * np.maximum(-3, energy[n, p] - pitches[p].level)
                weight[v] += alone
    return total, weight


def tracks(
    f0: NDArray[Any], strength: NDArray[Any], owner: list[list[int | None]], voices: int, attack: int, release: int
) -> list[list[tuple[float, float, float]]]:
    """(Hz, strength, whether it is found) of every voice in every frame; a frame stands where its sound does.

    A voice without a pitch takes its next one, should that come within `attack` frames, or else its last one, which
    fades as ``exp(−2 n / release)`` for `release` frames.
    """
    found: list[dict[int, tuple[float, float]]] = []
    for n, row in enumerate(owner):
        found.append({v: (float(f0[n, p]), float(strength[n, p])) for p, v in enumerate(row) if v is not None})
    out = []
    for n in range(len(f0)):
        line = []
        for voice in range(voices):
            coming = [found[m][voice] for m in range(n + 1, min(n + attack + 1, len(f0))) if voice in found[m]]
            gone = [m for m in range(n) if voice in found[m]]
            quiet = n - gone[-1] if gone else release + 1
            if voice in found[n]:
                line.append((*found[n][voice], 1.0))
            elif coming:
                line.append((*coming[0], 0.0))
            elif quiet <= release:
                hz, last = found[gone[-1]][voice]
                line.append((hz, last * math.exp(-2 * quiet / release), 0.0))
            else:
                line.append((0.0, 0.0, 0.0))
        out.append(line)
    return out
