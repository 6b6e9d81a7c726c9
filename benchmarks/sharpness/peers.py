"""Other methods, each at its best: refined frequencies used where it has them, energies calibrated for tones.

Peers are development dependencies and are imported only when they run.
"""

from __future__ import annotations

import importlib
import math
import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.fft
from scipy.signal import resample_poly

from benchmarks.sharpness import gammatone
from benchmarks.sharpness.basins import basins
from benchmarks.sharpness.estimate import Audio, Estimate, Method, coherent_energy
from benchmarks.sharpness.lines import Floats

TARGET_RATE = 11025.0
"""The wavelet peers cost one transform per sample; they see all up to 5 kHz at about this rate, in Hz."""
PIECE_S = 4.0
OVERLAP_S = 0.5
"""Long recordings reach the wavelet peers in overlapping pieces, for the sake of memory."""
CWT_REACH, STFT_REACH = 6, 3
"""Bins of a synchrosqueezed transform that may hold one tone, to either side: 75 cents, and 16 Hz.

Of 0, 1, 3 and 6 bins these did best; the plain abs² scored up to ten times worse.
"""
LOG_GRID_HZ: Floats = 60.0 * 2 ** (np.arange(int(96 * math.log2(5000 / 60))) / 96)


def reassigned(audio: Audio, sample_rate: float, n_fft: int) -> Estimate:
    """`librosa.reassigned_spectrogram` with its energy at the reassigned frequencies."""
    librosa = importlib.import_module("librosa")
    n_fft = int(2 ** round(math.log2(n_fft * sample_rate / 44100)))
    hop = gammatone.hop_of(sample_rate)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frequencies, _, magnitude = librosa.reassigned_spectrogram(
            np.asarray(audio, np.float32), sr=sample_rate, n_fft=n_fft, hop_length=hop, reassign_times=False
        )
    times = np.arange(magnitude.shape[1]) * hop / sample_rate
    window_s = n_fft / sample_rate
    frequencies = np.nan_to_num(np.ascontiguousarray(frequencies.T)).astype(float)
    # librosa's Hann window; all bins of a tone, moved to its frequency, make up its energy.
    scale = n_fft * float((np.hanning(n_fft + 1)[:-1] ** 2).sum()) / 4
    energy = np.ascontiguousarray(magnitude.T).astype(float) ** 2 / scale
    return Estimate(times, frequencies, energy, False, window_s / 2, window_s)


def _decimated(run: Callable[[Audio, float, int], Estimate], audio: Audio, sample_rate: float) -> Estimate:
    """Resample to about 11 kHz, run in overlapping pieces, and join the frames."""
    down = max(1, int(sample_rate / TARGET_RATE))
    slow = resample_poly(np.asarray(audio, float), 1, down)
    rate = sample_rate / down
    hop = gammatone.hop_of(rate)
    piece, overlap = int(PIECE_S * rate) // hop * hop, int(OVERLAP_S * rate) // hop * hop
    parts: list[Estimate] = []
    for start in range(0, max(len(slow) - overlap, 1), piece - overlap):
        end = len(slow) if start + 2 * piece - overlap > len(slow) + piece - overlap else start + piece
        part = run(slow[start:end], rate, hop)
        times = part.times_s + start / rate
        low = start / rate + (overlap / rate / 2 if start else -1.0)
        high = end / rate - (overlap / rate / 2 if end < len(slow) else -1.0)
        keep = (times >= low) & (times < high)
        shifted = Estimate(times, part.frequencies_hz, part.energy, part.causal, part.latency_s, part.window_s)
        parts.append(shifted.within(keep))
        if end == len(slow):
            break
    first = parts[0]
    return Estimate(
        np.concatenate([p.times_s for p in parts]),
        first.frequencies_hz,
        np.concatenate([p.energy for p in parts]),
        first.causal,
        first.latency_s,
        first.window_s,
    )


def _ssqueezepy() -> Any:
    # Threads of its own would make the comparison of run times depend on the machine's load.
    os.environ.setdefault("SSQ_PARALLEL", "0")
    os.environ.setdefault("SSQ_GPU", "0")
    return importlib.import_module("ssqueezepy")


