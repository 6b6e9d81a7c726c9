"""Lines as strokes: from frame to frame where a line goes on, upright where many bands are struck at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.config import TuningConfig
from sharpear.sharpening.frames import Frames

from .linking import (
    MOST_PEAKS,
    RISE_FRAMES,
    Classes,
    count_remaining,
    foresee_voices,
    gather_peaks,
    hold_voices,
    link_peaks,
    struck,
)
from .music import STANDARD, TEMPERED_CENTS

LOOKAHEAD = 32
"""Frames for which a line's future is awaited before it is drawn."""
FADES_BELOW, WHOLE_FROM = 3, 16
"""A line that lives for as many frames or fewer all but fades, for as many or more it is drawn as it is."""
FAINTEST_WEIGHT = 0.06
STRIKES_FROM = 0.3
"""Share of the bands that rise at once where something was struck."""
FRESH_FRAMES = RISE_FRAMES + 2
"""Lines this young at a stroke were struck by it."""
TALLEST_ROWS = 64.0
"""An upright stroke joins lines that stand no further apart, in rows."""
FLANK_DB = 9.0
"""By how much a stroke's level has fallen a row, or a pixel, from its middle; twice as far, four times as much."""
STROKE = np.dtype([("t", "<u2", 2), ("row", "<u2", 2), ("level", "u1", 2), ("weight", "u1"), ("voice", "u1")])
"""A stroke as the page draws it: both ends' frame in the tile, row × 64, ``1 + 2 (dB + 120)``; weight × 255; voice."""
ROW_STEPS, LOWEST_DB, STEPS_PER_DB = 64, -120.0, 2.0
Words = NDArray[np.uint16]
NOBODYS = np.zeros((0, 0, 0), np.float32)
FADED_DB = 60.0
"""How much fainter what has neither past nor future is drawn than it is."""


@dataclass(frozen=True)
class Peaks:
    """Lines of consecutive frames; all arrays are (frames, peaks), `count` says how many of them there are.

    weight: 1 where a line lasts, near 0 where it has neither past nor future.  voice: 1 to 12, the pitch class of the
    voice whose partial it is, C to B; 0 of none, or where frames do not say.
    """

    first: int
    row: Floats
    level_db: Floats
    count: Integers
    link: Integers
    age: Integers
    remaining: Integers
    weight: Floats
    voice: Classes
    strikes: NDArray[np.bool_]


