"""Frequency error of a single tone, beside the bound that no unbiased estimator can beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.sharpness.estimate import Estimate, Method
from benchmarks.sharpness.lines import SAMPLE_RATE, Floats, Mixer
from benchmarks.sharpness.metrics import COOL_DOWN_S, LAGS_S

SNR_DB = 30.0
TONES_HZ = (217.3, 1013.7, 3011.9)
VIBRATO_HZ, VIBRATO_CENTS, VIBRATO_RATE_HZ = 660.0, 40.0, 5.5
SETTLED_S = 0.4
NEAR_CENTS = 50.0
"""Energy this close to the strongest bin is averaged into one frequency."""


@dataclass(frozen=True)
class Precision:
    """Root-mean-square frequency errors of the strongest line, in cents.

    Attributes:
        tone_cents: of steady tones.
        bound_cents: Cramér–Rao bound for those tones and the method's window; NaN when it states none.
        vibrato_cents: of a vibrato of 40 cents at 5.5 Hz, at the best constant lag.
    """

    tone_cents: float
    bound_cents: float
    vibrato_cents: float


def cramer_rao_hz(window_s: float, snr_db: float, sample_rate: float = SAMPLE_RATE) -> float:
    """Smallest standard deviation of the frequency of a real tone in white noise, in Hz.

    var(ω) ≥ 12/(η·N·(N²−1)) rad²/sample², with N = window·rate samples and η = A²/(2σ²) the power ratio
    (Rife & Boorstyn 1974, IEEE Trans. IT 20).
    """
    n = window_s * sample_rate
    return float(np.sqrt(12 / (10 ** (snr_db / 10) * n * (n**2 - 1))) * sample_rate / (2 * np.pi))


def strongest_hz(estimate: Estimate) -> Floats:
    """Per frame, the energy-weighted mean frequency within 50 cents of the strongest bin, in Hz."""
    frequencies = np.broadcast_to(estimate.frequencies_hz, estimate.energy.shape)
    rows = np.arange(len(estimate.energy))
    peak = frequencies[rows, estimate.energy.argmax(axis=1)]
    ratio = 2 ** (NEAR_CENTS / 1200)
    near = (frequencies <= peak[:, None] * ratio) & (frequencies >= peak[:, None] / ratio)
    weight = np.where(near, estimate.energy, 0.0)
    total = np.maximum(weight.sum(axis=1), np.finfo(float).tiny)
    return np.asarray((weight * frequencies).sum(axis=1) / total)


def _error_cents(estimate: Estimate, times_s: Floats, truth_hz: Floats, lags_s: Floats) -> float:
    """RMS error in cents over the settled frames, at the best of some constant lags in seconds."""
    found = np.maximum(strongest_hz(estimate), 1e-3)
    best = float("inf")
    for lag in lags_s:
        then = estimate.times_s - lag
        keep = (then > SETTLED_S) & (then < times_s[-1] - COOL_DOWN_S)
        error = 1200 * np.log2(found[keep] / np.interp(then[keep], times_s, truth_hz))
        best = min(best, float(np.sqrt((error**2).mean())))
    return best


def _single(method: Method, truth_hz: Floats | float, seed: int, lags_s: Floats) -> tuple[float, Estimate]:
    mixer = Mixer(1.5, np.random.default_rng([seed, 77]))
    curve = np.broadcast_to(np.asarray(truth_hz, float), (mixer.samples,))
    mixer.add(curve, 1.0)
    audio, _ = mixer.finish(SNR_DB)
    estimate = method.run(audio, SAMPLE_RATE)
    return _error_cents(estimate, mixer.times_s, curve, lags_s), estimate


def precision(method: Method, seed: int = 0) -> Precision:
    """Measure the frequency errors of a method at 30 dB SNR."""
    tones, bounds = [], []
    for tone in TONES_HZ:
        error, estimate = _single(method, tone, seed, np.zeros(1))
        tones.append(error)
        bounds.append(1200 / np.log(2) * cramer_rao_hz(estimate.window_s, SNR_DB) / tone)
    time = np.arange(int(1.5 * SAMPLE_RATE)) / SAMPLE_RATE
    curve = VIBRATO_HZ * 2 ** (VIBRATO_CENTS / 1200 * np.sin(2 * np.pi * VIBRATO_RATE_HZ * time))
    vibrato, _ = _single(method, curve, seed, LAGS_S)
    return Precision(
        tone_cents=float(np.sqrt(np.mean(np.square(tones)))),
        bound_cents=float(np.sqrt(np.mean(np.square(bounds)))),
        vibrato_cents=vibrato,
    )
