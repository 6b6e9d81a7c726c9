"""How likely a note begins at each step of each voice, by what its partials do around it."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from sharpear.dynamics.weights import layers, learned
from sharpear.sharpening.frames import Frames

from .notes import log_odds
from .pitch_layer import PitchFrames

Floats = NDArray[np.floating]

READOUT = "stroke_readout.npz"
LOW_HZ, PER_OCTAVE, OCTAVES = 55.0, 36, 8
"""Bins of a third of a semitone, from the bank's beginning on."""
HARMONICS = tuple(round(PER_OCTAVE * float(np.log2(h))) for h in (1 / 3, 1 / 2, 1, 2, 3, 4, 5, 6, 8))
RELATED = (-57, -36, 36, 57)
"""Bins from a pitch to those that share partials with it: twelfths and octaves."""
LAGS, FLUX_LAGS, VOICE_LAGS, RELATED_LAGS = (
    (-5, -3, -2, -1, 0, 1, 2, 3, 5),
    range(-3, 4),
    (-5, -2, 0, 2, 4, 6),
    (-3, 0, 4),
)
"""Steps around, at which levels, the flux of all, the voice itself and related voices are read."""
EVIDENCE = len(HARMONICS) * len(LAGS) + 4 + len(FLUX_LAGS) + 2 * len(VOICE_LAGS) + len(RELATED) * len(RELATED_LAGS) + 1
BELOW, ABOVE = 48 + 57, 36 * 3 + 5
"""Bins that hold nothing, below and above: for a piano's lowest key, and the harmonics of the highest."""
FLOOR, LEVEL_S = 1e-6, 3.0
"""Power, of the level, that is silence; and the time constant with which the level falls, s."""
BAND_BINS, COMPRESSION = 6, 0.3
"""Bins whose powers the flux adds up, and the power to which these count."""
EARLY = 6
"""Steps before a voice is found in which its note may have begun."""
BEGINNING = 5
"""Steps whose median is the pitch that a voice begins with."""
MARGIN = EARLY + BEGINNING + 2
NEAR_S, AROUND_S = 0.0186, 0.025
"""The readout tells of a beginning that is no farther away than the first; those of the second are added up."""
CHUNK = 512
"""Steps that are weighed together."""

Readout = Callable[[NDArray[np.float32]], Floats]
"""Evidence (rows, `EVIDENCE`) to probabilities (rows,)."""


class _Steps(NamedTuple):
    """Powers of bins (steps, bins) and their level (steps,); of places: Hz, amplitude and belief (steps, places)."""

    power: Floats
    level: Floats
    f0: Floats
    amplitude: Floats
    belief: Floats

    def span(self, first: int, past: int | None = None) -> "_Steps":
        return _Steps(*(part[first:past] for part in self))

    def then(self, more: "_Steps") -> "_Steps":
        return _Steps(*(np.concatenate(pair) for pair in zip(self, more, strict=True)))


