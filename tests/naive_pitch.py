"""What the pitch layer's kernels must agree with: slow and obvious loops, one stream, one frame at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

REACH = 2.5
"""Widths of a tooth at which it ends."""


@dataclass
class Settings:
    """Numbers of a preset's pitch section, in its own units."""

    low_hz: float
    high_hz: float
    per_octave: int
    harmonics: int
    rolloff: float
    tolerance_cents: float
    compression: float
    floor: float
    iterations: int
    rate: float
    epsilon: float
    onset: float
    offset: float
    hidden: float
    glide_cents: float
    level_decay: float
    """What is left of a level after a step."""

    noise_rise: float
    """What of its rise the lasting noise follows in a step."""

    held_hz: float
    """Lowest frequency that the frames hold."""

    highest_hz: float = 12_600.0
    """Harmonics above are not missed."""

    most_partials: int = 160
    lowest_hz: float = 27.5 * 2 ** (-1 / 6)
    """Where pitches begin that compete."""


@dataclass
class Voices:
    """The places of voices."""

    f0: list[float]
    last_f0: list[float]
    strength: list[float]
    clear: list[float] = field(default_factory=list)
    hidden: list[bool] = field(default_factory=list)
    """Those whose partials others explain."""


def claim(partial_hz: float, pitch_hz: float, s: Settings) -> float:
    """w = h^−α exp(−½ (Δ/σ)²), Δ the partial's distance from the nearest harmonic h; nothing beyond the last."""
    h = max(1, round(partial_hz / pitch_hz))
    widths = 1200 * math.log2(partial_hz / (h * pitch_hz)) / s.tolerance_cents
    return h**-s.rolloff * math.exp(-0.5 * widths**2) if h <= s.harmonics and abs(widths) <= REACH else 0.0


def pitch_hz(j: int, s: Settings) -> float:
    return s.lowest_hz * 2 ** (j / s.per_octave)


def partials(
    amplitude: Sequence[float], hz: Sequence[float], noise: Sequence[float], level: float, s: Settings
) -> list[tuple[float, float, float]]:
    """(compressed amplitude, that of the noise there, Hz) of the partials above the floor, which rises for too many."""
    floor = s.floor * level
    while sum(a > floor and f > 0 for a, f in zip(amplitude, hz, strict=True)) > s.most_partials:
        floor *= 1.25
    found = []
    for a, f, power in zip(amplitude, hz, noise, strict=True):
        if a > floor and f > 0:
            found.append(((a / level) ** s.compression, (math.sqrt(power) / level) ** s.compression, f))
    return found


def compete(heard: Sequence[tuple[float, float, float]], activity: Sequence[float], s: Settings) -> list[float]:
    """A step of the layer: a_j ← a_j (Σ_i w_ij y_i / (ε + Σ_k w_ik a_k) / Σ_h h^−α)^rate, so many times."""
    a, teeth = list(activity), range(1, s.harmonics + 1)
    pitches = [pitch_hz(j, s) for j in range(len(a))]
    # Harmonics that the frames cannot hold, or far above, are not missed.
    whole = [sum(h**-s.rolloff for h in teeth if s.held_hz <= h * f0 <= s.highest_hz) for f0 in pitches]
    near = []
    for _, _, hz in heard:
        row = [(j, claim(hz, f0, s)) for j, f0 in enumerate(pitches)]
        near.append([(j, w) for j, w in row if w > 0])
    for _ in range(s.iterations):
        support = [0.0] * len(a)
        for (y, _, _), row in zip(heard, near, strict=True):
            told = sum(w * a[j] for j, w in row)
            for j, w in row:
                support[j] += w * y / (s.epsilon + told)
        a = [max(a[j] * (support[j] / whole[j] + 1e-4) ** s.rate, 1e-4) for j in range(len(a))]
    return a


