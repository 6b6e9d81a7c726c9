"""Inner loops of `Cues`. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel

from .basins_kernel import BasinTables, Found, find_basins

CLIP = 6.0
"""Ratios of levels are told up to e^±6 (26 dB): what is further apart is as good as alone."""

BAND_FLOOR = 1e-7
"""Levels are told down to this share (-70 dB) of the loudest band's, below which leakage rules."""

PLACE_FLOOR = 1e-8
"""The same of single channels, of which several make a band."""

FAINTEST_SHARE = 1e-7
"""Energy (-70 dB), of the loudest band's, below which a line is not worth a judgement."""

SILENCE = np.float32(1e-22)
"""Added to energies (-220 dBFS) whose logarithm is taken."""

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


class CueTables(NamedTuple):
    """Windows, from the shortest, which has no lines, to the longest, which has the pair; bands; moments compared.

    ahead: hops after the middle that a window may be used; spacing_hz and resolution_hz: of channels, and 1/N.
    first_weight, first_band_channel: of each window and band, where its weights begin, and the channel of the first.
    offset: hops before or after the middle at which bands are compared; line_offset: and lines.
    short: of each pair of windows the one whose levels are compared with themselves, smeared as the long one smears.
    """

    ahead: Annotated[NDArray[np.int64], "windows"]
    spacing_hz: Annotated[NDArray[np.float64], "windows"]
    resolution_hz: Annotated[NDArray[np.float64], "windows"]
    first_weight: Annotated[NDArray[np.int64], "windows", "band ends"]
    first_band_channel: Annotated[NDArray[np.int64], "windows", "bands"]
    weight: Annotated[NDArray[np.float32], "weights"]
    band_hz: Annotated[NDArray[np.float64], "bands"]
    offset: Annotated[NDArray[np.int64], "offsets"]
    line_offset: Annotated[NDArray[np.int64], "line offsets"]
    short: Annotated[NDArray[np.int64], "pairs"]
    smear: Annotated[NDArray[np.float32], "pairs", "taps"]


class CueState(NamedTuple):
    """Rings of the last hops: the channels', the bands', and what is known of the pairs."""

    power: Annotated[NDArray[np.float32], "streams", "rows", "channels"]
    moment: Annotated[NDArray[np.float32], "streams", "moment rows", "channels"]
    log_level: Annotated[NDArray[np.float32], "streams", "windows", "rows", "bands"]
    root: Annotated[NDArray[np.float32], "streams", "windows", "rows", "bands"]
    loudest: Annotated[NDArray[np.float32], "streams", "windows", "rows"]
    pair_hz: Annotated[NDArray[np.float32], "streams", "pair rows", "pair", "longest channels"]
    pair_energy: Annotated[NDArray[np.float32], "streams", "pair rows", "pair", "longest channels"]
    trust: Annotated[NDArray[np.float32], "streams", "trust rows", "longest channels"]


class Candidates(NamedTuple):
    """All lines of one moment, those of one window after the other; the longest window's with the pairs.

    number: how many there are.  window: counted from 0, the shortest that has lines.
    """

    number: Annotated[NDArray[np.int64], "one"]
    hz: Annotated[NDArray[np.float32], "candidates"]
    energy: Annotated[NDArray[np.float32], "candidates"]
    window: Annotated[NDArray[np.int64], "candidates"]
    cues: Annotated[NDArray[np.float32], "candidates", "line cues"]


class BandCues(NamedTuple):
    """What the bands say at one moment: cues, and logarithmic corrections of the levels, for each pair of windows."""

    cues: Annotated[NDArray[np.float32], "bands", "band cues"]
    correction: Annotated[NDArray[np.float32], "bands", "pairs"]


