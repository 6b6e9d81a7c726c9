"""Products of partials: of those alone that see each other, sorted by frequency. No validation here.

Partials share the window, whose spectrum falls fast: the product of two that stay `reach_hz` apart, all through it, is
below `APART` of a lone one's. Products of the others turn slowly, and their sums need few samples.
"""

import numpy as np

from sharpear.compiler import Floats, kernel
from sharpear.compiler.products import ANYTHING, HALF, add_products

from .voice_algebra_kernel import Matrix, clear
from .voice_fit import GROWTH_STEP, GROWTHS, RIDGE, PairRoom, VoiceFit, VoiceTables


@kernel(apart=True)
def lay_products(moments: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """``Σ_n t_n^m atom_i* atom_j`` of places i and j ≤ i that see each other, m below `moments`."""
    pairs, count = fit.pairs, fit.partials[0]
    pairs.powers_laid[0] = moments
    _sort(fit)
    rate_hz = _find_pairs(count, tables, pairs)
    samples = tables.time_s.size
    thin = min(max(int(1 / (tables.step_s * max(rate_hz, 1.0))), 1), samples)
    points, width = -(-samples // thin), -(-count // HALF) * HALF
    powers = pairs.powers[:moments, :points]
    for n in range(points):
        powers[0, n] = thin
    for m in range(1, moments):
        for n in range(points):
            powers[m, n] = powers[m - 1, n] * tables.time_s[n * thin]
    for i in range(count):
        row_real, row_imag = fit.atom_real[pairs.order[i]], fit.atom_imag[pairs.order[i]]
        for n in range(points):
            pairs.atom_real[n * width + i] = row_real[n * thin]
            pairs.atom_imag[n * width + i] = row_imag[n * thin]
    for i in range(count, width):
        for n in range(points):
            pairs.atom_real[n * width + i] = pairs.atom_imag[n * width + i] = 0.0
    size = points * width
    for lag in range(pairs.lags[0]):
        _multiply(lag, pairs.atom_real[:size], pairs.atom_imag[:size], pairs.pair_real, pairs.pair_imag)
        real, imag = pairs.real[lag, :moments, :width], pairs.imag[lag, :moments, :width]
        for m in range(moments):
            clear(pairs.real[lag, m, :width], pairs.imag[lag, m, :width])
        add_products(powers, pairs.pair_real[:size].reshape(points, width), ANYTHING, real)
        add_products(powers, pairs.pair_imag[:size].reshape(points, width), ANYTHING, imag)


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


@kernel(fastmath={"contract"})
def _multiply(lag: int, real: Floats, imag: Floats, into_real: Floats, into_imag: Floats) -> None:
    """``atom_i* atom_(i−lag)`` of all places, sample by sample; of places below `lag` it means nothing."""
    a, b, c, d = real[lag:], imag[lag:], real[: real.size - lag], imag[: real.size - lag]
    product_real, product_imag = into_real[lag:], into_imag[lag:]  # places that cannot be negative run in lanes
    for n in range(a.size):
        product_real[n] = a[n] * c[n] + b[n] * d[n]
        product_imag[n] = a[n] * d[n] - b[n] * c[n]