def middle_of(history: Sequence[Sequence[float]]) -> list[float]:
    """Median over the steps of what a unit and its two neighbours hold together; at the ends the unit is its own."""
    last, out = len(history[0]) - 1, []
    for j in range(last + 1):
        values = sorted(a[max(j - 1, 0)] + a[j] + a[min(j + 1, last)] for a in history)
        out.append(values[len(values) // 2])
    return out


def gliding(history: Sequence[Sequence[float]], step: int, f0: Sequence[float], s: Settings) -> list[float]:
    """The same, or the largest median along a glide that leads through where a voice was, wherever it may have gone.

    f0: of voices that others do not explain.
    """
    width, last, out = len(history), len(history[0]) - 1, middle_of(history)

    def held(steps_ago: int, unit: int) -> float:
        row = history[(step - steps_ago) % width]
        return sum(row[min(max(unit + beside, 0), last)] for beside in (-1, 0, 1))

    for hz in f0:
        before = round(s.per_octave * math.log2(hz / s.lowest_hz)) if hz > 0 else math.inf
        reach = int(s.glide_cents / 1200 * s.per_octave)
        for j in range(last + 1) if hz > 0 else ():
            for slope in range(-reach, reach + 1):
                if abs(j - before - slope) <= 1:
                    path = sorted(held(ago, j + slope * (width // 2 - ago)) for ago in range(width))
                    out[j] = max(out[j], path[width // 2])
    return out


def follow(
    activity: Sequence[float], steady: Sequence[float], strongest: float, voices: Voices, s: Settings
) -> None:  # fmt: skip
    """The strongest peaks, each to the voice that it continues, or to a free place if a steady one may begin there."""
    peaks = []
    for j, own in enumerate(activity):
        rivals = [(activity[i], -i) for i in range(max(0, j - 3), min(len(activity), j + 4))]
        if own > 0 and max(rivals) == (own, -j):
            peaks.append(j)
    peaks.sort(key=lambda j: -activity[j])
    before, taken = list(voices.f0), set()

    def cents(place_hz: float, hz: float) -> float:
        return abs(1200 * math.log2(place_hz / hz))

    for j in peaks[: len(before)]:
        if activity[j] < s.offset * s.onset * strongest:
            break
        hz = pitch_hz(j, s)
        here = [v for v in range(len(before)) if before[v] > 0 and v not in taken]
        here = [v for v in here if cents(before[v], hz) <= s.glide_cents]
        if here:
            place = min(here, key=lambda v: cents(before[v], hz))
        elif steady[j] >= s.onset * strongest:
            free = [v for v in range(len(before)) if (before[v] == 0 or voices.hidden[v]) and v not in taken]
            if not free:
                continue
            # A place never used stands half an octave away.
            place = min(free, key=lambda v: cents(voices.last_f0[v], hz) if voices.last_f0[v] > 0 else 600.0)
        else:
            continue
        taken.add(place)
        voices.f0[place] = voices.last_f0[place] = hz
        voices.strength[place] = activity[j]
    for v in range(len(before)):
        voices.hidden[v] = False
        if v not in taken:
            voices.f0[v] = voices.strength[v] = 0.0


def follow_hidden(
    heard: Sequence[tuple[float, float, float]], strongest: float, before: Sequence[float], voices: Voices, s: Settings
) -> None:  # fmt: skip
    """Pitches at partials, the strongest first by the comb that fits best, take the places that are left.

    A pitch that stood in a free place before keeps it; another one takes the free place whose last pitch was nearest.
    """
    least, whole = s.hidden * strongest, sum(h ** (-2 * s.rolloff) for h in range(1, s.harmonics + 1))
    found = []
    for y, _, hz in heard:
        if y >= least and s.low_hz * 2 ** (-0.5 / 12) <= hz <= s.high_hz * 2 ** (0.5 / 12):
            found.append((sum(claim(other, hz, s) * level for level, _, other in heard) / whole, hz))

    def cents(place_hz: float, hz: float) -> float:
        return abs(1200 * math.log2(place_hz / hz))

    for alone, hz in sorted(found, key=lambda each: -each[0]):
        free = [v for v in range(len(before)) if voices.f0[v] == 0]
        if alone < least or not free or s.hidden >= 1:
            break
        if any(f0 > 0 and cents(f0, hz) < s.glide_cents for f0 in voices.f0):
            continue
        here = [v for v in free if before[v] > 0 and cents(before[v], hz) <= s.glide_cents]
        last = {v: cents(voices.last_f0[v], hz) if voices.last_f0[v] > 0 else 600.0 for v in free}
        place = min(here, key=lambda v: cents(before[v], hz)) if here else min(free, key=lambda v: last[v])
        voices.f0[place] = voices.last_f0[place] = hz
        voices.strength[place], voices.hidden[place] = alone, True


def told_of(hz: float, v: int, voices: Voices, f0: Sequence[float], s: Settings) -> float:
    """What is expected of a partial where voice v has its part: by all that nobody explains, and by v itself."""
    there = [u for u in range(len(f0)) if f0[u] > 0 and (u == v or not voices.hidden[u])]
    return 1e-6 + sum(claim(hz, f0[u], s) * voices.strength[u] for u in there)


def refine(heard: Sequence[tuple[float, float, float]], voices: Voices, s: Settings) -> None:
    """Each voice to the mean of what its partials say, by its share of them; and how far they rise above the noise."""
    places = [v for v in range(len(voices.f0)) if voices.f0[v] > 0]
    begun = list(voices.f0)
    for v in range(len(begun)):
        said = weights = drowned = 0.0
        for y, noise_y, hz in heard if v in places else []:
            own = claim(hz, begun[v], s)
            share = own * voices.strength[v] / told_of(hz, v, voices, begun, s)
            if own > 0:
                said += own * share * y * math.log2(hz / (round(hz / begun[v]) * begun[v]))
                weights += own * share * y
                drowned += own * share * noise_y
        if weights > 0:
            voices.f0[v] = begun[v] * 2 ** (said / weights)
        now = weights / (drowned + 1e-9)
        clear = now if voices.clear[v] == 0 else 0.7 * voices.clear[v] + 0.3 * now
        voices.clear[v] = clear if begun[v] > 0 else 0.0


def evidence(
    heard: Sequence[tuple[float, float, float]], voices: Voices, age: Sequence[int], strongest: float,
    history: Sequence[Sequence[float]], step: int, s: Settings,
) -> list[list[float]]:  # fmt: skip
    """The 37 numbers that tell of each voice, in the order of the readout's inputs."""
    places = [v for v in range(len(voices.f0)) if voices.f0[v] > 0]
    plain = [v for v in places if not voices.hidden[v]]
    count, loudest = len(plain), max([1e-4, *(voices.strength[v] for v in plain)])
    total = sum(y for y, _, _ in heard)
    unexplained = sum(max(y - told_of(hz, -1, voices, voices.f0, s), 0.0) for y, _, hz in heard)
    level = [[level_at(h, f0, heard, s) if f0 > 0 else 0.0 for h in range(s.harmonics + 1)] for f0 in voices.f0]
    out = []
    for v in range(len(voices.f0)):
        if v not in places:
            out.append([0.0] * 37)
            continue
        f0, strength = voices.f0[v], max(voices.strength[v], 1e-4)
        own, kept, whole, spread, halves, thirds = [0.0] * (s.harmonics + 1), 0.0, 0.0, 0.0, 0.0, 0.0
        for y, _, hz in heard:
            w = claim(hz, f0, s)
            if w > 0:
                h = max(1, round(hz / f0))
                share = w * voices.strength[v] / told_of(hz, v, voices, voices.f0, s) * y
                own[h] += share
                kept, whole = kept + w * share, whole + w * y
                spread += w * share * (1200 * math.log2(hz / (h * f0)) / s.tolerance_cents) ** 2
            elif hz / f0 < 6:
                halves, thirds = halves + y * part_of(hz / f0, 2, s), thirds + y * part_of(hz / f0, 3, s)
        ratio = [min(own[h] / (h**-s.rolloff * strength), 3.0) for h in range(1, s.harmonics + 1)]
        first = max(sum(own[1:7]), 1e-4)
        rival = [beside(v, times, voices) for times in (0.5, 2.0, 1 / 3, 3.0)]
        j = min(max(round(math.log2(voices.last_f0[v] / s.lowest_hz) * s.per_octave), 0), len(history[0]) - 1)
        three = [a[max(j - 1, 0)] + a[j] + a[min(j + 1, len(a) - 1)] for a in history]
        past = [math.log((a + 1e-4) / strength) for a in three]
        out.append(
            [math.log(strength / strongest), math.log(strength), math.log(max(voices.clear[v], 0.01)), *ratio[:6],
             sum(ratio[6:]) / max(1, s.harmonics - 6), kept / max(whole, 1e-4), math.sqrt(spread / max(kept, 1e-4)),
             math.log2(f0 / 220), min(age[v], 40) / 40, math.log(loudest / strength), *rival, count / len(voices.f0),
             unexplained / max(total, 1e-4), len(heard) / s.most_partials, past[step % len(past)],
             past[(step + 1) % len(past)], min(past), min(halves / first, 3.0), min(thirds / first, 3.0),
             math.log(1 + total), float(voices.hidden[v]), beside(v, 2 / 3, voices), beside(v, 1.5, voices),
             *standing_out(v, level, voices)]
        )  # fmt: skip
    return out


def level_at(h: int, f0: float, heard: Sequence[tuple[float, float, float]], s: Settings) -> float:
    """Level of the harmonic, of the partials near it the largest by how near they are."""
    near = [y * claim(hz, f0, s) * h**s.rolloff for y, _, hz in heard if h and max(1, round(hz / f0)) == h]
    return max([0.0, *near])


def standing_out(v: int, level: Sequence[Sequence[float]], voices: Voices) -> list[float]:
    """Of the strongest voice whose k-th harmonic is v: k / 12, its share of both, and how v's harmonics stand out."""
    last, below = len(level[0]) - 1, []
    for u, hz in enumerate(voices.f0):
        if hz > 0 and not voices.hidden[u]:
            k = round(voices.f0[v] / hz)
            if 1 < k <= last and abs(math.log2(voices.f0[v] / (k * hz))) < 0.05:
                below.append((voices.strength[u], -u, k))
    if not below:
        return [0.0, 0.0, *(level[v][h] / (level[v][h] + 1e-4) for h in range(1, 5))]
    strength, u, k = max(below)
    out = [k / last, strength / (strength + voices.strength[v] + 1e-4)]
    for h in range(1, 5):
        m = k * h
        if m > last:
            out.append(0.0)
            continue
        beside_it = (level[-u][m - 1] + level[-u][m + 1 if m < last else m - 1]) / 2
        out.append((level[v][h] - beside_it) / (level[v][h] + beside_it + 1e-4))
    return out


def part_of(place: float, parts: int, s: Settings) -> float:
    """1 where a partial stands at a multiple of 1/parts that is no whole number, within two widths of a tooth."""
    k = round(place * parts)
    return float(k >= 1 and k % parts > 0 and abs(1200 * math.log2(place * parts / k)) <= 2 * s.tolerance_cents)


def beside(v: int, times: float, voices: Voices) -> float:
    """b / (b + a + 1e-4), a the strength of the voice, b that of the strongest within 60 cents of so many times it."""
    rivals = [
        strength
        for f0, strength, hidden in zip(voices.f0, voices.strength, voices.hidden, strict=True)
        if f0 > 0 and not hidden and abs(math.log2(f0 / (times * voices.f0[v]))) < 0.05
    ]
    rival = max([0.0, *rivals])
    return rival / (rival + voices.strength[v] + 1e-4)


def belief(inputs: Sequence[float], layers: Sequence[Sequence[Sequence[float]]]) -> float:
    """Two layers of rectified units and one of a single unit, squashed; a row's last weight is its bias."""
    values = list(inputs)
    for n, rows in enumerate(layers):
        values = [sum(w * x for w, x in zip(row, [*values, 1.0], strict=True)) for row in rows]
        values = [max(value, 0.0) for value in values] if n < len(layers) - 1 else values
    return 1 / (1 + math.exp(-values[0]))


def shares(
    hz: Sequence[float], amplitude: Sequence[float], f0: Sequence[float], strength: Sequence[float], s: Settings
) -> list[list[float]]:
    """s_vi = e_vi / (ε' + Σ_u e_ui) with e_vi = (w_vi a_v)^(1/compression); ε' is what 0.005 is the compressed of."""
    out = [[0.0] * len(hz) for _ in f0]
    for i in range(len(hz)):
        if amplitude[i] > 0:
            e = [
                (claim(hz[i], f, s) * a) ** (1 / s.compression) if f > 0 else 0.0
                for f, a in zip(f0, strength, strict=True)
            ]
            for v in range(len(f0)):
                out[v][i] = e[v] / (0.005 ** (1 / s.compression) + sum(e))
    return out
