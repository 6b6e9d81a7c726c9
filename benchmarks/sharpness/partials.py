"""Recordings of single voices taken apart: the frequency and the level of every partial over time.

The fundamental is tracked by praat (Boersma 1993), and each partial is moved to 0 Hz along its multiple of the
fundamental and smoothed, which leaves its amplitude and its deviation from the multiple (heterodyning). Sung again
from these measurements alone, the sound keeps its timbre, its intonation and its ends, and its lines are exactly
known (Salamon et al. 2017, ISMIR).
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from scipy.signal import oaconvolve, resample_poly

from benchmarks.sharpness.lines import SAMPLE_RATE, Floats

HOP = 128
"""Samples between two rows of what was measured (2.9 ms)."""
HIGHEST_PARTIAL_HZ = 8000.0
MOST_PARTIALS = 100
TRACK_DOWN = 4
"""The tracker gets a 44.1 kHz signal at a fourth of its rate."""
WINDOW_S = 0.030
"""Hann window that a partial is smoothed with; longer for voices below 80 Hz, whose next partial it must reject."""
WINDOW_PERIODS = 2.4
"""Least length of that window in periods: its spectrum falls to zero 2/2.4 of the fundamental away."""
SMOOTH_S = 0.020
"""Deviations are averaged over this span, weighted with the amplitude."""
LARGEST_DEVIATION = 0.03
"""A partial further from its multiple than this share of it is another sound."""
EXTEND_S, FADE_S = 0.012, 0.014
"""A voice is followed this far past what the tracker calls voiced, and fades in and out within that."""
SHORTEST_S = 0.06
"""Voiced stretches shorter than this are left out."""
FLOOR_DB = -120.0
VERSION = 2
"""Of what is kept on disk: a change to the measurement needs another."""


@dataclass(frozen=True)
class Partials:
    """What was measured of one voice, a row every `HOP` samples at 44.1 kHz.

    Attributes:
        fundamental_hz: (frames,) Hz, 0 where no voice sounds.
        cents: (frames, partials) deviation of each partial from its multiple of the fundamental, in cents.
        level_db: (frames, partials) dB of the peak amplitude over full scale, `FLOOR_DB` where silent.
    """

    fundamental_hz: NDArray[np.float32]
    cents: NDArray[np.float16]
    level_db: NDArray[np.float16]

    @cached_property
    def loudest_db(self) -> Floats:
        """(frames,) level of the strongest partial, in dB."""
        return np.asarray(self.level_db.astype(np.float32).max(axis=1), float)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.fundamental_hz) * HOP / SAMPLE_RATE

    def between(self, first: int, last: int) -> Partials:
        """Rows first … last − 1."""
        return Partials(self.fundamental_hz[first:last], self.cents[first:last], self.level_db[first:last])


def take_apart(
    samples: Floats, rate: float, lowest_hz: float, highest_hz: float, *, stretched: bool = False
) -> Partials:
    """Measure every partial of a single voice up to 8 kHz.

    z_q(t) = 2·(w ∗ x·exp(−i·m_q·φ))(t) with φ = 2π∫f0 dt, m_q = q·sqrt(1 + B·q²); amplitude abs(z_q), frequency
    m_q·f0 + (1/2π)·d arg z_q/dt.

    Args:
        samples: (n,) audio of one voice.
        rate: sample rate in Hz.
        lowest_hz: lowest fundamental looked for, in Hz.
        highest_hz: highest one, in Hz.
        stretched: whether partials may be stretched, as stiff strings' are; B is then searched for.
    """
    audio = _at_44100(np.asarray(samples, float), rate)
    frames = -(-len(audio) // HOP)
    times, pitch = _track(audio, lowest_hz, highest_hz)
    top = min(HIGHEST_PARTIAL_HZ, 0.45 * rate)
    count = int(np.clip(top / max(lowest_hz, 40.0), 1, MOST_PARTIALS))
    fundamental = np.zeros(frames, np.float32)
    cents = np.zeros((frames, count), np.float16)
    level = np.full((frames, count), FLOOR_DB, np.float16)
    voiced = np.flatnonzero(np.diff(np.concatenate([[0], (pitch > 0).astype(int), [0]])))
    for first, last in voiced.reshape(-1, 2):
        if times[last - 1] - times[first] >= SHORTEST_S:
            _stretch(audio, times[first:last], pitch[first:last], top, stretched, (fundamental, cents, level))
    used = max(1, int((level > FLOOR_DB).any(axis=0).sum()))
    return Partials(fundamental, cents[:, :used], level[:, :used])


def _at_44100(samples: Floats, rate: float) -> Floats:
    if rate == SAMPLE_RATE:
        return samples
    common = int(np.gcd(int(rate), SAMPLE_RATE))
    return np.asarray(resample_poly(samples, SAMPLE_RATE // common, int(rate) // common), float)


def _track(audio: Floats, lowest_hz: float, highest_hz: float) -> tuple[Floats, Floats]:
    """Times in s and fundamentals in Hz (0: unvoiced), by praat's cross-correlation at 11 kHz, for speed."""
    slow = np.asarray(resample_poly(audio, 1, TRACK_DOWN), float)
    parselmouth: Any = importlib.import_module("parselmouth")
    # Quiet ends count as voiced down to 46 dB below the loudest: praat's usual 30 dB would cut decays short.
    pitch = parselmouth.Sound(slow, SAMPLE_RATE / TRACK_DOWN).to_pitch_cc(
        time_step=0.003, pitch_floor=lowest_hz, pitch_ceiling=highest_hz, silence_threshold=0.005
    )
    return np.asarray(pitch.xs(), float), np.asarray(pitch.selected_array["frequency"], float)