class Linker:
    """Frames in, their peaks out `LOOKAHEAD` frames later, linked and weighed."""

    def __init__(self, low_hz: float, tuning: TuningConfig = STANDARD) -> None:
        self._low_hz, self._a4_hz, self._cents = low_hz, tuning.a4_hz, TEMPERED_CENTS[tuning.temperament]
        self._first, self._done = 0, 0
        self._loudest_db = -100.0
        self._row, self._level_db = (np.zeros((0, MOST_PEAKS), np.float32) for _ in range(2))
        self._link, self._age, self._held = (np.zeros((0, MOST_PEAKS), np.int64) for _ in range(3))
        self._voice = np.zeros((0, MOST_PEAKS), np.uint8)
        self._count = np.zeros(0, np.int64)
        self._plain_db: Floats | None = None
        self._share = np.zeros(0)

    def process(self, frames: Frames, last: bool = False) -> Peaks | None:
        """The peaks that are known by now, all of them at the `last` frames."""
        held = len(self._count)
        self._append(frames)
        count, link = self._count, self._link
        link_peaks(held, self._row, self._level_db, count, link, self._age)
        hold_voices(held, count, link, self._voice, self._held)
        remaining = np.zeros_like(link)
        count_remaining(count, link, remaining)
        new = (len(count) if last else len(count) - LOOKAHEAD) - self._done
        if new <= 0:
            return None
        strikes = self._strikes()
        voice = self._voice.copy()
        foresee_voices(count, link, voice)
        chosen = slice(self._done, self._done + new)
        weight = weights(self._age, remaining)
        peaks = Peaks(
            self._first + self._done, self._row[chosen], self._level_db[chosen], count[chosen], link[chosen],
            self._age[chosen], remaining[chosen], weight[chosen], voice[chosen], strikes[chosen],
        )  # fmt: skip
        self._drop(self._done + new - FRESH_FRAMES)
        self._done = min(FRESH_FRAMES, self._done + new)
        return peaks

    def _append(self, frames: Frames) -> None:
        shape = len(frames), MOST_PEAKS
        row, level_db, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(len(frames), np.int64)
        voice = np.zeros(shape, np.uint8)
        whose = NOBODYS if frames.fundamental is None else frames.fundamental
        gather_peaks(
            frames.amplitude, frames.instantaneous_frequency, whose, self._low_hz, self._a4_hz, self._cents, row,
            level_db, voice, count,
        )  # fmt: skip
        self._row, self._level_db = np.concatenate([self._row, row]), np.concatenate([self._level_db, level_db])
        self._count = np.concatenate([self._count, count])
        self._link = np.concatenate([self._link, np.full(shape, -1)])
        self._age = np.concatenate([self._age, np.zeros(shape, np.int64)])
        self._held = np.concatenate([self._held, np.zeros(shape, np.int64)])
        self._voice = np.concatenate([self._voice, voice])
        plain_db = (10 * np.log10(np.square(frames.plain_amplitude).sum(axis=1) + 1e-12)).astype(np.float32)
        if not len(plain_db):
            return
        before = (
            np.full((RISE_FRAMES, plain_db.shape[1]), -120, np.float32) if self._plain_db is None else self._plain_db
        )
        joined = np.concatenate([before, plain_db])
        self._loudest_db = max(self._loudest_db, float(plain_db.max()))
        self._share = np.concatenate([self._share, struck(joined, self._loudest_db)])
        self._plain_db = joined[-RISE_FRAMES:]

    def _strikes(self) -> NDArray[np.bool_]:
        """Where the share of struck bands is largest in its surroundings."""
        share = np.pad(self._share, 2)
        around = np.max([share[n : n + len(self._share)] for n in (0, 1, 3, 4)], axis=0)
        found: NDArray[np.bool_] = (self._share >= STRIKES_FROM) & (self._share > around)
        return found

    def _drop(self, frames: int) -> None:
        frames = max(0, frames)
        self._first += frames
        for name in ("_row", "_level_db", "_count", "_link", "_age", "_held", "_voice", "_share"):
            setattr(self, name, getattr(self, name)[frames:])


def weights(age: Integers, remaining: Integers) -> Floats:
    """How surely each peak is a line: by how long its line lives.

    >>> weights(np.array([0, 20]), np.array([0, 0])).tolist()
    [0.05000000074505806, 1.0]
    """
    weight: Floats = ((age + remaining + 1 - FADES_BELOW) / (WHOLE_FROM - FADES_BELOW)).clip(0.05, 1).astype(np.float32)
    return weight


class Strokes:
    """Peaks in, strokes out: each spans `step` frames, or less where its line begins or ends."""

    def __init__(self, step: int) -> None:
        self.step = step
        self._anchor = np.zeros((MOST_PEAKS, 3), np.float64)

    def process(self, peaks: Peaks) -> Doubles:
        """(strokes, 8): frame, row and dB of both ends; weight, and voice."""
        out = np.empty((int(peaks.count.sum()) * 2 + 1, 8))
        made = _draw(
            peaks.first, self.step, peaks.row, peaks.level_db, peaks.count, peaks.link, peaks.age, peaks.remaining,
            peaks.weight, peaks.voice, peaks.strikes, self._anchor, out,
        )  # fmt: skip
        return out[:made]


