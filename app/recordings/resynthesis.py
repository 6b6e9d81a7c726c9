"""Sound from lines: an oscillator for each, which glides to the line that continues it, or fades."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sharpear.sharpening.continuation import continuation


def resynthesised(
    times: NDArray[np.float64], amplitude: NDArray[np.float32], hz: NDArray[np.float32], sample_rate: float
) -> NDArray[np.float32]:
    """(samples,) from lines (frames, atoms); the first sample stands at the first frame, the last at the last one.

    Between two frames amplitude and frequency of a line go straight to those of its continuation, so its phase is
    the integral of its frequency. A line that has none fades over one hop, as one does that begins.
    """
    starts = np.rint((times - times[0]) * sample_rate).astype(np.int64)
    sound = np.zeros(int(starts[-1]) + 1, np.float64)
    active = [np.flatnonzero((row > 0) & (f > 0) & (f < sample_rate / 2)) for row, f in zip(amplitude, hz, strict=True)]
    phase = 2 * np.pi * hz[0, active[0]].astype(np.float64) * times[0]
    for n, (now, then) in enumerate(pairwise(active)):
        f0, f1 = hz[n, now].astype(np.float64), hz[n + 1, then].astype(np.float64)
        a0, a1 = amplitude[n, now], amplitude[n + 1, then]
        on = continuation(f0, f1)
        goes_on = on >= 0
        born = np.setdiff1d(np.arange(then.size), on[goes_on])
        hop_s = (starts[n + 1] - starts[n]) / sample_rate
        end_f, end_a = np.where(goes_on, f1[on], f0) if f1.size else f0, np.where(goes_on, a1[on], 0) if f1.size else 0
        end_phase = phase + np.pi * (f0 + end_f) * hop_s
        born_phase = 2 * np.pi * f1[born] * times[n + 1]
        begin = np.concatenate([f0, f1[born]]), np.concatenate([a0, np.zeros(born.size)])
        end = np.concatenate([end_f, f1[born]]), np.concatenate([end_a * np.ones(now.size), a1[born]])
        first_phase = np.concatenate([phase, born_phase - 2 * np.pi * f1[born] * hop_s])
        sound[starts[n] : starts[n + 1]] = _glide(begin, end, first_phase, int(starts[n + 1] - starts[n]), sample_rate)
        phase = np.zeros(then.size)
        phase[on[goes_on]] = end_phase[goes_on] % (2 * np.pi)
        phase[born] = born_phase % (2 * np.pi)
    sound[-1] = amplitude[-1, active[-1]] @ np.cos(phase)
    return sound.astype(np.float32)


def _glide(
    begin: tuple[NDArray[np.float64], NDArray[np.float64]],
    end: tuple[NDArray[np.float64], NDArray[np.float64]],
    phase: NDArray[np.float64],
    samples: int,
    sample_rate: float,
) -> NDArray[np.float64]:
    """The sum of cosines whose frequency, Hz, and amplitude go from `begin` to `end`, both (lines,)."""
    t = np.arange(samples) / sample_rate
    part = np.arange(samples) / max(1, samples)
    (f0, a0), (f1, a1) = begin, end
    angle = phase[:, None] + 2 * np.pi * (f0[:, None] * t + 0.5 * (f1 - f0)[:, None] * part * t)
    total: NDArray[np.float64] = ((a0[:, None] + (a1 - a0)[:, None] * part) * np.cos(angle)).sum(axis=0)
    return total
