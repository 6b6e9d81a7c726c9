"""What the kernels of beliefs must agree with: slow and obvious loops over Python's own numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import naive

OFFSETS = (-24, -16, -8, -4, -2, 0, 2, 4, 8, 12, 16)
LINE_OFFSETS = (-16, -8, -4, 4, 8, 12)
SILENCE = 1e-22


def clip(value: float, most: float) -> float:
    return max(-most, min(value, most))


@dataclass
class Heard:
    """One frame of one stream: power and moment of each window's channels; hz and energy of the longest one's pairs."""

    power: list[list[float]]
    moment: list[list[float]]
    hz: Any
    energy: Any
    trust: list[float]


class Reader:
    """What is read of the moment that the last frame of a history completes.

    spacing_hz, bin_hz, points, length_hops: of each window; pair_hops: by how much the pairs are later than theirs.
    """

    def __init__(
        self,
        history: Sequence[Heard],
        spacing_hz: Sequence[float],
        points: Sequence[int],
        length_hops: Sequence[int],
        latency_hops: int,
        pair_hops: int,
        bands: int,
    ) -> None:
        self.history, self.spacing_hz, self.points, self.length_hops = history, spacing_hz, points, length_hops
        self.bin_hz = [hz * n for hz, n in zip(spacing_hz, points, strict=True)]
        self.windows = range(len(spacing_hz))
        self.ahead = [latency_hops - length // 2 for length in length_hops]
        self.pair_ahead = self.ahead[-1] - pair_hops
        self.band_hz = [60 * 2 ** (b / 4) for b in range(bands)]
        self.top_hz = [(len(P) - 1) * hz for P, hz in zip(history[-1].power, spacing_hz, strict=True)]
        self.weights = [[self.band_of(w, b) for b in range(bands)] for w in self.windows]
        self.known: dict[tuple[int, int], list[float]] = {}
        self.most = max(max(self.bands_of(w, 0)) for w in self.windows)
        recent = [heard.trust for heard in history[-17:]]
        self.trust = [sum(column) / 17 for column in zip(*recent, strict=True)]

    def frame(self, w: int, o: int) -> Heard:
        """The frame whose window w has its middle o hops after the moment."""
        return self.history[len(self.history) - 1 - self.ahead[w] + o]

    def band_of(self, w: int, b: int) -> dict[int, float]:
        """How much channels count in a band that reaches to its neighbours' centres, and 90 Hz at least."""
        center, step = self.band_hz[b], 2**0.25
        low, high = min(center / step, center - 90), max(center * step, center + 90)
        found = {}
        for k in range(len(self.history[-1].power[w])):
            hz = k * self.spacing_hz[w]
            if low < hz < high:
                found[k] = min((hz - low) / (center - low), (high - hz) / (high - center))
        return found

    def bands_of(self, w: int, o: int) -> list[float]:
        """Power of each band."""
        if (w, o) not in self.known:
            power = self.frame(w, o).power[w]
            self.known[w, o] = [sum(weight * power[k] for k, weight in band.items()) for band in self.weights[w]]
        return self.known[w, o]

    def levels(self, w: int, o: int) -> list[float]:
        """ln of the bands' power, and of 70 dB below the loudest."""
        totals = self.bands_of(w, o)
        return [math.log(total + 1e-7 * max(totals) + SILENCE) for total in totals]

    def corrections(self) -> list[list[float]]:
        """Of each pair of windows, each band's ln of power now over what the longer one smears it to."""
        found = []
        for a, w in [(a, w) for a in self.windows for w in self.windows if a < w]:
            half = self.length_hops[-1] // 2
            taps = {o: math.cos(math.pi * clip(o / self.length_hops[w], 0.5)) ** 2 for o in range(-half, half + 1)}
            taps = {o: tap for o, tap in taps.items() if o <= self.ahead[a] and tap > 0}
            rows = {o: [math.sqrt(total) for total in self.bands_of(a, o)] for o in taps}
            floor = math.sqrt(1e-7 * max(self.bands_of(a, 0)) + SILENCE)
            row = []
            for b in range(len(self.band_hz)):
                smeared = sum(tap * rows[o][b] for o, tap in taps.items()) / sum(taps.values())
                row.append(clip(2 * math.log((rows[0][b] + floor) / (smeared + floor)), 5))
            found.append(row)
        return found

    def place(self, hz: float) -> float:
        """On the axis of bands."""
        return min(max(4 * math.log2(hz / self.band_hz[0]), 0.0), len(self.band_hz) - 1.001)

    def at(self, v: int, o: int, hz: float) -> float:
        """ln of the power of window v at a frequency, and of 80 dB below the loudest band."""
        power, place = self.frame(v, o).power[v], hz / self.spacing_hz[v]
        k = min(int(place), len(power) - 2)
        part = min(place - k, 1.0)
        return math.log(power[k] * (1 - part) + power[k + 1] * part + 1e-8 * self.most + SILENCE)

    def basins(self, w: int) -> list[naive.Line]:
        heard = self.frame(w, 0)
        return naive.basins(heard.power[w], heard.moment[w], self.top_hz[w], self.points[w])

    def spread(self, line: naive.Line, w: int) -> float:
        return min(line.spread_hz / self.bin_hz[w], 3.0)

    def lines(self) -> list[tuple[float, float, int, list[float]]]:
        """Hz, energy, window and cues of each candidate."""
        found = []
        for w in self.windows[1:]:
            basins = self.basins(w)
            for i, line in enumerate(basins):
                if line.energy >= 1e-7 * self.most:
                    cues = self.line_cues(w, i, basins)
                    split = w == self.windows[-1] and line.energy > 1e-5 * self.most
                    found += self.split(line, cues) if split else [(line.hz, line.energy, w - 1, cues)]
        return found

    def line_cues(self, w: int, i: int, basins: list[naive.Line]) -> list[float]:
        line, place = basins[i], self.place(basins[i].hz)
        log_energy, level = math.log(line.energy), self.levels(w, 0)
        part = place - int(place)
        around = (1 - part) * level[int(place)] + part * level[int(place) + 1]
        cues = [float(v + 1 == w) for v in self.windows]
        cues += [(log_energy - math.log(self.most + SILENCE)) / 4, max(log_energy - around, -10) / 3]
        cues += [line.concentration, self.spread(line, w)]
        beside = [basins[j] if 0 <= j < len(basins) else None for j in (i - 1, i + 1)]
        cues += [min(abs(o.hz - line.hz) / self.bin_hz[w], 8) / 4 if o else 2.0 for o in beside]
        cues += [clip(math.log(o.energy) - log_energy, 6) / 4 if o else -1.5 for o in beside]
        own = self.at(w, 0, line.hz)
        for v in self.windows:
            known = v != w and line.hz < self.top_hz[v]
            cues.append(clip(self.at(v, 0, line.hz) - own, 10) / 2 if known else 0.0)
        for v in (w, 1):
            cues += [clip(self.at(v, o, line.hz) - own, 10) / 2 if o <= self.ahead[v] else 0.0 for o in LINE_OFFSETS]
        return [*cues, 0.0, 0.0, math.log(line.hz / 700)]

    def split(self, line: naive.Line, cues: list[float]) -> list[tuple[float, float, int, list[float]]]:
        """The longest window's line, and what its channels' pairs have of it."""
        last = self.windows[-1]
        power = self.frame(last, 0).power[last]
        edges = [0, *naive.valleys(power), len(power)]
        channels = next(range(a, b) for a, b in pairwise(edges) if a <= line.peak < b)
        trust = min(sum(power[k] * self.trust[k] for k in channels) / sum(power[k] for k in channels), 1.0)
        cues[-3] = trust
        if trust < 0.25:
            return [(line.hz, line.energy, last - 1, cues)]
        then = self.history[len(self.history) - 1 - self.pair_ahead]
        claims = sorted(
            (float(then.hz[e][k]), float(then.energy[e][k]))
            for k in channels for e in (1, 2) if then.energy[e][k] > 0 and then.hz[e][k] > 0
        )  # fmt: skip
        chains: list[list[tuple[float, float]]] = []
        for claim in claims[:256]:
            if chains and claim[0] - chains[-1][-1][0] < 0.25 * self.bin_hz[last]:
                chains[-1].append(claim)
            else:
                chains.append([claim])
        of_pair = []
        for chain in chains:
            energy = sum(e for _, e in chain)
            part = trust * energy
            if part > 1e-3 * line.energy:
                its = cues.copy()
                its[last - 1], its[last] = 0.0, 1.0
                its[-2] = max(math.log(part / line.energy), -6) / 3
                of_pair.append((sum(hz * e for hz, e in chain) / energy, part, last - 1, its))
        cues[-2] = max(math.log(max(1 - trust, 1e-9)), -6) / 3
        return [(line.hz, (1 - trust) * line.energy, last - 1, cues), *of_pair]

    def band_cues(self) -> list[list[float]]:
        """(bands, cues)."""
        own = self.levels(self.windows[-2], 0)
        loudest = math.log(max(self.bands_of(self.windows[-2], 0)) + SILENCE)
        columns = []
        for w in self.windows:
            for o in OFFSETS:
                if o <= self.ahead[w]:
                    columns.append([clip(x - y, 6) / 2 for x, y in zip(self.levels(w, o), own, strict=True)])
        columns += [[c / 2 for c in row] for row in self.corrections()]
        for w in self.windows[1:]:
            columns.append([min(max(level - loudest, -14), 1) / 4 for level in self.levels(w, 0)])
        for w in self.windows[1:]:
            columns += self.purity(w)
        columns += self.band_trust()
        columns.append([math.log(hz / 700) for hz in self.band_hz])
        columns += [[float(hz > self.top_hz[w]) for hz in self.band_hz] for w in self.windows[2:]]
        return [list(row) for row in zip(*columns, strict=True)]

    def purity(self, w: int) -> list[list[float]]:
        """Of the lines near each band, by energy: concentration, spread, and how much of it is one line's."""
        rows = []
        lines = [line for line in self.basins(w) if line.energy >= 1e-7 * self.most]
        for b in range(len(self.band_hz)):
            near = [line for line in lines if int(self.place(line.hz)) - 1 <= b <= int(self.place(line.hz)) + 2]
            weight = [line.energy * math.exp(-((b - self.place(line.hz)) ** 2) / 0.6) for line in near]
            total = max(sum(weight), 1e-20)
            both = list(zip(weight, near, strict=True))
            rows.append(
                [
                    sum(x * line.concentration for x, line in both) / total,
                    sum(x * self.spread(line, w) for x, line in both) / total,
                    min(sum(x * x for x in weight) / total**2, 1.0),
                ]
            )
        return [list(column) for column in zip(*rows, strict=True)]

    def band_trust(self) -> list[list[float]]:
        last = self.windows[-1]
        power = self.frame(last, 0).power[last]
        plain, by_energy = [], []
        for b in range(len(self.band_hz)):
            both = [(weight, power[k], self.trust[k]) for k, weight in self.weights[last][b].items()]
            plain.append(sum(x * t for x, _, t in both) / (sum(x for x, _, _ in both) + 1e-9))
            by_energy.append(sum(x * p * t for x, p, t in both) / (sum(x * p for x, p, _ in both) + 1e-20))
        return [plain, by_energy]