def _ssq_cwt(audio: Audio, rate: float, hop: int, mu: float) -> Estimate:
    """Synchrosqueezed Morlet wavelets of `mu` radians, that is a standard deviation of mu/(2πf) seconds."""
    ssq = _ssqueezepy()
    grid = LOG_GRID_HZ[: int(np.searchsorted(LOG_GRID_HZ, 0.45 * rate))]
    scales = mu / (2 * np.pi) * rate / grid[::-1]
    transform, _, frequencies, _ = ssq.ssq_cwt(
        audio, ("morlet", {"mu": mu}), scales=scales, fs=rate, ssq_freqs=grid, preserve_transform=False, astensor=False
    )
    energy = coherent_energy(transform[:, ::hop].T, CWT_REACH)
    times = np.arange(len(energy)) * hop / rate
    return Estimate(times, np.asarray(frequencies, float), energy, False, 0.0, 4 * mu / (2 * np.pi * 1000.0))


def _ssq_stft(audio: Audio, rate: float, hop: int, length_s: float) -> Estimate:
    ssq = _ssqueezepy()
    length = round(length_s * rate)
    n_fft = 2 * length
    window = np.hanning(length + 1)[:-1]
    transform, _, frequencies, _ = ssq.ssq_stft(
        audio, window=window, n_fft=n_fft, win_len=length, hop_len=hop, fs=rate, astensor=False
    )
    energy = coherent_energy(transform.T, STFT_REACH)
    times = np.arange(len(energy)) * hop / rate
    return Estimate(times, np.asarray(frequencies, float), energy, False, length_s / 2, length_s)


def _superlets(audio: Audio, rate: float, hop: int, cycles: float, order: int) -> Estimate:
    """Superlets (Moca et al. 2021, Nature Communications 12:337): the geometric mean of Morlet wavelets.

    Wavelet i = 1…order has i·cycles cycles, that is a standard deviation of i·cycles/(5f) seconds.
    """
    frames = -(-len(audio) // hop)
    padded = scipy.fft.next_fast_len(frames + int(0.5 * rate / hop))
    size = padded * hop
    spectrum = 2 * scipy.fft.rfft(audio, size) / hop
    bins_hz = np.arange(len(spectrum)) * rate / size
    grid = LOG_GRID_HZ[0.45 * rate > LOG_GRID_HZ]
    energy = np.empty((frames, len(grid)))
    for column, frequency in enumerate(grid):
        log_power = np.zeros(frames)
        for i in range(1, order + 1):
            sigma_hz = 5 * frequency / (2 * np.pi * i * cycles)
            near = slice(*np.searchsorted(bins_hz, [frequency - 6 * sigma_hz, frequency + 6 * sigma_hz]))
            shape = np.exp(-0.5 * ((bins_hz[near] - frequency) / sigma_hz) ** 2)
            subband = gammatone._fold(spectrum[near] * shape, int(near.start), padded)[:frames]
            log_power += np.log(np.abs(subband) ** 2 + 1e-30)
        energy[:, column] = np.exp(log_power / order)
    times = np.arange(frames) * hop / rate
    return Estimate(times, grid, energy, False, 0.0, 4 * order * cycles / (5 * 1000.0))


def _wavelet_peer(run: Callable[[Audio, float, int], Estimate]) -> Callable[[Audio, float], Estimate]:
    return partial(_decimated, run)


PEERS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("reassigned-512", partial(reassigned, n_fft=512)),
        Method("reassigned-1024", partial(reassigned, n_fft=1024)),
        Method("reassigned-2048", partial(reassigned, n_fft=2048)),
        Method("reassigned-4096", partial(reassigned, n_fft=4096)),
        *(Method(f"basins-{n_fft}", partial(basins, n_fft=n_fft)) for n_fft in (512, 1024, 2048, 4096)),
        Method("ssq-cwt-q13", _wavelet_peer(partial(_ssq_cwt, mu=13.4))),
        Method("ssq-cwt-q40", _wavelet_peer(partial(_ssq_cwt, mu=40.0))),
        Method("ssq-stft-4096", _wavelet_peer(partial(_ssq_stft, length_s=4096 / 44100))),
        Method("superlets", _wavelet_peer(partial(_superlets, cycles=5.0, order=12))),
        Method("gammatone-0.25", partial(gammatone.plain, erb=0.25)),
        Method("gammatone-0.5", partial(gammatone.plain, erb=0.5)),
        Method("gammatone-moved-0.25", partial(gammatone.moved, erb=0.25)),
    )
}
"""Name -> peer. The exact lasso is in `ceiling`."""
