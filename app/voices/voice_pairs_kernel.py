"""Products of partials: of those alone that see each other, sorted by frequency. No validation here.

Partials share the window, whose spectrum falls fast: the product of two that stay `reach_hz` apart, all through it, is
below `APART` of a lone one's. Products of the others turn slowly, and their sums need few samples.
"""

import numpy as np

from sharpear.compiler import kernel
from sharpear.compiler.lagged import sum_lagged

from .voice_algebra_kernel import Matrix
from .voice_fit import GROWTH_STEP, GROWTHS, RIDGE, PairRoom, VoiceFit, VoiceTables


@kernel(apart=True)
def lay_products(moments: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """``Σ_n t_n^m atom_i* atom_j`` of places i and j ≤ i that see each other, m below `moments`."""
    _sort(fit)
    rate_hz = _find_pairs(fit.partials[0], tables, fit.pairs)
    fit.pairs.thin[0] = min(max(int(1 / (tables.step_s * max(rate_hz, 1.0))), 1), tables.time_s.size)
    lay_moments(moments, fit, tables)


@kernel(apart=True)
def lay_moments(moments: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """The same, where it is known which partials see each other."""
    pairs, count, thin = fit.pairs, fit.partials[0], fit.pairs.thin[0]
    points = -(-tables.time_s.size // thin)
    powers, real, imag = pairs.powers[:points, :moments], pairs.atom_real[:points], pairs.atom_imag[:points]
    for n in range(points):
        powers[n, 0] = thin
        for m in range(1, moments):
            powers[n, m] = powers[n, m - 1] * tables.time_s[n * thin]
    for i in range(count):
        row_real, row_imag = fit.atom_real[pairs.order[i]], fit.atom_imag[pairs.order[i]]
        for n in range(points):
            real[n, i], imag[n, i] = row_real[n * thin], row_imag[n * thin]
    for lag in range(pairs.lags[0]):
        sum_lagged(lag, count, real, imag, powers, pairs.real[lag], pairs.imag[lag])
    pairs.powers_laid[0] = moments


@kernel
def place_products(fit: VoiceFit, without: int, tables: VoiceTables, matrix: Matrix) -> None:
    """The products and the ridge as a matrix, by places; of voice `without` (-1 for none) a diagonal of 1 alone."""
    pairs = fit.pairs
    for i in range(fit.partials[0]):
        out = fit.partial_voice[pairs.order[i]] == without
        for j in range(pairs.first[i], i + 1):
            if out or fit.partial_voice[pairs.order[j]] == without:
                matrix.real[i, j], matrix.imag[i, j] = (1.0 if i == j else 0.0), 0.0
            else:
                matrix.real[i, j], matrix.imag[i, j] = pairs.real[i - j, 0, i], pairs.imag[i - j, 0, i]
        if not out:
            matrix.real[i, i] += RIDGE * tables.window_power


@kernel
def keep_products(count: int, pairs: PairRoom) -> None:
    """Products of those that stay of so many partials; the others' places are taken by those above."""
    place = 0
    for i in range(count):
        pairs.place[i] = -1
        stays = pairs.stays[pairs.order[i]]
        if stays < 0:
            continue
        pairs.place[i], pairs.order[place], lowest = place, stays, place
        for j in range(i, pairs.first[i] - 1, -1):
            if pairs.place[j] >= 0:
                lowest = pairs.place[j]
                for m in range(pairs.powers_laid[0]):
                    pairs.real[place - lowest, m, place] = pairs.real[i - j, m, i]
                    pairs.imag[place - lowest, m, place] = pairs.imag[i - j, m, i]
        pairs.first[place] = lowest
        place += 1


@kernel
def _sort(fit: VoiceFit) -> None:
    """Partials by their frequency at the moment, and how they move."""
    pairs = fit.pairs
    for k in range(fit.partials[0]):
        v, h = fit.partial_voice[k], fit.partial_number[k]
        hz, slope, curvature, growth, stiffness = fit.voices.shared[v]
        stretched, i = h * hz * np.sqrt(1 + stiffness * h * h), k
        while i > 0 and pairs.hz[i - 1] > stretched:
            pairs.order[i], pairs.hz[i] = pairs.order[i - 1], pairs.hz[i - 1]
            pairs.hz_slope[i], pairs.hz_curvature[i] = pairs.hz_slope[i - 1], pairs.hz_curvature[i - 1]
            pairs.growth[i] = pairs.growth[i - 1]
            i -= 1
        pairs.order[i], pairs.hz[i], pairs.growth[i] = k, stretched, growth
        pairs.hz_slope[i], pairs.hz_curvature[i] = h * hz * slope, h * hz * curvature


@kernel
def _find_pairs(count: int, tables: VoiceTables, pairs: PairRoom) -> float:
    """The lowest place that each sees; the sampling rate, Hz, at which no alias of a product is seen is returned."""
    half_s, farthest_hz = max(-tables.time_s[0], tables.time_s[-1]), tables.reach_hz.max()
    most_bent, lags, rate_hz = 0.0, 0, 0.0
    for i in range(count):
        bent = (abs(pairs.hz_slope[i]) + abs(pairs.hz_curvature[i]) * half_s / 2) * half_s
        most_bent = max(most_bent, bent)
        for j in range(i, -1, -1):
            apart = pairs.hz[i] - pairs.hz[j]
            if apart > farthest_hz + bent + most_bent:
                break
            slope = abs(pairs.hz_slope[i] - pairs.hz_slope[j])
            moved = (slope + abs(pairs.hz_curvature[i] - pairs.hz_curvature[j]) * half_s / 2) * half_s
            growth = (pairs.growth[i] + pairs.growth[j]) / 2
            reach_hz = tables.reach_hz[int(np.rint(growth / GROWTH_STEP)) + GROWTHS // 2]
            if apart - moved < reach_hz:
                pairs.first[i] = j
                rate_hz = max(rate_hz, apart + moved + reach_hz)
    for i in range(count - 1, -1, -1):
        if i + 1 < count:
            pairs.first[i] = min(pairs.first[i], pairs.first[i + 1])
        lags = max(lags, i - pairs.first[i] + 1)
    pairs.lags[0] = lags
    return rate_hz
