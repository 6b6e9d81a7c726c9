"""What the voices' kernels must agree with: slow and obvious loops; no state but what is handed over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FAINTEST_RESPONSE = 1e-4
NO_POWER = 1e-20


@dataclass
class Harmonic:
    voice: int
    number: int
    response: dict[int, float]
    """Power response of each channel that hears it."""

    gain: float


def harmonics(
    f0: Sequence[float],
    level: Sequence[float],
    envelope: Sequence[Sequence[float]],
    center_hz: Sequence[float],
    half_hz: Sequence[float],
    order: int,
) -> list[Harmonic]:
    """Every harmonic of every voice that sounds, and the channels that respond to it by -40 dB or more."""

    def response(hz: float, k: int) -> float:
        return 1 / (1 + ((hz - center_hz[k]) / half_hz[k]) ** 2) ** order

    found = []
    for v in range(len(f0)):
        for h in range(len(envelope[v])):
            hz = (h + 1) * f0[v]
            if level[v] <= 0 or hz > center_hz[-1]:
                continue
            own = max([k for k in range(len(center_hz)) if center_hz[k] <= hz], default=0)
            low = high = own
            while low > 0 and response(hz, low - 1) >= FAINTEST_RESPONSE:
                low -= 1
            while high + 1 < len(center_hz) and response(hz, high + 1) >= FAINTEST_RESPONSE:
                high += 1
            channels = {k: response(hz, k) for k in range(low, high + 1)}
            found.append(Harmonic(v, h, channels, level[v] * envelope[v][h]))
    return found


def expected(lines: Sequence[Harmonic], channels: int) -> list[float]:
    """ŷ_k = Σ_i g_i B_ik."""
    return [sum(line.gain * line.response.get(k, 0.0) for line in lines) for k in range(channels)]


def fit(power: Sequence[float], lines: Sequence[Harmonic], iterations: int) -> None:
    """g_i ← g_i Σ_k B_ik (y_k / ŷ_k) / Σ_k B_ik, from gains that have the whole power."""
    channels = len(power)
    whole = sum(power) / (sum(expected(lines, channels)) + NO_POWER)
    for line in lines:
        line.gain *= whole
    for _ in range(iterations):
        y = expected(lines, channels)
        for line in lines:
            said = sum(b * power[k] / (y[k] + NO_POWER) for k, b in line.response.items())
            line.gain = max(line.gain * said / sum(line.response.values()), NO_POWER)


def frame(
    power: Sequence[float],
    track: Sequence[Sequence[float]],
    envelope: list[list[float]],
    owned: list[list[float]],
    center_hz: Sequence[float],
    half_hz: Sequence[float],
    order: int,
    *,
    iterations: int,
    pace: float,
    nobody: float,
    passing: float,
) -> list[list[float]]:
    """Shares of every voice in every channel; what is learned of envelopes and owners stays in `envelope`, `owned`."""
    channels, voices = len(power), range(len(track))
    lines = harmonics([t[0] for t in track], [t[1] for t in track], envelope, center_hz, half_hz, order)
    if lines:
        fit(power, lines, iterations)
    y = expected(lines, channels)
    lowest = nobody * max(y) + NO_POWER
    left = [max(power[k] - y[k], 0.0) for k in range(channels)]
    parts = [expected([line for line in lines if line.voice == v], channels) for v in voices]
    parts.append([each + lowest for each in left])
    for was, now in zip(owned, parts, strict=True):
        was[:] = [(1 - passing) * before + passing * here for before, here in zip(was, now, strict=True)]
    share = []
    for v in voices:
        given = [left[k] * owned[v][k] / sum(was[k] for was in owned) for k in range(channels)]
        share.append([(parts[v][k] + given[k]) / (y[k] + lowest + left[k]) for k in range(channels)])
    for v in voices:
        own_lines = [line for line in lines if line.voice == v]
        total = sum(line.gain for line in own_lines)
        known = sum(envelope[v][line.number] for line in own_lines)
        for line in own_lines if track[v][2] else []:
            alone = sum(b * b * line.gain / (y[k] + NO_POWER) for k, b in line.response.items())
            weight = pace * (alone / sum(line.response.values())) ** 2
            was = math.log(envelope[v][line.number] / known + 1e-12)
            now = math.log(line.gain / (total + NO_POWER) + 1e-12)
            envelope[v][line.number] = math.exp(was + weight * (now - was))
    return share


def pitch_features(
    p: int,
    f0: Sequence[float],
    strength: Sequence[float],
    age: Sequence[float],
    energy: Sequence[Sequence[float]],
    loudest: float,
) -> list[float]:
    """What is read of pitch p of those that sound; age: ln(1 + that of each note); energy: of the harmonics of each."""
    level = [math.log10(sum(own)) for own in energy]
    others = [q for q in range(len(f0)) if q != p]
    ratios = {q: round(max(f0[p], f0[q]) / min(f0[p], f0[q])) for q in others}
    off = {q: abs(abs(math.log2(f0[p] / f0[q])) - math.log2(ratios[q])) for q in others}
    alike = [q for q in others if 2 <= ratios[q] <= 6 and off[q] <= 0.03]
    below = max((q for q in alike if f0[q] < f0[p]), key=lambda q: strength[q], default=None)
    above = max((q for q in alike if f0[q] > f0[p]), key=lambda q: strength[q], default=None)

    def stronger(q: int) -> float:
        return math.log((strength[p] + 1e-3) / (strength[q] + 1e-3))

    found = [math.log(strength[p] + 1e-3), level[p] - loudest, age[p], level[p] - max(level), float(len(f0))]
    found += [float(sum(each > strength[p] for each in strength)), math.log2(f0[p] / 220)]
    found += [math.log10(energy[p][h]) - level[p] for h in range(6)]
    if below is None:
        found += [0.0] * 10
    else:
        m, teeth = ratios[below], [math.log10(each) for each in energy[below]]
        found += [1.0, float(m == 2), float(m == 3), stronger(below), age[p] - age[below], 40 * off[below]]
        for tooth in (m, 2 * m, 3 * m):
            inside = tooth < len(teeth)
            found.append(teeth[tooth - 1] - (teeth[tooth - 2] + teeth[tooth]) / 2 if inside else 0.0)
        found.append(teeth[0] - teeth[m - 1])
    if above is None:
        return [*found, 0.0, 0.0, 0.0, 0.0]
    shared = sum(energy[p][h - 1] for h in range(1, 13) if h % ratios[above] == 0)
    alone = sum(energy[p]) - shared
    return [*found, 1.0, stronger(above), age[p] - age[above], math.log10(alone / shared)]