def _smoothed(values: Floats, seconds: float, rate: float) -> Floats:
    window = np.hanning(max(3, int(seconds * rate) | 1) + 2)[1:-1]
    half = len(window) // 2
    return np.asarray(oaconvolve(np.pad(values, half, mode="edge"), window / window.sum(), "valid"))


def _stretch(
    audio: Floats,
    times_s: Floats,
    pitch_hz: Floats,
    top_hz: float,
    stretched: bool,
    out: tuple[NDArray[np.float32], NDArray[np.float16], NDArray[np.float16]],
) -> None:
    """Measure one voiced stretch and write its rows into `out` (fundamental, cents, level)."""
    fundamental, cents, level = out
    first = max(0, int((times_s[0] - EXTEND_S) * SAMPLE_RATE / HOP))
    last = min(len(fundamental), int((times_s[-1] + EXTEND_S) * SAMPLE_RATE / HOP) + 1)
    sample = np.arange(first * HOP, min(last * HOP, len(audio)))
    f0 = _smoothed(np.interp(sample / SAMPLE_RATE, times_s, pitch_hz), 0.012, SAMPLE_RATE)
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    sound = audio[sample]
    stiffness = _stiffness(sound, phase, float(np.median(f0)), top_hz) if stretched else 0.0
    window = np.hanning(int(max(WINDOW_S, WINDOW_PERIODS / f0.min()) * SAMPLE_RATE) | 1)
    window *= 2 / window.sum()
    rows = np.arange(0, len(sample), HOP)
    edge = np.minimum(rows, len(sample) - 1 - rows) / (FADE_S * SAMPLE_RATE)
    fade = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge, 0, 1))
    place = slice(first, first + len(rows))
    fundamental[place] = f0[rows]
    q = np.arange(1, cents.shape[1] + 1)
    multiples = q * np.sqrt(1 + stiffness * q * q)
    multiples = multiples[multiples * f0.max() <= top_hz]
    if not len(multiples):
        return
    q, base = q[: len(multiples)], f0[rows][:, None]
    # A voice that is not stretched needs no sines and cosines but those of its fundamental.
    smooth = _heterodyned(sound, phase, multiples, window, stiffness == 0)
    amplitude, deviation_hz = np.abs(smooth) * fade[:, None], _deviation(smooth, base)
    centre = multiples * base
    deviation_hz = np.clip(deviation_hz, -LARGEST_DEVIATION * centre, LARGEST_DEVIATION * centre)
    cents[place, : len(q)] = 1200 * np.log2((centre + deviation_hz) / (q * base))
    level[place, : len(q)] = np.maximum(20 * np.log10(np.maximum(amplitude, 1e-9)), FLOOR_DB)


