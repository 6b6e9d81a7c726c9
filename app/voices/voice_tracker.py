"""The voices in a sound: fundamentals and complex partials, fitted together to the waveform around each moment."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler.products import HALF, LANES
from sharpear.dynamics import HarmonicFields
from sharpear.dynamics.divisive import DivisiveGains
from sharpear.gpu.stateful import Stateful, allocated, at_rest, fields_of, named

from .tracker_arrays import (
    BAND_PER_HOP,
    LATER_ROWS,
    ROW_HOPS,
    ROWS,
    TOLD,
    TrackerOut,
    TrackerParts,
    TrackerState,
    TrackerTables,
)
from .voice_evidence_kernel import HIGHEST_HZ, LOWEST_HZ, EvidenceRule, RowRoom
from .voice_fit import APART, GROWTH_STEP, GROWTHS, MOMENTS, VoiceTables
from .voice_hypotheses_kernel import PEAKS, REST, HypothesisTables
from .voice_spectrum_kernel import SpectrumTables
from .voice_tracker_kernel import track
from .voices_kernel import MOST_PARTIALS, MOST_VOICES, PARTIALS, SHARED

HALF_HOPS = 10
"""Voices are fitted to so many hops on either side of a moment: 29 ms."""

RISE_HOPS = 1.5
"""A window to one side of a moment rises over so many hops before it."""

FILTER_HOPS = 2
"""The band is so late."""

DELAY_HOPS = HALF_HOPS + FILTER_HOPS + LATER_ROWS * ROW_HOPS
"""From a moment to the end of the frame that says what voices it has: 20 hops."""

CARRIER_HOPS = 6
"""The band is turned down by so many turns a hop, 2 067 Hz, so that it is the same from hop to hop."""

FILLED = 64
"""Samples of a window are as many times so many, the last ones with no weight, as loops over them run in lanes: four
vectors of 16."""

TOP_HZ = 4200.0
"""No partial is above."""

BAND_EDGES_HZ = (-10.0, 4250.0)
KAISER = 7.0
"""Half-power points of the band, and the shape of its filters (-70 dB)."""

POINTS = 1024
"""Points of the spectrum."""

FIELDS = HarmonicFields.over(
    LOWEST_HZ, HIGHEST_HZ, per_octave=60, harmonics=12, rolloff=0.7, tolerance_cents=24.0
)  # fmt: skip
"""Receptive fields of the hypotheses over partials."""

GAINS = DivisiveGains(np.float32(1), np.float32(0.05), np.float32(1), REST)
"""How they share these: all know of each other."""

BELOW_HZ = 10.0
"""Peaks of the spectrum that are farther below the lowest fundamental are no partials."""

SPREAD = (0.004, 2.0, 60.0, 15.0, 3e-4)
"""How far f0 (in ln) is expected from where a fit begins, and slope, curvature, growth and stiffness from 0."""

RULE = EvidenceRule(weight=6.0, second_weight=24.0, share=3e-3, significant=6.0, contiguous=0.45)
"""See docs/voices.md for what each brings."""


@dataclass(frozen=True)
class VoiceFrames:
    """The partials of the voices at each frame's moment, `DELAY_HOPS` before it ends.

    partials: (frames, streams) int64, how many there are.
    named: (frames, streams) int64, how many of those below may name a line of the windows': as many where voices
        explain the sound; elsewhere `partials` is 0, and those below do no more than that.
    hz, energy: (frames, streams, 64) float32, Hz and amplitude²; 0 for one that is part of another, with which it
        coincides.
    precision: (frames, streams, 64) float32, energy over its variance.
    multiple: (frames, streams, 64) float32, Hz over its voice's fundamental: a whole number, or a little more.
    beyond: (frames, streams, bands) float32, amplitude² in bands that no voice explains.
    told: (frames, streams, 6) float32, of all voices: ln of the share of energy that they leave; how many there are;
        ln of 1 + the rows that the youngest has lasted; whether some were found later; whether the moment is seen from
        after it alone, or from before.
    """

    partials: NDArray[np.int64]
    named: NDArray[np.int64]
    hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    precision: NDArray[np.float32]
    multiple: NDArray[np.float32]
    beyond: NDArray[np.float32]
    told: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.partials)


class VoiceTracker(Stateful):
    """Find and follow voices: ``Σ_h a_h e^{γu} exp(2πi h f √(1+Bh²) (u + s u²/2 + c u³/6))``.

    Args:
        sample_rate: Hz.
        hop: samples between frames.
        band_hz: (bands,) middles of the bands whose rest is told, Hz.
        streams: independent signals.

    Every fourth hop the voices that were there are fitted once more to 58 ms around the moment, with free complex
    partials, and what they leave is searched for others (variable projection: Golub and Pereyra 1973; voices are kept
    by an information criterion: Schwarz 1978). 23 ms later the row is looked at again with what has been found since,
    and, where sounds begin or end, through windows that lie after or before the moment alone.

    >>> tracker = VoiceTracker(44100.0, 128, 60 * 2 ** (np.arange(33) / 4))
    >>> t = np.arange(128 * 60) / 44100
    >>> tone = sum(0.3 / h * np.cos(2 * np.pi * 220 * h * t) for h in range(1, 6)).astype(np.float32)
    >>> frames = tracker.process(tone.reshape(60, 1, 128))
    >>> int(frames.partials[-1, 0]), frames.hz[-1, 0, :5].round(1).tolist()
    (5, [220.0, 440.0, 660.0, 880.0, 1100.0])
    >>> np.sqrt(frames.energy[-1, 0, :5].astype(float)).round(2).tolist()
    [0.3, 0.15, 0.1, 0.07, 0.06]
    """

    def __init__(
        self, sample_rate: float, hop: int, band_hz: NDArray[np.float64], streams: int = 1, rule: EvidenceRule = RULE
    ) -> None:
        self._tables: TrackerTables = tracker_tables(sample_rate, hop, band_hz, rule)
        lengths = {
            "streams": streams,
            "taps": self._tables.taps_real.shape[1],
            "band": BAND_PER_HOP * (2 * HALF_HOPS + LATER_ROWS * ROW_HOPS + 1),
            "rows": ROWS,
            "one": 1,
            "two": 2,
            "voices": MOST_VOICES,
            "shared": SHARED,
            "partials": PARTIALS,
            "all partials": MOST_PARTIALS,
            "ways": SHARED * MOST_VOICES,
            "filled ways": -(-SHARED * MOST_VOICES // HALF) * HALF,
            "both parts": 2 * MOST_PARTIALS,
            "moments": MOMENTS,
            "filled partials": MOST_PARTIALS + LANES,
            "samples": self._tables.whole.window.size,
            "points": POINTS,
            "grid": FIELDS.pitch_hz.size,
            "peaks": PEAKS,
            "starts": PEAKS + 1,
            "links": PEAKS * FIELDS.most_connections,
            "bands": band_hz.size,
            "told": TOLD,
        }
        below = {"number": MOST_VOICES + 1, "partials": MOST_PARTIALS + 1, "named": MOST_PARTIALS + 1}
        self._remember([*fields_of(TrackerState, lengths), ("frame", np.int64)], below=below)
        self._lengths = lengths

    @property
    def parts(self) -> TrackerParts:
        """What the kernels take, always the same arrays."""
        return TrackerParts(self._tables, named(TrackerState, self._state))

    @property
    def frame(self) -> NDArray[np.int64]:
        """The number of the next frame, to be counted on by who runs the kernels."""
        number: NDArray[np.int64] = self._state["frame"]
        return number

    def room(self) -> RowRoom:
        """Room for a row."""
        return allocated(RowRoom, self._lengths)

    def out(self, frames: int, streams: int) -> TrackerOut:
        """Room for what is said of so many frames of so many streams."""
        lengths = {**self._lengths, "frames": frames, "streams": streams}
        return at_rest(TrackerOut, lengths)

    @cached_property
    def _room(self) -> RowRoom:
        """Needed by `process` alone."""
        return self.room()

    def process(self, samples: NDArray[np.float32]) -> VoiceFrames:
        """What is said of the frames that hops of sound, (frames, streams, hop), complete."""
        out = self.out(*samples.shape[:2])
        track(samples, int(self.frame), *self.parts, self._room, out)
        self._state["frame"] += len(samples)
        return VoiceFrames(*out)


def tracker_tables(
    sample_rate: float, hop: int, band_hz: NDArray[np.float64], rule: EvidenceRule = RULE
) -> TrackerTables:
    """What a tracker needs at a sample rate."""
    hop_s = hop / sample_rate
    top_hz = min(TOP_HZ, 0.45 * sample_rate)
    real, imag = _taps(sample_rate, hop)
    hz = _bin_hz(hop_s)
    place = np.interp(np.log(np.maximum(hz, 1.0)), np.log(band_hz), np.arange(band_hz.size))
    inside = (hz > band_hz[0] / 2) & (hz < top_hz)
    below = np.where(inside, np.minimum(place.astype(np.int64), band_hz.size - 2), -1)
    whole, right, left = (_voice_tables(hop_s, top_hz, side) for side in (0, 1, -1))
    return TrackerTables(
        real, imag, hop_s, whole, right, left, _spectrum_tables(), _hypothesis_tables(hz), rule, below, place - below
    )


def _voice_tables(hop_s: float, top_hz: float, side: int) -> VoiceTables:
    """For fits around a moment, or (side 1, -1) after or before it."""
    n = np.arange(1 - HALF_HOPS * BAND_PER_HOP, HALF_HOPS * BAND_PER_HOP)
    hops = n / BAND_PER_HOP
    window = np.cos(np.pi / 2 * hops / HALF_HOPS)
    if side:
        before = -side * hops
        rising = np.where(before > RISE_HOPS, 0.0, np.cos(np.pi / 2 * before / RISE_HOPS))
        window = np.where(before > 0, rising, window)
    inside = np.flatnonzero(window > 0)
    filled = inside[0] + np.arange(-(-inside.size // FILLED) * FILLED)
    n, window = n[0] + filled, np.append(window, np.zeros(FILLED))[filled]
    hops = n / BAND_PER_HOP
    carrier = window * np.exp(-2j * np.pi * CARRIER_HOPS * hops)
    time_s, step_s = hops * hop_s, hop_s / BAND_PER_HOP
    return VoiceTables(
        time_s=time_s.astype(np.float32), first=int(n[0]), window=window.astype(np.float32),
        carrier_real=carrier.real.astype(np.float32), carrier_imag=carrier.imag.astype(np.float32),
        step_s=step_s, window_power=float(window @ window), top_hz=top_hz, spread=np.asarray(SPREAD),
        reach_hz=_reaches(time_s, window, 1 / step_s),
    )  # fmt: skip


def _reaches(time_s: NDArray[np.float64], window: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """From where on the spectrum of the window squared stays below `APART` of its sum, for each mean growth."""
    points = 1 << 15
    found = []
    for growth in GROWTH_STEP * (np.arange(GROWTHS) - GROWTHS // 2):
        grown = np.square(window) * np.exp(2 * growth * time_s)
        seen = np.abs(np.fft.rfft(grown, points)) > APART * grown.sum()
        found.append((int(np.flatnonzero(seen).max()) + 1) * rate_hz / points)
    return np.array(found)


def _taps(sample_rate: float, hop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Windowed complex sinc filters, turned down by the carrier: a row for each sample of the band in a hop."""
    hop_s, count = hop / sample_rate, (2 * FILTER_HOPS + 1) * hop
    low_hz, high_hz = BAND_EDGES_HZ[0], min(BAND_EDGES_HZ[1], 0.47 * sample_rate)
    middle_hz, width_hz = (low_hz + high_hz) / 2, high_hz - low_hz
    rows = []
    for m in range(BAND_PER_HOP):
        at_hops = -FILTER_HOPS - (BAND_PER_HOP - 1 - m) / BAND_PER_HOP  # from the end of the newest sample
        x_s = (np.arange(count) - (count - 1)) / sample_rate - at_hops * hop_s
        u = np.clip(x_s / (FILTER_HOPS * hop_s), -1, 1)
        window = np.where(np.abs(u) < 1, np.i0(KAISER * np.sqrt(1 - u * u)) / np.i0(KAISER), 0)
        sinc = 2 * width_hz / sample_rate * np.sinc(width_hz * x_s) * window
        rows.append(sinc * np.exp(-2j * np.pi * (middle_hz * x_s + CARRIER_HOPS * at_hops)))
    taps = np.array(rows)
    return np.ascontiguousarray(taps.real, np.float32), np.ascontiguousarray(taps.imag, np.float32)


