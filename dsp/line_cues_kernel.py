"""Inner loops of `Cues`: lines and pairs as candidates, and what speaks for each. No validation here."""

import math

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers, ShortIntegers, kernel
from sharpear.compiler.elementary import exp, ln

from .basins_kernel import BasinTables, Found, find_basins, spread_of
from .cue_arrays import CLIP, MIDDLE_HZ, SILENCE, Candidates, CueRoom, CueState, CueTables, clipped, row_of

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

NEIGHBOR_BINS = np.float32(8.0)
"""A neighbouring line this many bins of 1/N away, or farther, is out of the window's reach."""

WIDEST = np.float32(3.0)
"""Spread of a line, in bins, up to which it is told: wider than a window's main lobe there is no line."""

BLUR = np.float32(0.6)
"""Twice the variance, in bands², of the Gaussian by which a line counts in the bands around it."""

BANDS_A_LN = np.float32(4 / math.log(2))
"""Bands, of which four are an octave, for each step of 1 of ln of frequency."""

LN_MIDDLE = np.float32(math.log(MIDDLE_HZ))

FAR = np.float32(1e30)
"""Hz, to where no line is; minus that, ln of the energy of none."""

FARTHEST_LEVEL = np.float32(10.0)
"""Levels of other moments and windows at a line's place are told up to e^±10."""

BELOW_LAST = 1.001
"""Bands by which places stay below the number of them: the last one is above all lines."""

NO_POWER, NO_REST = np.float32(1e-30), np.float32(1e-9)
"""Stand for the power of channels, and for the rest of a peak, where there is none."""


@kernel(apart=True)
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
        begin = count
        count = _take(find_basins(P, G, basins.top_hz[w], room.edge, room.found), w - 1, most, begin, room, lines)
        level = state.log_level[s, w, row_of(frame, lag, rows)]
        _own_cues(w, begin, count, P, basins.per_share[w], most, level, tables, room, lines)
        _place_cues(first, basins, tables, frame, state.power[s], w, begin, count, most, room, lines)
        if w == last:
            count = _pairs(frame, state, s, room, P, tables, most, lines, begin, count)
    lines.number[0] = count


@kernel
def _take(kept: int, window: int, most: np.float32, begin: int, room: CueRoom, lines: Candidates) -> int:
    """The lines of one window that are worth a judgement; returns how many candidates there are now."""
    found, hz, log = room.found, room.beside_hz, room.beside_log
    count = begin
    for i in range(kept):
        line = found.order[i]
        hz[i + 1], log[i + 1] = found.hz[line], found.energy[line]
        lines.hz[count], lines.energy[count], lines.window[count] = hz[i + 1], log[i + 1], window
        room.kept[count], room.at[count] = line, i + 1
        count += found.energy[line] >= FAINTEST_SHARE * most  # else the next one is written over it
    for i in range(1, kept + 1):
        log[i] = ln(log[i])
    hz[0], log[0], hz[kept + 1], log[kept + 1] = -FAR, -FAR, FAR, -FAR
    return int(count)


@kernel(apart=True)
def _own_cues(
    w: int, begin: int, end: int, P: Floats, per_share: float, most: np.float32, level: Floats,
    tables: CueTables, room: CueRoom, lines: Candidates,
) -> None:  # fmt: skip
    """What one window says of its lines alone; their other cues are zeros."""
    x, at, p = lines.cues, room.at[begin:end], tables.ahead.size
    energy, place, bin_hz = lines.energy[begin:end], lines.place[begin:end], np.float32(tables.resolution_hz[w])
    for row in range(x.shape[0]):
        x[row, begin:end] = 0.0
    x[w - 1, begin:end] = 1.0
    _stand(lines.hz[begin:end], tables.band_hz, place, x[x.shape[0] - 1, begin:end])
    _stand_out(at, room.beside_log, place, level, ln(most + SILENCE), x[p, begin:end], x[p + 1, begin:end])
    _spread(P, per_share, bin_hz, room.kept[begin:end], room.found, x[p + 2, begin:end], x[p + 3, begin:end])
    for side in range(2):
        _neighbor(
            at, 2 * side - 1, room.beside_hz, room.beside_log, bin_hz, x[p + 4 + side, begin:end],
            x[p + 6 + side, begin:end],
        )  # fmt: skip
    _purity(energy, place, x[p + 2, begin:end], x[p + 3, begin:end], room.weight, room.purity[w])