class Strokes:
    r"""Collects the lines and the followed voices of the first stream, and weighs where notes begin.

    Of a voice at pitch p, what is read are the levels ``lg(E(p h, t + τ) / L(t)² + ε)`` of what lies within half a
    semitone of its harmonics, and of the pitches it may be mistaken for, over 0.12 s; how much begins in all bands;
    and since when the layer follows this voice and those that share its partials, how loud, and how surely. A readout
    that `benchmarks.transcription.fit_strokes` learned makes a probability of it that a note begins within 19 ms.

    Args:
        stride, step_s: frames of each step, and its length, s.
        readout: what weighs the evidence; the learned one by default.

    >>> strokes = Strokes(4, 0.0116, lambda evidence: np.ones(len(evidence)))
    >>> f0 = np.array([[0.0], [440.0], [440.0]])
    >>> strokes.follow(f0, f0 / 4400, f0 / 880)
    >>> strokes.end()[:, 0].tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, stride: int, step_s: float, readout: Readout | None = None) -> None:
        self._stride, self._readout = stride, readout or partial(weighed, _layers())
        self._fall = step_s / LEVEL_S
        self._frames: list[Floats] = [np.zeros((0, PER_OCTAVE * OCTAVES))]
        self._voices: list[tuple[Floats, Floats, Floats]] = []
        self._steps: _Steps | None = None
        self._waiting, self._level, self._chances = 0, 0.0, list[NDArray[np.float32]]()

    def hear(self, frames: PitchFrames | Frames) -> None:
        """Append the lines of consecutive frames."""
        self._frames.append(_binned(frames.amplitude[:, 0], frames.instantaneous_frequency[:, 0]))

    def follow(self, f0: Floats, amplitude: Floats, belief: Floats) -> None:
        """Append all voices that are followed (steps, places), after their frames: Hz, amplitudes, and beliefs."""
        self._voices.append((f0, amplitude, belief))
        self._waiting += len(f0)
        if self._waiting > CHUNK:
            self._weigh(self._taken())

    def end(self) -> NDArray[np.float32]:
        """(steps, places): the probability of each step and voice; it reaches `EARLY` steps before each voice."""
        if self._waiting or self._steps is not None:
            last = self._taken(ends=True)
            self._weigh(last.then(_silent(MARGIN, last)))
        return np.concatenate(self._chances) if self._chances else np.zeros((0, 1), np.float32)

    def _taken(self, ends: bool = False) -> _Steps:
        """What waits, as whole steps."""
        frames = np.concatenate(self._frames)
        if ends:
            frames = np.pad(frames, ((0, max(0, self._waiting * self._stride - len(frames))), (0, 0)))
        count = min(len(frames) // self._stride, self._waiting)
        whole = count * self._stride
        power = frames[:whole].reshape(count, self._stride, PER_OCTAVE * OCTAVES).mean(axis=1)
        f0, amplitude, belief = (np.concatenate(part) for part in zip(*self._voices, strict=True))
        self._frames = [frames[whole:]]
        self._voices = [(f0[count:], amplitude[count:], belief[count:])]
        self._waiting -= count
        level = np.empty(count)
        for n, loudest in enumerate(np.sqrt(power.max(axis=1, initial=0.0))):
            self._level = level[n] = max(self._level * np.exp(-self._fall), loudest, 1e-9)
        steps = _Steps(power, level, f0[:count], amplitude[:count], belief[:count])
        return (self._steps or _silent(MARGIN, steps)).then(steps)

    def _weigh(self, steps: _Steps) -> None:
        """Weigh all steps but `MARGIN` at either end, which stay."""
        past = len(steps.level) - MARGIN
        bins = _bins(steps.f0)
        at, place = np.nonzero(bins[MARGIN:past] >= 0)
        at += MARGIN
        chances = np.zeros((past - MARGIN, bins.shape[1]), np.float32)
        if at.size:
            chances[at - MARGIN, place] = self._readout(_evidence(steps, bins, at, place))
        self._chances.append(chances)
        self._steps = steps.span(past - MARGIN)


def expected(chances: Floats, step_s: float) -> NDArray[np.float32]:
    """Expected number of notes that begin around each step, of what `Strokes` gives (steps, …).

    >>> expected(np.array([0.0, 0, 0, 0.8, 0.8, 0.8, 0, 0]), 0.0116).astype(float).round(1).tolist()
    [0.0, 0.2, 0.5, 0.7, 0.7, 0.7, 0.5, 0.2]
    """
    around = 2 * round(AROUND_S / step_s) + 1
    mean = uniform_filter1d(np.asarray(chances, float), around, axis=0, mode="constant")
    return (mean * around * step_s / (2 * NEAR_S)).astype(np.float32)


def _binned(amplitude: Floats, hz: Floats) -> Floats:
    """(frames, bins) power of lines (frames, atoms) in each third of a semitone."""
    bins = PER_OCTAVE * OCTAVES
    frame, atom = np.nonzero((amplitude > 0) & (hz > 0))
    place = np.rint(PER_OCTAVE * np.log2(hz[frame, atom] / LOW_HZ)).astype(np.int64)
    inside = (place >= 0) & (place < bins)
    power = np.square(amplitude[frame, atom][inside].astype(np.float64))
    flat = np.bincount(frame[inside] * bins + place[inside], power, len(amplitude) * bins)
    return flat.astype(np.float64).reshape(len(amplitude), bins)


def _bins(f0: Floats) -> NDArray[np.int64]:
    """(steps, places) the bin of each voice, that in which it begins also `EARLY` steps before; -1 elsewhere."""
    with np.errstate(divide="ignore"):
        own = BELOW + np.rint(PER_OCTAVE * np.log2(f0 / LOW_HZ))
    bins = np.where(f0 > 0, np.clip(own, BELOW - 48, BELOW + PER_OCTAVE * OCTAVES - 1), -1).astype(np.int64)
    begins, places = np.nonzero((bins[1:] >= 0) & (bins[:-1] < 0))
    for step, place in zip(begins + 1, places, strict=True):
        first = bins[step : step + BEGINNING, place]
        before = bins[max(0, step - EARLY) : step, place]
        before[before < 0] = int(np.median(first[first >= 0]))
    return bins


def _silent(count: int, like: _Steps) -> _Steps:
    """Steps in which nothing sounds."""
    silent = _Steps(*(np.zeros((count, *part.shape[1:])) for part in like))
    return silent._replace(level=np.ones(count))


def _evidence(
    steps: _Steps, voices: NDArray[np.int64], at: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(rows, `EVIDENCE`) of the voices at steps and places (rows,); voices: the bin of each (steps, places)."""
    bins = voices[at, places]
    share = steps.power / np.square(steps.level)[:, None]
    near = np.pad(share, ((0, 0), (1, 1)))
    levels = np.zeros((len(share), BELOW + share.shape[1] + ABOVE), np.float32)
    levels[:, BELOW:-ABOVE] = _decades(near[:, :-2] + near[:, 1:-1] + near[:, 2:])
    bands = np.add.reduceat((share + FLOOR) ** COMPRESSION, np.arange(0, share.shape[1], BAND_BINS), axis=1)
    rise = np.maximum(np.diff(bands, axis=0, prepend=bands[:1]), 0).sum(axis=1)
    loud = bands.sum(axis=1)
    flux = rise / (loud + np.append(loud[:1], loud[:-1]))
    sure, heard = np.full_like(levels, -1.0), np.zeros_like(levels)
    step, place = np.nonzero(steps.f0 > 0)
    own = voices[step, place]
    odds = np.clip(log_odds(steps.belief[step, place]) / 6, -1, 1.5)
    amplitude = _decades(np.square(steps.amplitude[step, place] / steps.level[step]))
    for beside in (-1, 1, 0):
        np.maximum.at(sure, (step, own + beside), odds)
        np.maximum.at(heard, (step, own + beside), amplitude)
    columns = [levels[at + lag, bins + harmonic] for harmonic in HARMONICS for lag in LAGS]
    columns += [levels[at + lag, bins + beside] for beside in (-3, 3) for lag in (0, 3)]
    columns += [flux[at + lag] for lag in FLUX_LAGS]
    columns += [part[at + lag, bins] for part in (sure, heard) for lag in VOICE_LAGS]
    columns += [sure[at + lag, bins + related] for related in RELATED for lag in RELATED_LAGS]
    columns += [(bins - BELOW) / (2 * PER_OCTAVE) - 1]
    return np.stack(columns, axis=1).astype(np.float32)


def _decades(power: Floats) -> Floats:
    """Levels above the floor, 20 dB each 2/3."""
    return np.asarray((np.log10(power + FLOOR) - np.log10(FLOOR)) / 3)


def pitch_of(evidence: Floats) -> Floats:
    """MIDI pitch (rows,) of the bins whose evidence it is."""
    return np.asarray(69 + 12 * (np.log2(LOW_HZ / 440) + 2 * (evidence[:, -1] + 1)))


def weighed(readout: Sequence[NDArray[np.float32]], evidence: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities ``σ(W₃ ⌊W₂ ⌊W₁ x⌋₊⌋₊)``, the bias last in each row of the weights."""
    *hidden, last = readout
    for weights in hidden:
        evidence = np.maximum(evidence @ weights[:, :-1].T + weights[:, -1], 0)
    return np.asarray(1 / (1 + np.exp(-(evidence @ last[0, :-1] + last[0, -1]))))


@cache
def _layers() -> list[NDArray[np.float32]]:
    """What `benchmarks.transcription.fit_strokes` learned."""
    found = layers(learned("sharpear.pitch", READOUT), ("first", "second", "last"))
    return [found[name] for name in ("first", "second", "last")]