class CandidatesOut(NamedTuple):
    """`Candidates` of several frames and streams."""

    number: Annotated[NDArray[np.int64], "frames", "streams", "one"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    window: Annotated[NDArray[np.int64], "frames", "streams", "candidates"]
    cues: Annotated[NDArray[np.float32], "frames", "streams", "candidates", "line cues"]


class BandCuesOut(NamedTuple):
    """`BandCues` of several frames and streams."""

    cues: Annotated[NDArray[np.float32], "frames", "streams", "bands", "band cues"]
    correction: Annotated[NDArray[np.float32], "frames", "streams", "bands", "pairs"]


class CueRoom(NamedTuple):
    """Room for what one frame needs on the way."""

    found: Found
    edge: Annotated[NDArray[np.int64], "edges"]
    mean_trust: Annotated[NDArray[np.float32], "longest channels"]
    purity: Annotated[NDArray[np.float32], "windows", "bands", "four"]
    kept: Annotated[NDArray[np.int64], "candidates"]
    row: Annotated[NDArray[np.int64], "compared"]
    claim_hz: Annotated[NDArray[np.float32], "claims"]
    claim_energy: Annotated[NDArray[np.float32], "claims"]


@kernel
def remember(power: Floats, moment: Floats, hz: Floats, energy: Floats, trust: Floats, first: Integers,
             tables: CueTables, frame: int, state: CueState, s: int) -> None:  # fmt: skip
    """Put a frame of one stream into the rings; hz, energy: (3, channels), of which the last two are the pair."""
    rows, moment_rows = state.power.shape[1], state.moment.shape[1]
    row = frame % rows
    state.power[s, row, :] = power
    state.moment[s, frame % moment_rows, :] = moment
    for w in range(first.size - 1):
        P = power[first[w] : first[w + 1]]
        level = state.log_level[s, w, row]
        loudest = np.float32(0)
        for b in range(level.size):
            a, stop = tables.first_weight[w, b], tables.first_weight[w, b + 1]
            k = tables.first_band_channel[w, b]
            total = np.float32(0)
            for i in range(stop - a):
                total += tables.weight[a + i] * P[k + i]
            level[b] = total
            loudest = max(loudest, total)
        state.loudest[s, w, row] = loudest
        floor = np.float32(BAND_FLOOR) * loudest + SILENCE
        for b in range(level.size):
            state.root[s, w, row, b] = math.sqrt(level[b])
            level[b] = ln(level[b] + floor)
    pair_row = frame % state.pair_hz.shape[1]
    state.trust[s, frame % state.trust.shape[1], :] = trust
    state.pair_hz[s, pair_row, :, :] = hz[1:]
    state.pair_energy[s, pair_row, :, :] = energy[1:]


@kernel
def read(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom,
    lines: Candidates, bands: BandCues,
) -> None:  # fmt: skip
    """The candidates and cues of the moment that frame `frame` completed."""
    _average_trust(state.trust[s], frame, room.mean_trust)
    room.purity[:] = 0.0
    _lines(first, basins, tables, frame, state, s, room, lines)
    _band_cues(first, tables, frame, state, s, room, bands)


@kernel(inline=True)
def _row(frame: int, lag: int, rows: int) -> int:
    return (frame - lag) % rows


@kernel
def _average_trust(trust: Floats, frame: int, mean: Floats) -> None:
    """Over the last frames, in the order of time."""
    rows = trust.shape[0]
    for k in range(mean.size):
        mean[k] = 0.0
    for lag in range(rows):
        row = _row(frame, rows - 1 - lag, rows)
        for k in range(mean.size):
            mean[k] += trust[row, k]
    share = np.float32(1.0 / rows)
    for k in range(mean.size):
        mean[k] *= share


@kernel(inline=True)
def _clipped(value: float, most: float) -> np.float32:
    return np.float32(min(max(value, -most), most))


@kernel
def ln(x: np.float32) -> np.float32:
    """Logarithm of a positive normal number, to 2e-5: of its exponent and, by artanh, of its mantissa."""
    bits = np.float32(x).view(np.int32)
    exponent = np.float32((bits >> 23) - 127)
    m = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32)
    t = (m - np.float32(1)) / (m + np.float32(1))
    t2 = t * t
    series = np.float32(1) + t2 * (np.float32(1 / 3) + t2 * (np.float32(1 / 5) + t2 * np.float32(1 / 7)))
    return exponent * np.float32(0.6931471805599453) + np.float32(2) * t * series


