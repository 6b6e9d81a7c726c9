"""Lines as strokes on axes of Matplotlib (extra `plot`), joined where one continues, in Hz on a logarithmic axis."""

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from sharpear.sharpening.continuation import continuation

MOST_COLUMNS = 2000
"""More frames than this are pooled, the largest amplitude of each atom: no picture is wider."""
TICKS_HZ = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
FAINTEST_PT, BOLDEST_PT = 0.4, 1.8


def pooled(
    times: NDArray[np.float64], amplitude: NDArray[np.float32], hz: NDArray[np.float32], columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """At most `columns` frames: of each few in a row, each atom's largest amplitude and the frequency that it has."""
    each = -(-len(times) // columns)
    if each <= 1:
        return times, amplitude, hz
    firsts = np.arange(0, len(times), each)
    chosen = np.stack([first + amplitude[first : first + each].argmax(axis=0) for first in firsts])
    atoms = np.arange(amplitude.shape[1])
    return times[firsts], amplitude[chosen, atoms], hz[chosen, atoms]


def strokes(
    times: NDArray[np.float64], amplitude: NDArray[np.float32], hz: NDArray[np.float32], floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Segments (strokes, 2, 2) of (s, Hz), and their amplitudes, of the lines (frames, atoms) of at least `floor`.

    Each line of a frame is a stroke to the line of the next one that continues it, or, where there is none, half a
    frame long and level: nothing is drawn across a gap.
    """
    hop_s = float(np.median(np.diff(times))) if len(times) > 1 else 1e-3
    active = [np.flatnonzero((row >= floor) & (row > 0) & (f > 0)) for row, f in zip(amplitude, hz, strict=True)]
    active.append(np.zeros(0, np.int64))
    pieces, levels = [np.zeros((0, 2, 2))], [np.zeros(0)]
    for n, (now, then) in enumerate(pairwise(active)):
        f, a = hz[n, now].astype(np.float64), amplitude[n, now].astype(np.float64)
        end_t, end_f = np.full(now.size, times[n] + hop_s / 2), f.copy()
        if then.size:
            on = continuation(f, hz[n + 1, then])
            goes_on = on >= 0
            end_t[goes_on], end_f[goes_on] = times[n + 1], hz[n + 1, then[on[goes_on]]]
            a[goes_on] = np.sqrt(a[goes_on] * amplitude[n + 1, then[on[goes_on]]])
        pieces.append(np.stack([np.full(now.size, times[n]), f, end_t, end_f], axis=1).reshape(-1, 2, 2))
        levels.append(a)
    return np.concatenate(pieces), np.concatenate(levels)


def draw_strokes(
    axes: Axes,
    times: NDArray[np.float64],
    amplitude: NDArray[np.float32],
    hz: NDArray[np.float32],
    span_hz: tuple[float, float],
    range_db: float,
    colours: Any = "magma",
) -> LineCollection:
    """Draw lines (frames, atoms) in dB below the largest; `axes` get a logarithmic axis of Hz and one of s.

    Strokes are as wide as they are strong; the faintest come first, so that no strong one is hidden.
    """
    peak = max(float(amplitude.max(initial=0.0)), 1e-30)
    segments, levels = strokes(*pooled(times, amplitude, hz, MOST_COLUMNS), peak * 10 ** (-range_db / 20))
    level_db = 20 * np.log10(np.maximum(levels, 1e-30) / peak)
    order = np.argsort(level_db, kind="stable")
    drawn = LineCollection(
        list(segments[order]),
        array=level_db[order],
        cmap=colours,
        norm=Normalize(-range_db, 0.0),
        linewidths=FAINTEST_PT + (BOLDEST_PT - FAINTEST_PT) * np.clip(1 + level_db[order] / range_db, 0, 1),
        capstyle="round",
        rasterized=True,
    )
    axes.set_facecolor(drawn.get_cmap()(0.0))
    axes.add_collection(drawn, autolim=False)
    axes.set_yscale("log")
    axes.set_xlim(times[0], max(times[-1], times[0] + 1e-3))
    axes.set_ylim(*span_hz)
    axes.set_yticks([f for f in TICKS_HZ if span_hz[0] <= f <= span_hz[1]])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (Hz)")
    return drawn
