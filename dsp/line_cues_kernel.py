"""Inner loops of `Cues`: lines and pairs as candidates, and what speaks for each. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, Integers, kernel

from .basins_kernel import BasinTables, Found, find_basins
from .cue_arrays import CLIP, SILENCE, Candidates, CueRoom, CueState, CueTables, clipped, ln, row_of

PLACE_FLOOR = 1e-8
"""The same of single channels, of which several make a band."""

FAINTEST_SHARE = 1e-7
"""Energy (-70 dB), of the loudest band's, below which a line is not worth a judgement."""

LEAST_TRUST = np.float32(0.25)
"""Trust below which a peak is not split into a pair: noise is trusted so far."""

FAINTEST_PAIR = 1e-5
"""Energy (-50 dB), of the loudest band's, below which a peak is not split: noise is in the way."""

APART_BINS = 0.25
"""Bins of 1/N from which two lines of a pair are two: channels agree on a tone's place far better."""

LEAST_PART = 1e-3
"""Part of a peak's energy below which a pair's line is left out."""

MOST_CLAIMS = 256
"""Two of each channel of a peak."""

NEIGHBOR_BINS = 8.0
"""A neighbouring line this many bins of 1/N away, or farther, is out of the window's reach."""

WIDEST = np.float32(3.0)
"""Spread of a line, in bins, up to which it is told: wider than a window's main lobe there is no line."""

BLUR = 0.6
"""Twice the variance, in bands², of the Gaussian by which a line counts in the bands around it."""


@kernel
def read_lines(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom,
    lines: Candidates,
) -> None:  # fmt: skip
    """Every window's basins, each with its cues; those of the longest split into what is one line and the pair."""
    rows, moment_rows = state.power.shape[1], state.moment.shape[1]
    last = tables.ahead.size - 1
    most = np.float32(0)
    for w in range(last + 1):
        most = max(most, state.loudest[s, w, row_of(frame, tables.ahead[w], rows)])
    count = np.int64(0)  # a literal would compile what it is given to twice
    for w in range(1, last + 1):
        a, b = first[w], first[w + 1]
        lag = tables.ahead[w]
        P, G = state.power[s, row_of(frame, lag, rows), a:b], state.moment[s, row_of(frame, lag, moment_rows), a:b]
        kept = find_basins(P, G, basins.top_hz[w], room.edge, room.found)
        begin = count
        count = _own_cues(
            w, kept, P, G, room.found, basins.per_share[w], tables.resolution_hz[w], most,
            state.log_level[s, w, row_of(frame, lag, rows)], tables.band_hz[0], lines, count, room.kept,
            room.purity[w], tables.ahead.size,
        )  # fmt: skip
        _place_cues(first, basins, tables, frame, state.power[s], w, begin, count, most, room.row, lines)
        if w == last:
            count = _pairs(frame, state, s, room, P, tables.resolution_hz[w], most, lines, begin, count)
    lines.number[0] = count


@kernel
def _own_cues(
    w: int, kept: int, P: Floats, G: Floats, found: Found, per_share: float, bin_hz: float, most: np.float32,
    level: Floats, lowest_hz: float, lines: Candidates, count: int, which: Integers, purity: Floats, windows: int,
) -> int:  # fmt: skip
    """The lines of one window with what it says of them alone; returns how many candidates there are now."""
    order, first, past, peak = found.order, found.first, found.past, found.peak
    energies, frequencies = found.energy, found.hz
    out_hz, out_energy, out_window, x = lines.hz, lines.energy, lines.window, lines.cues
    bands, width = level.size, x.shape[1]
    log_most = ln(most + SILENCE)
    for i in range(kept):
        line = order[i]
        hz, energy = frequencies[line], energies[line]
        if energy < FAINTEST_SHARE * most or count >= out_hz.size:
            continue
        c = count
        count += 1
        which[c] = line
        log_energy = ln(np.float32(energy))
        variance = np.float32(0)
        for k in range(first[line], past[line]):
            off = G[k] - P[k] * np.float32(hz)
            variance += off * off / max(P[k], np.float32(1e-30))
        concentration = np.float32(P[peak[line]] * per_share / energy)
        spread = min(np.float32(math.sqrt(variance / energy) / bin_hz), WIDEST)
        out_hz[c], out_energy[c], out_window[c] = hz, energy, w - 1
        for k in range(width):
            x[c, k] = 0.0
        x[c, w - 1] = 1.0
        octaves = min(max(4.0 * math.log2(hz / lowest_hz), 0.0), bands - 1.001)
        b = int(octaves)
        part = np.float32(octaves - b)
        p = windows
        x[c, p] = (log_energy - log_most) / np.float32(4)
        level_here = (np.float32(1) - part) * level[b] + part * level[b + 1]
        x[c, p + 1] = max(log_energy - level_here, np.float32(-10)) / np.float32(3)
        x[c, p + 2], x[c, p + 3] = concentration, spread
        p += 4
        for side in range(2):
            j = i - 1 if side == 0 else i + 1
            x[c, p + side], x[c, p + 2 + side] = NEIGHBOR_BINS / 4.0, -CLIP / 4.0
            if 0 <= j < kept:
                other = order[j]
                x[c, p + side] = min(abs(frequencies[other] - hz) / bin_hz, NEIGHBOR_BINS) / 4.0
                ratio = ln(np.float32(energies[other])) - log_energy
                x[c, p + 2 + side] = clipped(ratio, np.float32(CLIP)) / np.float32(4)
        x[c, width - 1] = math.log(hz / 700.0)
        for near in range(max(b - 1, 0), min(b + 3, bands)):
            weight = np.float32(energy * math.exp(-((near - octaves) ** 2) / BLUR))
            purity[near, 0] += weight
            purity[near, 1] += weight * concentration
            purity[near, 2] += weight * spread
            purity[near, 3] += weight * weight
    return count


