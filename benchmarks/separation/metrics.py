"""SI-SDR and BSS-eval SDR, written out."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import fftconvolve

FILTER_TAPS = 512


def si_sdr_db(estimate: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """``10 log10( |αs|² / |ŝ − αs|² )``, ``α = ŝᵀs / sᵀs``, both without their means (Le Roux et al. 2019)."""
    estimate, truth = estimate - estimate.mean(), truth - truth.mean()
    target = truth * (estimate @ truth) / (truth @ truth)
    return _ratio_db(target, estimate - target)


def bss_sdr_db(estimate: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """BSS-eval SDR: the target is the truth through the best filter of 512 taps (Vincent et al. 2006)."""
    count = truth.size
    size = 2 ** int(np.ceil(np.log2(count + FILTER_TAPS)))
    S, E = np.fft.rfft(truth, size), np.fft.rfft(estimate, size)
    auto = np.fft.irfft(S * S.conj(), size)[:FILTER_TAPS]
    cross = np.fft.irfft(E * S.conj(), size)[:FILTER_TAPS]
    auto[0] *= 1 + 1e-10
    target = fftconvolve(truth, solve_toeplitz(auto, cross))
    padded = np.pad(estimate, (0, target.size - count))
    return _ratio_db(target, padded - target)


def _ratio_db(target: NDArray[np.float64], error: NDArray[np.float64]) -> float:
    return float(10 * np.log10((target @ target + 1e-20) / (error @ error + 1e-20)))
