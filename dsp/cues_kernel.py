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

SILENCE = np.float32(1e-14)
"""Added to energies (-140 dBFS) whose logarithm is taken."""

LEAST_TRUST = np.float32(0.25)
"""Trust below which a peak is not split into a pair: noise is trusted so far."""

FAINTEST_PAIR = 1e-5
"""Energy (-50 dB), of the loudest band's, below which a peak is not split: noise is in the way."""

APART_BINS = 0.25
"""Bins of 1/N from which two lines of a pair are two: channels agree on a tone's place far better."""

LEAST_PART = 1e-3
"""Part of a peak's energy below which a pair's line is left out."""

MOST_CLAIMS = 256
"""Of the channels of one peak."""

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

    window: counted from 0, the shortest that has lines.
    """

    count: Annotated[NDArray[np.int64], "one"]
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

    count: Annotated[NDArray[np.int64], "frames", "streams", "one"]
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
            level[b] = math.log(level[b] + floor)
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
    _average_trust(state.trust[s], room.mean_trust)
    room.purity[:] = 0.0
    _lines(first, basins, tables, frame, state, s, room, lines)
    _band_cues(first, tables, frame, state, s, room, bands)


@kernel
def _row(frame: int, lag: int, rows: int) -> int:
    return (frame - lag) % rows


@kernel
def _average_trust(trust: Floats, mean: Floats) -> None:
    mean[:] = 0.0
    for r in range(trust.shape[0]):
        row = trust[r]
        for k in range(mean.size):
            mean[k] += row[k]
    share = np.float32(1.0 / trust.shape[0])
    for k in range(mean.size):
        mean[k] *= share


@kernel
def _clipped(value: float, most: float) -> np.float32:
    return np.float32(min(max(value, -most), most))


@kernel
def _at(power: Floats, place: float) -> float:
    """Power between two channels, linearly."""
    k = min(int(place), power.size - 2)
    part = min(place - k, 1.0)
    return float(power[k]) * (1.0 - part) + float(power[k + 1]) * part


@kernel
def _lines(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom,
    lines: Candidates,
) -> None:  # fmt: skip
    """Every window's basins, each with its cues; those of the longest split into what is one line and the pair."""
    found, rows, moment_rows = room.found, state.power.shape[1], state.moment.shape[1]
    last = tables.ahead.size - 1
    most = np.float32(0)
    for w in range(last + 1):
        most = max(most, state.loudest[s, w, _row(frame, tables.ahead[w], rows)])
    place_floor = PLACE_FLOOR * float(most) + float(SILENCE)
    count = 0
    for w in range(1, last + 1):
        a, b = first[w], first[w + 1]
        lag = tables.ahead[w]
        P, G = state.power[s, _row(frame, lag, rows), a:b], state.moment[s, _row(frame, lag, moment_rows), a:b]
        kept = find_basins(P, G, basins.top_hz[w], room.edge, found)
        for i in range(kept):
            line = found.order[i]
            if found.energy[line] < FAINTEST_SHARE * most or count >= lines.hz.size:
                continue
            _describe_line(first, basins, tables, frame, state, s, w, i, kept, P, G, room, most, place_floor, count,
                           lines)  # fmt: skip
            energy = found.energy[line]
            count += 1
            if w == last and energy > FAINTEST_PAIR * most:
                count = _split(
                    frame, state, s, room, line, P, APART_BINS * tables.resolution_hz[w], lines, count, energy
                )
    lines.count[0] = count


