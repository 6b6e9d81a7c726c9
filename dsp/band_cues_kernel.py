"""Inner loops of `Cues`: what bands say. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, Integers, kernel
from sharpear.compiler.elementary import ln

from .cue_arrays import BAND_FLOOR, CLIP, MIDDLE_HZ, SILENCE, BandCues, CueRoom, CueState, CueTables, clipped, row_of

LEAST_LEVEL = np.float32(-14.0)
"""ln of the loudest band's level down to which others' are told."""

MOST_CORRECTION = np.float32(5.0)
"""Corrections are told, and made, up to e^±5."""

NO_WEIGHT, NO_ENERGY = np.float32(1e-9), np.float32(1e-20)
"""Stand for the sum of weights, and of energies, of which there are none."""


@kernel(apart=True)
def read_bands(
    first: Integers, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom, bands: BandCues
) -> None:
    """Levels at other moments and in other windows, and how pure the bands are."""
    windows, rows, count = tables.ahead.size, state.power.shape[1], tables.band_hz.size
    log_level, x, correction, purity = state.log_level, bands.cues, bands.correction, room.purity
    reference = windows - 2
    now = row_of(frame, tables.ahead[reference], rows)
    loudest = ln(state.loudest[s, reference, now] + SILENCE)
    p = 0
    for w in range(windows):
        for o in tables.offset:
            if o <= tables.ahead[w]:
                _compare(log_level[s, w, row_of(frame, tables.ahead[w] - o, rows)], log_level[s, reference, now], x[p])
                p += 1
    for q in range(tables.shorter.size):
        _correct(tables.ahead[tables.shorter[q]], tables.smear[q], frame, state.root[s, tables.shorter[q]],
                 state.loudest[s, tables.shorter[q]], room.mean_root, correction[q])  # fmt: skip
        for b in range(count):
            x[p, b] = correction[q, b] / np.float32(2)
        p += 1
    for w in range(1, windows):
        row = row_of(frame, tables.ahead[w], rows)
        of = p + windows - 1 + 2 * (w - 1)  # p grows with w, too
        for b in range(count):
            told = min(max(log_level[s, w, row, b] - loudest, LEAST_LEVEL), np.float32(1))
            x[p, b] = told / np.float32(4)
            total = max(purity[w, b + 1, 0], NO_ENERGY)
            x[of, b], x[of + 1, b] = purity[w, b + 1, 1] / total, purity[w, b + 1, 2] / total
            x[of + 2, b] = min(purity[w, b + 1, 3] / (total * total), np.float32(1))
        p += 1
    p += 3 * (windows - 1)
    w = windows - 1
    _band_trust(
        state.power[s, row_of(frame, tables.ahead[w], rows), first[w] : first[w + 1]], tables.first_weight[w],
        tables.first_band_channel[w], tables.weight, room.mean_trust, p, x,
    )  # fmt: skip
    p += 2
    for b in range(count):
        x[p, b] = math.log(tables.band_hz[b] / MIDDLE_HZ)
        for w in range(2, windows):
            top_hz = (first[w + 1] - first[w] - 1) * tables.spacing_hz[w]
            x[p + w - 1, b] = 1.0 if tables.band_hz[b] > top_hz else 0.0


@kernel
def _compare(level: Floats, reference: Floats, told: Floats) -> None:
    """Levels over others."""
    for b in range(told.size):
        told[b] = clipped(level[b] - reference[b], np.float32(CLIP)) / np.float32(2)


@kernel
def _correct(
    ahead: int, smear: Floats, frame: int, root: Floats, loudest: Floats, mean: Floats, correction: Floats
) -> None:
    """Logarithm of a band's level in a short window over the same smeared as a long window smears it."""
    rows, half, bands = root.shape[0], smear.size // 2, correction.size
    now = row_of(frame, ahead, rows)
    floor = np.float32(math.sqrt(BAND_FLOOR * loudest[now] + float(SILENCE)))
    mean[:] = 0.0
    for i in range(smear.size):
        if smear[i] > 0:
            tap, then = smear[i], root[row_of(frame, ahead - (i - half), rows)]
            for b in range(bands):
                mean[b] += tap * then[b]
    for b in range(bands):
        correction[b] = clipped(np.float32(2) * ln((root[now, b] + floor) / (mean[b] + floor)), MOST_CORRECTION)


@kernel(fastmath={"contract", "reassoc", "nsz"})
def _band_trust(
    P: Floats, first_weight: Integers, first_channel: Integers, weights: Floats, mean_trust: Floats, p: int,
    cues: Floats,
) -> None:  # fmt: skip
    """Trust of the longest window's pairs, averaged over the bands: plainly, and by energy."""
    for b in range(cues.shape[1]):
        a, k = first_weight[b], first_channel[b]
        plain, total, energy, trusted = np.float32(0), NO_WEIGHT, NO_ENERGY, np.float32(0)
        count = first_weight[b + 1] - a
        weight, trust, power = weights[a : a + count], mean_trust[k : k + count], P[k : k + count]
        for i in range(count):
            plain += weight[i] * trust[i]
            total += weight[i]
            energy += weight[i] * power[i]
            trusted += weight[i] * power[i] * trust[i]
        cues[p, b] = plain / total
        cues[p + 1, b] = trusted / energy