def _bin_hz(hop_s: float) -> NDArray[np.float64]:
    """Where the bins of the band's spectrum are."""
    return np.asarray((np.fft.fftfreq(POINTS, 1 / BAND_PER_HOP) + CARRIER_HOPS) / hop_s, np.float64)


def _spectrum_tables() -> SpectrumTables:
    """Butterfly i of stage m turns by 2^m roots in turn, each for so many neighbours."""
    bits = POINTS.bit_length() - 1
    place = np.arange(POINTS // 2)
    root = np.exp([-2j * np.pi * (place >> bits - 1 - m << bits - 1 - m) / POINTS for m in range(bits)])
    return SpectrumTables(
        reversed_bits=np.array([int(f"{n:0{bits}b}"[::-1], 2) for n in range(POINTS)]),
        root_real=root.real.astype(np.float32), root_imag=root.imag.astype(np.float32),
    )  # fmt: skip


def _hypothesis_tables(bin_hz: NDArray[np.float64]) -> HypothesisTables:
    """bin_hz: of the bins of the spectrum."""
    ascending = np.argsort(bin_hz)
    bins = ascending[bin_hz[ascending] > LOWEST_HZ - BELOW_HZ]
    return HypothesisTables(
        bins=bins, first_hz=float(bin_hz[bins[0]]), step_hz=float(bin_hz[bins[1]] - bin_hz[bins[0]]),
        grid_hz=FIELDS.pitch_hz, fields=FIELDS.rule,
        total=np.full(FIELDS.pitch_hz.size, FIELDS.tooth.sum(), np.float32), gains=GAINS,
    )  # fmt: skip