@kernel
def _lines(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom,
    lines: Candidates,
) -> None:  # fmt: skip
    """Every window's basins, each with its cues; those of the longest split into what is one line and the pair."""
    rows, moment_rows = state.power.shape[1], state.moment.shape[1]
    last = tables.ahead.size - 1
    most = np.float32(0)
    for w in range(last + 1):
        most = max(most, state.loudest[s, w, _row(frame, tables.ahead[w], rows)])
    count = 0
    for w in range(1, last + 1):
        a, b = first[w], first[w + 1]
        lag = tables.ahead[w]
        P, G = state.power[s, _row(frame, lag, rows), a:b], state.moment[s, _row(frame, lag, moment_rows), a:b]
        kept = find_basins(P, G, basins.top_hz[w], room.edge, room.found)
        begin = count
        count = _own_cues(
            w, kept, P, G, room.found, basins.per_share[w], tables.resolution_hz[w], most,
            state.log_level[s, w, _row(frame, lag, rows)], tables.band_hz[0], lines, count, room.kept,
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
                x[c, p + 2 + side] = _clipped(ratio, np.float32(CLIP)) / np.float32(4)
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
        row[v] = _row(frame, tables.ahead[v], rows)
    for part in range(2):
        v = w if part == 0 else 1
        for o in range(offsets):
            lag = tables.ahead[v] - tables.line_offset[o]
            row[windows + part * offsets + o] = _row(frame, lag, rows) if lag >= 0 else -1
    for c in range(begin, end):
        own = ln(_at(power, row[w], first[w], first[w + 1], hz[c] / spacing_hz[w]) + floor)
        p = windows + 8
        for v in range(windows):
            if v != w and hz[c] < top_hz[v]:
                there = ln(_at(power, row[v], first[v], first[v + 1], hz[c] / spacing_hz[v]) + floor)
                x[c, p + v] = _clipped(there - own, np.float32(10)) / np.float32(2)
        p += windows
        for part in range(2):
            v = w if part == 0 else 1
            place = hz[c] / spacing_hz[v]
            for o in range(offsets):
                r = row[windows + part * offsets + o]
                if r >= 0:
                    there = ln(_at(power, r, first[v], first[v + 1], place) + floor)
                    x[c, p + part * offsets + o] = _clipped(there - own, np.float32(10)) / np.float32(2)


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


@kernel
def _band_cues(
    first: Integers, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom, bands: BandCues
) -> None:
    """Levels at other moments and in other windows, and how pure the bands are."""
    windows, rows, count = tables.ahead.size, state.power.shape[1], tables.band_hz.size
    log_level, x, correction, purity = state.log_level, bands.cues, bands.correction, room.purity
    reference = windows - 2
    now = _row(frame, tables.ahead[reference], rows)
    loudest = ln(state.loudest[s, reference, now] + SILENCE)
    p = 0
    for w in range(windows):
        for o in tables.offset:
            if o <= tables.ahead[w]:
                row = _row(frame, tables.ahead[w] - o, rows)
                for b in range(count):
                    told = log_level[s, w, row, b] - log_level[s, reference, now, b]
                    x[b, p] = _clipped(told, np.float32(CLIP)) / np.float32(2)
                p += 1
    for q in range(tables.short.size):
        _correct(tables.ahead[tables.short[q]], tables.smear[q], frame, state.root[s, tables.short[q]],
                 state.loudest[s, tables.short[q]], correction, q)  # fmt: skip
        for b in range(count):
            x[b, p] = correction[b, q] / np.float32(2)
        p += 1
    for w in range(1, windows):
        row = _row(frame, tables.ahead[w], rows)
        of = p + windows - 1 + 2 * (w - 1)  # p grows with w, too
        for b in range(count):
            told = min(max(log_level[s, w, row, b] - loudest, np.float32(-14)), np.float32(1))
            x[b, p] = told / np.float32(4)
            total = max(purity[w, b, 0], np.float32(1e-20))
            x[b, of], x[b, of + 1] = purity[w, b, 1] / total, purity[w, b, 2] / total
            x[b, of + 2] = min(purity[w, b, 3] / (total * total), np.float32(1))
        p += 1
    p += 3 * (windows - 1)
    w = windows - 1
    _band_trust(
        state.power[s, _row(frame, tables.ahead[w], rows), first[w] : first[w + 1]], tables.first_weight[w],
        tables.first_band_channel[w], tables.weight, room.mean_trust, p, x,
    )  # fmt: skip
    p += 2
    for b in range(count):
        x[b, p] = math.log(tables.band_hz[b] / 700.0)
        for w in range(2, windows):
            top_hz = (first[w + 1] - first[w] - 1) * tables.spacing_hz[w]
            x[b, p + w - 1] = 1.0 if tables.band_hz[b] > top_hz else 0.0


@kernel
def _correct(ahead: int, smear: Floats, frame: int, root: Floats, loudest: Floats, correction: Floats, q: int) -> None:
    """Logarithm of a band's level in a short window over the same smeared as a long window smears it."""
    rows, half, bands = root.shape[0], smear.size // 2, correction.shape[0]
    now = _row(frame, ahead, rows)
    floor = np.float32(math.sqrt(BAND_FLOOR * loudest[now] + float(SILENCE)))
    mean = np.zeros(bands, np.float32)
    for i in range(smear.size):
        if smear[i] > 0:
            row = _row(frame, ahead - (i - half), rows)
            for b in range(bands):
                mean[b] += smear[i] * root[row, b]
    for b in range(bands):
        correction[b, q] = _clipped(np.float32(2) * ln((root[now, b] + floor) / (mean[b] + floor)), np.float32(5))


@kernel
def _band_trust(
    P: Floats, first_weight: Integers, first_channel: Integers, weights: Floats, mean_trust: Floats, p: int,
    cues: Floats,
) -> None:  # fmt: skip
    """Trust of the longest window's pairs, averaged over the bands: plainly, and by energy."""
    for b in range(cues.shape[0]):
        a, k = first_weight[b], first_channel[b]
        plain, total, energy, trusted = np.float32(0), np.float32(1e-9), np.float32(1e-20), np.float32(0)
        for i in range(first_weight[b + 1] - a):
            weight, trust = weights[a + i], mean_trust[k + i]
            plain += weight * trust
            total += weight
            energy += weight * P[k + i]
            trusted += weight * P[k + i] * trust
        cues[b, p] = plain / total
        cues[b, p + 1] = trusted / energy


@kernel
def cues_process(
    power: Floats, moment: Floats, hz: Floats, energy: Floats, trust: Floats, first: Integers, basins: BasinTables,
    tables: CueTables, frame: int, state: CueState, room: CueRoom, chosen: Integers, lines: CandidatesOut,
    bands: BandCuesOut,
) -> None:  # fmt: skip
    """Remember all frames, and give what is read of the chosen ones, counted from 0."""
    for s in range(power.shape[1]):
        n = 0
        for f in range(power.shape[0]):
            remember(power[f, s], moment[f, s], hz[f, s], energy[f, s], trust[f, s], first, tables, frame + f, state,
                     s)  # fmt: skip
            if n < chosen.size and chosen[n] == f:
                read(
                    first, basins, tables, frame + f, state, s, room,
                    Candidates(
                        lines.number[n, s], lines.hz[n, s], lines.energy[n, s], lines.window[n, s], lines.cues[n, s]
                    ),
                    BandCues(bands.cues[n, s], bands.correction[n, s]),
                )  # fmt: skip
                n += 1