Rows = Sequence[Sequence[float]]


def layer(inputs: Sequence[float], weights: Rows) -> list[float]:
    """``Σ_n x[n] W[n]``."""
    return [sum(x * row[k] for x, row in zip(inputs, weights, strict=True)) for k in range(len(weights[0]))]


def added(*rows: Sequence[float]) -> list[float]:
    return [sum(column) for column in zip(*rows, strict=True)]


def rectified(row: Sequence[float]) -> list[float]:
    return [max(x, 0.0) for x in row]


def convolved(rows: Rows, weights: Sequence[Rows]) -> list[list[float]]:
    """Over bands, of which there are none before the first and behind the last: W[0] is for the band farthest below."""
    half, nothing = len(weights) // 2, [0.0] * len(rows[0])
    padded = [nothing] * half + list(map(list, rows)) + [nothing] * half
    return [added(*(layer(padded[b + d], W) for d, W in enumerate(weights))) for b in range(len(rows))]


def judged_bands(
    cues: Rows, correction: Rows, level_cue: int, missing_cue: int, W: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Of each band which windows are wanted, ln of their corrected levels, how many there are, what lines are told.

    correction: (bands, pairs); W: the layers by name.
    """
    h = [rectified(added(layer(row, W["cue"]), W["cue_bias"])) for row in cues]
    root_energy = [math.exp(2 * row[level_cue]) for row in cues]
    loud = [sum(r * row[k] for r, row in zip(root_energy, h, strict=True)) for k in range(len(h[0]))]
    pooled = [x / (sum(root_energy) + 1e-6) for x in loud] + [x / len(h) for x in added(*h)]
    whole = added(layer(pooled, W["whole"]), W["near_bias"])
    y = [rectified(added(row, whole)) for row in convolved(h, W["near"])]
    z = [added(own, rectified(added(row, W["far_bias"]))) for own, row in zip(y, convolved(y, W["far"]), strict=True)]
    bands: list[dict[str, Any]] = []
    pairs = len(correction[0])
    windows = round((1 + math.sqrt(1 + 8 * pairs)) / 2) - 1  # of n windows with the shortest there are n(n−1)/2 pairs
    longer = [w - 1 for a in range(windows + 1) for w in range(a + 1, windows + 1)]
    for b, row in enumerate(z):
        told = added(layer(row, W["told"]), W["told_bias"])
        level = [
            4 * math.tanh(told[windows + w] / 4)
            + sum(told[2 * windows + q] * correction[b][q] for q in range(pairs) if longer[q] == w)
            for w in range(windows)
        ]
        present = 1 + sum(1 for w in range(1, windows) if cues[b][missing_cue + w - 1] == 0)
        bands.append(
            {"wanted": told[:windows], "level": level, "present": present, "context": told[2 * windows + pairs :]}
        )
    return bands


def judged_line(
    hz: float, energy: float, window: int, cues: Sequence[float], bands: Sequence[Mapping[str, Any]],
    reach_hz: Sequence[float], W: Mapping[str, Any],
) -> float:  # fmt: skip
    """A line's energy, times e to what its bands and its own cues say of it, within ±14 softly.

    Only windows that reach to the line share it, and only bands that know them have a say.
    """
    place = min(max(4 * math.log2(hz / 60), 0.0), len(bands) - 1.001)
    below, above, part = bands[int(place)], bands[int(place) + 1], place - int(place)
    reaching = sum(1 for reach in reach_hz if hz < reach)
    if above["present"] < reaching:
        part = 0.0
    if window >= reaching:
        trust = -1e4
    else:
        trust = sum(
            weight * (band["level"][window] + band["wanted"][window])
            - weight * math.log(sum(math.exp(band["wanted"][w]) for w in range(reaching)))
            for weight, band in ((1 - part, below), (part, above))
        )
    told = [(1 - part) * x + part * y for x, y in zip(below["context"], above["context"], strict=True)]
    third = rectified(added(layer([*cues, *told], W["line"]), W["line_bias"]))
    fourth = rectified(added(layer(third, W["narrow"]), W["narrow_bias"]))
    belief = sum(x * w for x, w in zip(fourth, W["belief"], strict=True)) + W["belief_bias"][0]
    return float(energy * math.exp(14 * math.tanh((belief + trust) / 14)))