@kernel
def _place_cues(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, power: Floats, w: int, begin: int, end: int,
    most: np.float32, row: Integers, lines: Candidates,
) -> None:  # fmt: skip
    """What the windows have where a line is, now and, its own and the shortest with lines, before and after."""
    windows, offsets, rows = tables.ahead.size, tables.line_offset.size, power.shape[0]
    spacing_hz, top_hz, hz, x = tables.spacing_hz, basins.top_hz, lines.hz, lines.cues
    floor = np.float32(PLACE_FLOOR) * most + SILENCE
    for v in range(windows):
        row[v] = row_of(frame, tables.ahead[v], rows)
    for part in range(2):
        v = w if part == 0 else 1
        for o in range(offsets):
            lag = tables.ahead[v] - tables.line_offset[o]
            row[windows + part * offsets + o] = row_of(frame, lag, rows) if lag >= 0 else -1
    for c in range(begin, end):
        own = ln(_at(power, row[w], first[w], first[w + 1], hz[c] / spacing_hz[w]) + floor)
        p = windows + 8
        for v in range(windows):
            if v != w and hz[c] < top_hz[v]:
                there = ln(_at(power, row[v], first[v], first[v + 1], hz[c] / spacing_hz[v]) + floor)
                x[c, p + v] = clipped(there - own, np.float32(10)) / np.float32(2)
        p += windows
        for part in range(2):
            v = w if part == 0 else 1
            place = hz[c] / spacing_hz[v]
            for o in range(offsets):
                r = row[windows + part * offsets + o]
                if r >= 0:
                    there = ln(_at(power, r, first[v], first[v + 1], place) + floor)
                    x[c, p + part * offsets + o] = clipped(there - own, np.float32(10)) / np.float32(2)


@kernel(inline=True)
def _at(power: Floats, row: int, first: int, past: int, place: float) -> np.float32:
    """Power of a window between two of its channels, linearly."""
    k = min(int(place), past - first - 2)
    part = np.float32(min(place - k, 1.0))
    return np.float32(power[row, first + k] * (np.float32(1) - part) + power[row, first + k + 1] * part)


@kernel
def _pairs(
    frame: int, state: CueState, s: int, room: CueRoom, P: Floats, bin_hz: float, most: np.float32, lines: Candidates,
    begin: int, end: int,
) -> int:  # fmt: skip
    """Give the pairs of the longest window's peaks their share of these candidates; returns the new count."""
    row, trust_at, found = (frame + 1) % state.pair_hz.shape[1], lines.cues.shape[1] - 3, room.found
    pair_hz, pair_energy = state.pair_hz[s, row], state.pair_energy[s, row]
    count = end
    for c in range(begin, end):
        line, energy = room.kept[c], lines.energy[c]
        if energy <= FAINTEST_PAIR * most:
            continue
        trusted, total = np.float32(0), np.float32(1e-30)
        for k in range(found.first[line], found.past[line]):
            trusted += P[k] * room.mean_trust[k]
            total += P[k]
        trust = min(trusted / total, np.float32(1))
        lines.cues[c, trust_at] = trust
        if trust >= LEAST_TRUST:
            count = _split(
                found.first[line], found.past[line], pair_hz, pair_energy, room, trust, APART_BINS * bin_hz, lines, c,
                count,
            )  # fmt: skip
    return count


@kernel
def _split(
    first: int, past: int, pair_hz: Floats, pair_energy: Floats, room: CueRoom, trust: np.float32, apart_hz: float,
    lines: Candidates, one: int, count: int,
) -> int:  # fmt: skip
    """Two or more candidates of what candidate `one` has, as far as they are trusted; returns the new count."""
    energy, width = lines.energy[one], lines.cues.shape[1]
    claims = _claims(first, past, pair_hz, pair_energy, room.claim_hz, room.claim_energy)
    begin = 0
    for i in range(1, claims + 1):
        if i < claims and room.claim_hz[i] - room.claim_hz[i - 1] < apart_hz:
            continue
        part, moment = np.float32(0), np.float32(0)
        for j in range(begin, i):
            part += trust * room.claim_energy[j]
            moment += trust * room.claim_energy[j] * room.claim_hz[j]
        begin = i
        if part > LEAST_PART * energy and count < lines.hz.size:
            lines.hz[count], lines.energy[count], lines.window[count] = moment / part, part, lines.window[one]
            for k in range(width):
                lines.cues[count, k] = lines.cues[one, k]
            own = lines.window[one]
            lines.cues[count, own], lines.cues[count, own + 1] = 0.0, 1.0
            lines.cues[count, width - 2] = max(ln(part / energy), np.float32(-CLIP)) / np.float32(3)
            count += 1
    rest = np.float32(1) - trust
    lines.energy[one] = energy * rest
    lines.cues[one, width - 2] = max(ln(max(rest, np.float32(1e-9))), np.float32(-CLIP)) / np.float32(3)
    return count


@kernel
def _claims(first: int, past: int, pair_hz: Floats, pair_energy: Floats, claim_hz: Floats, claim_energy: Floats) -> int:
    """What the channels of a peak say of their two tones, by frequency; returns how many there are."""
    claims = 0
    for k in range(first, past):
        for e in range(2):
            hz, energy = pair_hz[e, k], pair_energy[e, k]
            if energy > 0 and hz > 0 and claims < claim_hz.size:
                j = claims
                while j > 0 and claim_hz[j - 1] > hz:
                    claim_hz[j], claim_energy[j] = claim_hz[j - 1], claim_energy[j - 1]
                    j -= 1
                claim_hz[j], claim_energy[j] = hz, energy
                claims += 1
    return claims