def _deviation(smooth: NDArray[np.complex128], f0_hz: Floats) -> Floats:
    """How far partials turn from their multiples, in Hz: (rows, partials), averaged with the amplitudes."""
    if len(smooth) < 2:
        return np.zeros(smooth.shape)
    amplitude = np.abs(smooth)
    turn = np.angle(smooth[1:] * smooth[:-1].conj()) * SAMPLE_RATE / HOP / (2 * np.pi)
    # Between two rows; a row gets the mean of its two sides.
    deviation = np.clip(0.5 * (np.vstack([turn[:1], turn]) + np.vstack([turn, turn[-1:]])), -0.2 * f0_hz, 0.2 * f0_hz)
    window = np.hanning(max(3, int(SMOOTH_S * SAMPLE_RATE / HOP) | 1) + 2)[1:-1]
    weight = convolve1d(amplitude, window, axis=0, mode="nearest")
    moment = convolve1d(amplitude * deviation, window, axis=0, mode="nearest")
    return np.asarray(moment / np.maximum(weight, 1e-12))


@njit(cache=True, fastmath=True)
def _heterodyned(
    sound: Floats, phase: Floats, multiples: Floats, window: Floats, harmonic: bool
) -> NDArray[np.complex128]:
    """Σ_k w_k·sound·exp(−i·m·phase) around every `HOP`-th sample, (rows, partials); ends are mirrored."""
    count, half = len(sound), len(window) // 2
    rows = (count - 1) // HOP + 1
    out = np.empty((rows, len(multiples)), np.complex128)
    turn_real, turn_imaginary = np.cos(phase), -np.sin(phase)
    real, imaginary = sound.copy(), np.zeros(count)
    weight = window.astype(np.float32)
    padded_real, padded_imaginary = np.empty(count + 2 * half, np.float32), np.empty(count + 2 * half, np.float32)
    for j in range(len(multiples)):
        if harmonic:
            for n in range(count):
                product = real[n] * turn_real[n] - imaginary[n] * turn_imaginary[n]
                imaginary[n] = real[n] * turn_imaginary[n] + imaginary[n] * turn_real[n]
                real[n] = product
        else:
            for n in range(count):
                real[n] = sound[n] * np.cos(multiples[j] * phase[n])
                imaginary[n] = -sound[n] * np.sin(multiples[j] * phase[n])
        for n in range(-half, count + half):
            mirrored = min(max(-n if n < 0 else (2 * count - 2 - n if n >= count else n), 0), count - 1)
            padded_real[n + half], padded_imaginary[n + half] = real[mirrored], imaginary[mirrored]
        for row in range(rows):
            a, b = np.float32(0), np.float32(0)
            for k in range(len(weight)):
                a += padded_real[row * HOP + k] * weight[k]
                b += padded_imaginary[row * HOP + k] * weight[k]
            out[row, j] = complex(a, b)
    return out


def _stiffness(sound: Floats, phase: Floats, f0_hz: float, top_hz: float) -> float:
    """The B of q·sqrt(1 + B·q²) that lets the partials of a stretch be loudest, 0 or 1e-5 to 2e-3."""
    piece = slice(0, min(len(sound), SAMPLE_RATE // 2))
    window = np.hanning(len(sound[piece]))
    count = int(min(top_hz / f0_hz, 20))
    best, found = -np.inf, 0.0
    for stiffness in (0.0, *np.geomspace(1e-5, 2e-3, 24)):
        total = 0.0
        for q in range(2, count + 1):
            moved = sound[piece] * window * np.exp(-1j * q * np.sqrt(1 + stiffness * q * q) * phase[piece])
            total += float(np.log(np.abs(moved.sum()) + 1e-9))
        if total > best:
            best, found = total, float(stiffness)
    return found


def measured(path: Path, cache: Path, lowest_hz: float, highest_hz: float, stretched: bool = False) -> Partials:
    """`take_apart` of a file, its channels averaged, kept as an npz in the folder `cache`."""
    stat = path.stat()
    key = f"{VERSION}|{path.name}|{path.parent.name}|{stat.st_size}|{lowest_hz}|{highest_hz}|{stretched}"
    stored = cache / f"{path.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not stored.exists():
        samples, rate = importlib.import_module("soundfile").read(path, always_2d=True)
        save(take_apart(samples.mean(axis=1), float(rate), lowest_hz, highest_hz, stretched=stretched), stored)
    return load(stored)


def save(partials: Partials, path: Path) -> None:
    """Write an npz; whole or not at all, for several processes may fill one cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{id(partials):x}.part.npz")
    np.savez(part, fundamental_hz=partials.fundamental_hz, cents=partials.cents, level_db=partials.level_db)
    part.replace(path)


def load(path: Path) -> Partials:
    """Read what `save` wrote."""
    with np.load(path) as stored:
        return Partials(stored["fundamental_hz"], stored["cents"], stored["level_db"])