@kernel
def _draw(
    first: int, step: int, row: Floats, level_db: Floats, count: Integers, link: Integers, age: Integers,
    remaining: Integers, weight: Floats, voice: Classes, strikes: NDArray[np.bool_], anchor: Doubles, out: Doubles,
) -> int:  # fmt: skip
    """Returns how many strokes there are. anchor: where the last stroke of each line ended, by the frame's peaks."""
    made = 0
    now, before = np.empty_like(anchor), anchor.copy()
    for frame in range(len(row)):
        at = first + frame
        joint = at % step == 0
        for peak in range(count[frame]):
            here = float(at), float(row[frame, peak]), float(level_db[frame, peak])
            line, dies = link[frame, peak], remaining[frame, peak] == 0
            end = (before[line, 0], before[line, 1], before[line, 2]) if line >= 0 else here
            if (dies or (joint and line >= 0)) and weight[frame, peak] > FAINTEST_WEIGHT:
                _place(out, made, 0, end)
                _place(out, made, 3, here)
                out[made, 6], out[made, 7] = weight[frame, peak], voice[frame, peak]
                made += 1
            _place(now, peak, 0, here if joint else end)
        if strikes[frame]:
            made = _draw_upright(at, row[frame, : count[frame]], level_db[frame], voice[frame], age[frame], out, made)
        now, before = before, now
    anchor[:] = before
    return made


@kernel
def _place(ends: Doubles, number: int, column: int, end: tuple[float, float, float]) -> None:
    ends[number, column], ends[number, column + 1], ends[number, column + 2] = end


@kernel
def _draw_upright(
    at: int, row: Floats, level_db: Floats, voice: Classes, age: Integers, out: Doubles, made: int
) -> int:
    """Join what a stroke has struck, from low to high."""
    last = -1
    for peak in np.argsort(row):
        if age[peak] > FRESH_FRAMES:
            continue
        if last >= 0 and row[peak] - row[last] < TALLEST_ROWS:
            _place(out, made, 0, (float(at), float(row[last]), float(level_db[last])))
            _place(out, made, 3, (float(at), float(row[peak]), float(level_db[peak])))
            out[made, 6], out[made, 7] = 1.0, voice[peak] if voice[peak] == voice[last] else 0
            made += 1
        last = peak
    return made


def faded_db(strokes: Doubles) -> Doubles:
    """(strokes, 8) with the levels that they are drawn at, less where a line is less sure.

    >>> faded_db(np.array([[0.0, 9.0, -20.0, 1.0, 9.0, -30.0, 0.5, 0.0]]))[0, 2:6:3].tolist()
    [-50.0, -60.0]
    """
    drawn = strokes.copy()
    drawn[:, 2:6:3] -= FADED_DB * (1 - strokes[:, 6:7])
    return drawn


def packed(strokes: Doubles, first_frame: int) -> NDArray[np.void]:
    """(strokes, 8) → records of `STROKE`, their frames counted from `first_frame`."""
    words = np.empty((len(strokes), STROKE.itemsize // 2), np.uint16)
    _pack(strokes, first_frame, words)
    records: NDArray[np.void] = words.view(STROKE)[:, 0]
    return records


@kernel
def _pack(strokes: Doubles, first_frame: int, words: Words) -> None:
    """As `STROKE` has it, byte by byte, two of which are a word, the first of them its lower half."""
    for n in range(len(strokes)):
        bytes_ = (0, 0)
        for end in range(2):
            words[n, end] = min(65535.0, max(0.0, strokes[n, 3 * end] - first_frame))
            words[n, 2 + end] = min(65535.0, max(0.0, np.rint(strokes[n, 3 * end + 1] * ROW_STEPS)))
            level = np.rint(1 + (strokes[n, 3 * end + 2] - LOWEST_DB) * STEPS_PER_DB)
            bytes_ = bytes_[1], int(min(255.0, max(1.0, level)))
        words[n, 4] = bytes_[0] + 256 * bytes_[1]
        words[n, 5] = int(np.rint(strokes[n, 6] * 255)) + 256 * int(strokes[n, 7])