@kernel
def _stand(hz: Floats, band_hz: Doubles, place: Floats, log_hz: Floats) -> None:
    """Places on the axis of bands, and ln of frequencies over that of the middle."""
    log_lowest = ln(np.float32(band_hz[0]))
    for c in range(hz.size):
        log_hz[c] = ln(hz[c])
    for c in range(hz.size):
        place[c] = place_of(log_hz[c] - log_lowest, band_hz.size)
        log_hz[c] -= LN_MIDDLE


@kernel(inline=True)
def place_of(octaves: np.float32, bands: int) -> np.float32:
    """On the axis of bands, between the lowest and the highest."""
    return min(max(BANDS_A_LN * octaves, np.float32(0)), np.float32(bands - BELOW_LAST))


@kernel
def _stand_out(
    at: Integers, log: Floats, place: Floats, level: Floats, log_most: np.float32, share: Floats, over: Floats
) -> None:
    """Lines' levels against the loudest band's, and against the bands' around them."""
    for c in range(at.size):
        b = np.int32(place[c])
        part = place[c] - np.float32(b)
        share[c], over[c] = log[at[c]], (np.float32(1) - part) * level[b] + part * level[b + 1]
    for c in range(at.size):
        over[c] = max(share[c] - over[c], -FARTHEST_LEVEL) / np.float32(3)
        share[c] = (share[c] - log_most) / np.float32(4)


@kernel
def _spread(
    P: Floats, per_share: float, bin_hz: np.float32, kept: Integers, found: Found, concentration: Floats,
    spread: Floats,
) -> None:  # fmt: skip
    """How much of each basin is its peak, and over how many bins its frequencies are spread."""
    for c in range(kept.size):
        line = kept[c]
        concentration[c] = P[found.peak[line]] * per_share / found.energy[line]
        spread[c] = min(np.float32(spread_of(found, line)) / bin_hz, WIDEST)


@kernel
def _neighbor(
    at: Integers, step: int, hz: Floats, log: Floats, bin_hz: np.float32, distance: Floats, ratio: Floats
) -> None:
    """How far the next line below or above is, and how strong."""
    for c in range(at.size):
        here, other = at[c], at[c] + step
        distance[c], ratio[c] = hz[other] - hz[here], log[other] - log[here]
    for c in range(at.size):
        distance[c] = min(abs(distance[c]) / bin_hz, NEIGHBOR_BINS) / np.float32(4)
        ratio[c] = clipped(ratio[c], np.float32(CLIP)) / np.float32(4)


@kernel
def _purity(
    energy: Floats, place: Floats, concentration: Floats, spread: Floats, weight: Floats, purity: Floats
) -> None:
    """Add lines to the bands around them; row b + 1 is of band b."""
    for near in range(4):
        row, of_band = weight[near], np.float32(near - 1)
        for c in range(energy.size):
            off = of_band + np.float32(np.int32(place[c])) - place[c]
            row[c] = energy[c] * exp(-off * off / BLUR)
    for c in range(energy.size):
        b = int(place[c])
        for near in range(4):
            part = weight[near, c]
            purity[b + near, 0] += part
            purity[b + near, 1] += part * concentration[c]
            purity[b + near, 2] += part * spread[c]
            purity[b + near, 3] += part * part


@kernel(apart=True)
def _place_cues(
    first: Integers, basins: BasinTables, tables: CueTables, frame: int, power: Floats, w: int, begin: int, end: int,
    most: np.float32, room: CueRoom, lines: Candidates,
) -> None:  # fmt: skip
    """What the windows have where a line is, now and, its own and the shortest with lines, before and after."""
    windows, offsets, rows = tables.ahead.size, tables.line_offset.size, power.shape[0]
    hz, x, floor = lines.hz[begin:end], lines.cues, np.float32(PLACE_FLOOR) * most + SILENCE
    for turn in range(windows):
        v = w if turn == 0 else turn - (turn <= w)  # its own one first: the others are compared with it
        a, b, ahead = first[v], first[v + 1], tables.ahead[v]
        now = power[row_of(frame, ahead, rows), a:b]
        _find_channels(hz, tables.spacing_hz[v], b - a, room.channel, room.part)
        if v == w:
            _levels(now, room.channel, room.part, floor, room.own[: end - begin])
        else:
            past = begin + _number_below(hz, basins.top_hz[v])
            _compare(now, room.channel, room.part, floor, room.own, x[windows + 8 + v, begin:past])
        for part in range(2):
            if v != (w if part == 0 else 1):
                continue
            for o in range(offsets):
                lag = ahead - tables.line_offset[o]
                if lag >= 0:
                    then = power[row_of(frame, lag, rows), a:b]
                    row = 2 * windows + 8 + part * offsets + o
                    _compare(then, room.channel, room.part, floor, room.own, x[row, begin:end])