@kernel
def _describe_line(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, state: CueState, s: int, w: int, i: int,
    kept: int, P: Floats, G: Floats, room: CueRoom, most: np.float32, place_floor: float, c: int, lines: Candidates,
) -> None:  # fmt: skip
    """The cues of one basin's line, written as candidate c."""
    found, rows = room.found, state.power.shape[1]
    windows, bands = tables.ahead.size, tables.band_hz.size
    line = found.order[i]
    hz, energy, peak = found.hz[line], found.energy[line], found.peak[line]
    log_energy = math.log(energy)
    variance = 0.0
    for k in range(found.first[line], found.past[line]):
        off = G[k] - P[k] * hz
        variance += off * off / P[k] if P[k] > 0 else 0.0
    bin_hz = tables.resolution_hz[w]
    concentration = P[peak] * basins.per_share[w] / energy
    spread = min(math.sqrt(variance / energy) / bin_hz, float(WIDEST))
    lines.hz[c], lines.energy[c], lines.window[c] = hz, energy, w - 1
    x = lines.cues[c]
    x[:] = 0.0
    x[w - 1] = 1.0
    p = windows
    octaves = min(max(4.0 * math.log2(hz / tables.band_hz[0]), 0.0), bands - 1.001)
    b = int(octaves)
    part = octaves - b
    level = state.log_level[s, w, _row(frame, tables.ahead[w], rows)]
    x[p] = (log_energy - math.log(most + SILENCE)) / 4.0
    x[p + 1] = max(log_energy - (1 - part) * level[b] - part * level[b + 1], -10.0) / 3.0
    x[p + 2], x[p + 3] = concentration, spread
    p += 4
    for side in range(2):
        j = i - 1 if side == 0 else i + 1
        x[p + side], x[p + 2 + side] = NEIGHBOR_BINS / 4.0, -CLIP / 4.0
        if 0 <= j < kept:
            other = found.order[j]
            x[p + side] = min(abs(found.hz[other] - hz) / bin_hz, NEIGHBOR_BINS) / 4.0
            x[p + 2 + side] = _clipped(math.log(found.energy[other]) - log_energy, CLIP) / np.float32(4.0)
    p += 4
    row = _row(frame, tables.ahead[w], rows)
    own = math.log(_at(P, hz / tables.spacing_hz[w]) + place_floor)
    for v in range(windows):
        if hz < basins.top_hz[v] and v != w:
            row = _row(frame, tables.ahead[v], rows)
            there = _at(state.power[s, row, first[v] : first[v + 1]], hz / tables.spacing_hz[v])
            x[p] = _clipped(math.log(there + place_floor) - own, 10.0) / np.float32(2.0)
        p += 1
    for v in (w, 1):
        for o in tables.line_offset:
            if o <= tables.ahead[v]:
                row = _row(frame, tables.ahead[v] - o, rows)
                there = _at(state.power[s, row, first[v] : first[v + 1]], hz / tables.spacing_hz[v])
                x[p] = _clipped(math.log(there + place_floor) - own, 10.0) / np.float32(2.0)
            p += 1
    x[p + 2] = math.log(hz / 700.0)
    for near in range(max(b - 1, 0), min(b + 3, bands)):
        weight = np.float32(energy * math.exp(-((near - octaves) ** 2) / BLUR))
        of = room.purity[w, near]
        of[0] += weight
        of[1] += weight * np.float32(concentration)
        of[2] += weight * np.float32(spread)
        of[3] += weight * np.float32(weight)


@kernel
def _split(
    frame: int, state: CueState, s: int, room: CueRoom, line: int, P: Floats, apart_hz: float, lines: Candidates,
    count: int, energy: float,
) -> int:  # fmt: skip
    """Give the pair its share of the last candidate, as far as it is trusted over the peak; returns the new count."""
    found, mean_trust = room.found, room.mean_trust
    trusted, energy_here = np.float32(0), np.float32(0)
    for k in range(found.first[line], found.past[line]):
        trusted += P[k] * mean_trust[k]
        energy_here += P[k]
    trust = min(trusted / energy_here, np.float32(1))
    one = count - 1
    cues = lines.cues[one]
    trust_at = cues.size - 3
    cues[trust_at] = trust
    if trust < LEAST_TRUST:
        return count
    claims = _claims(state, s, (frame + 1) % state.pair_hz.shape[1], found, line, room)
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
            x = lines.cues[count]
            x[:] = cues
            x[lines.window[one]], x[lines.window[one] + 1] = 0.0, 1.0
            x[trust_at + 1] = max(math.log(part / energy), -CLIP) / 3.0
            count += 1
    lines.energy[one] *= np.float32(1) - trust
    cues[trust_at + 1] = max(math.log(max(np.float32(1) - trust, np.float32(1e-9))), -CLIP) / 3.0
    return count


@kernel
def _claims(state: CueState, s: int, row: int, found: Found, line: int, room: CueRoom) -> int:
    """What the channels of a peak say of their two tones, by frequency; returns how many there are."""
    claims = 0
    for k in range(found.first[line], found.past[line]):
        for e in range(2):
            hz, energy = state.pair_hz[s, row, e, k], state.pair_energy[s, row, e, k]
            if energy > 0 and hz > 0 and claims < room.claim_hz.size:
                j = claims
                while j > 0 and room.claim_hz[j - 1] > hz:
                    room.claim_hz[j], room.claim_energy[j] = room.claim_hz[j - 1], room.claim_energy[j - 1]
                    j -= 1
                room.claim_hz[j], room.claim_energy[j] = hz, energy
                claims += 1
    return claims