@kernel
def _number_below(hz: Floats, top_hz: float) -> int:
    """How many of these ascending frequencies are below."""
    count = hz.size
    while count > 0 and hz[count - 1] >= top_hz:
        count -= 1
    return count


@kernel
def _find_channels(hz: Floats, spacing_hz: float, channels: int, channel: ShortIntegers, part: Floats) -> None:
    """The channel below each frequency, and how far it stands on the way to the next."""
    last = np.int32(channels - 2)
    for c in range(hz.size):
        place = np.float64(hz[c]) / spacing_hz  # power may rise steeply from one to the next
        k = min(np.int32(place), last)
        channel[c], part[c] = k, min(place - k, 1.0)


@kernel
def _levels(P: Floats, channel: ShortIntegers, part: Floats, floor: np.float32, level: Floats) -> None:
    """Logarithm of the power between two channels, linearly, and of the floor."""
    for c in range(level.size):  # what is gathered is gathered alone, so that what follows runs in lanes
        k, above = np.uint32(channel[c]), part[c]
        level[c] = P[k] * (np.float32(1) - above) + P[np.uint32(k + np.uint32(1))] * above
    for c in range(level.size):
        level[c] = ln(level[c] + floor)


@kernel
def _compare(P: Floats, channel: ShortIntegers, part: Floats, floor: np.float32, own: Floats, told: Floats) -> None:
    """The same of another window or moment, over the line's own."""
    _levels(P, channel, part, floor, told)
    for c in range(told.size):
        told[c] = clipped(told[c] - own[c], FARTHEST_LEVEL) / np.float32(2)


@kernel
def _pairs(
    frame: int, state: CueState, s: int, room: CueRoom, P: Floats, tables: CueTables, most: np.float32,
    lines: Candidates, begin: int, end: int,
) -> int:  # fmt: skip
    """Give the pairs of the longest window's peaks their share of these candidates; returns the new count."""
    row, trust_at, found = (frame + 1) % state.pair_hz.shape[1], lines.cues.shape[0] - 3, room.found
    pair_hz, pair_energy = state.pair_hz[s, row], state.pair_energy[s, row]
    count, apart_hz = end, APART_BINS * tables.resolution_hz[-1]
    for c in range(begin, end):
        line, energy = room.kept[c], lines.energy[c]
        if energy <= FAINTEST_PAIR * most:
            continue
        trusted, total = np.float32(0), NO_POWER
        for k in range(found.first[line], found.past[line]):
            trusted += P[k] * room.mean_trust[k]
            total += P[k]
        trust = min(trusted / total, np.float32(1))
        lines.cues[trust_at, c] = trust
        if trust >= LEAST_TRUST:
            count = _split(
                found.first[line], found.past[line], pair_hz, pair_energy, room, trust, apart_hz, tables.band_hz, lines,
                c, count,
            )  # fmt: skip
    return count


@kernel
def _split(
    first: int, past: int, pair_hz: Floats, pair_energy: Floats, room: CueRoom, trust: np.float32, apart_hz: float,
    band_hz: Doubles, lines: Candidates, one: int, count: int,
) -> int:  # fmt: skip
    """Two or more candidates of what candidate `one` has, as far as they are trusted; returns the new count."""
    energy, width = lines.energy[one], lines.cues.shape[0]
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
                lines.cues[k, count] = lines.cues[k, one]
            own, octaves = lines.window[one], ln(lines.hz[count]) - ln(np.float32(band_hz[0]))
            lines.place[count] = place_of(octaves, band_hz.size)
            lines.cues[own, count], lines.cues[own + 1, count] = 0.0, 1.0
            lines.cues[width - 2, count] = max(ln(part / energy), np.float32(-CLIP)) / np.float32(3)
            count += 1
    rest = np.float32(1) - trust
    lines.energy[one] = energy * rest
    lines.cues[width - 2, one] = max(ln(max(rest, NO_REST)), np.float32(-CLIP)) / np.float32(3)
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