@kernel
def _band_cues(
    first: Integers, tables: CueTables, frame: int, state: CueState, s: int, room: CueRoom, bands: BandCues
) -> None:
    """Levels at other moments and in other windows, and how pure the bands are."""
    windows, rows = tables.ahead.size, state.power.shape[1]
    reference = windows - 2
    own = state.log_level[s, reference, _row(frame, tables.ahead[reference], rows)]
    loudest = math.log(state.loudest[s, reference, _row(frame, tables.ahead[reference], rows)] + SILENCE)
    p = 0
    for w in range(windows):
        for o in tables.offset:
            if o <= tables.ahead[w]:
                level = state.log_level[s, w, _row(frame, tables.ahead[w] - o, rows)]
                for b in range(own.size):
                    bands.cues[b, p] = _clipped(level[b] - own[b], CLIP) / np.float32(2.0)
                p += 1
    for q in range(tables.short.size):
        _correct(tables, frame, state, s, q, bands.correction)
        for b in range(own.size):
            bands.cues[b, p] = bands.correction[b, q] / np.float32(2.0)
        p += 1
    pure = p + windows - 1
    for w in range(1, windows):
        level = state.log_level[s, w, _row(frame, tables.ahead[w], rows)]
        for b in range(own.size):
            bands.cues[b, p] = np.float32(min(max(level[b] - loudest, -14.0), 1.0)) / np.float32(4.0)
            total = max(room.purity[w, b, 0], np.float32(1e-20))
            of = pure + 3 * (w - 1)
            bands.cues[b, of] = room.purity[w, b, 1] / total
            bands.cues[b, of + 1] = room.purity[w, b, 2] / total
            bands.cues[b, of + 2] = min(room.purity[w, b, 3] / (total * total), np.float32(1))
        p += 1
    p += 3 * (windows - 1)
    _band_trust(first, tables, frame, state, s, room.mean_trust, p, bands.cues)
    p += 2
    for b in range(own.size):
        bands.cues[b, p] = math.log(tables.band_hz[b] / 700.0)
        for w in range(2, windows):
            top_hz = (first[w + 1] - first[w] - 1) * tables.spacing_hz[w]
            bands.cues[b, p + w - 1] = 1.0 if tables.band_hz[b] > top_hz else 0.0


@kernel
def _correct(tables: CueTables, frame: int, state: CueState, s: int, q: int, correction: Floats) -> None:
    """ln of a band's level in a short window over the same smeared as a long window smears it."""
    a = tables.short[q]
    rows = state.power.shape[1]
    half = tables.smear.shape[1] // 2
    row = _row(frame, tables.ahead[a], rows)
    floor = math.sqrt(BAND_FLOOR * state.loudest[s, a, row] + float(SILENCE))
    for b in range(correction.shape[0]):
        correction[b, q] = 0.0
    for i in range(tables.smear.shape[1]):
        o = i - half
        tap = tables.smear[q, i]
        if tap > 0:
            root = state.root[s, a, _row(frame, tables.ahead[a] - o, rows)]
            for b in range(correction.shape[0]):
                correction[b, q] += tap * root[b]
    here = state.root[s, a, row]
    for b in range(correction.shape[0]):
        ratio = (here[b] + floor) / (correction[b, q] + floor)
        correction[b, q] = _clipped(2.0 * math.log(ratio), 5.0)


@kernel
def _band_trust(
    first: Integers, tables: CueTables, frame: int, state: CueState, s: int, mean_trust: Floats, p: int, cues: Floats
) -> None:
    """Trust of the longest window's pairs, averaged over the bands: plainly, and by energy."""
    w = tables.ahead.size - 1
    P = state.power[s, _row(frame, tables.ahead[w], state.power.shape[1]), first[w] : first[w + 1]]
    for b in range(cues.shape[0]):
        a, stop = tables.first_weight[w, b], tables.first_weight[w, b + 1]
        k = tables.first_band_channel[w, b]
        plain, weights, energy, trusted = np.float32(0), np.float32(1e-9), np.float32(1e-20), np.float32(0)
        for i in range(stop - a):
            weight, trust = tables.weight[a + i], mean_trust[k + i]
            plain += weight * trust
            weights += weight
            energy += weight * P[k + i]
            trusted += weight * P[k + i] * trust
        cues[b, p] = plain / weights
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
                        lines.count[n, s], lines.hz[n, s], lines.energy[n, s], lines.window[n, s], lines.cues[n, s]
                    ),
                    BandCues(bands.cues[n, s], bands.correction[n, s]),
                )  # fmt: skip
                n += 1
