"""Lines through frames: which peak goes on from which, how long each line lives, and what strikes all at once."""

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .drawing import ROWS_PER_OCTAVE
from .music import pitch_class

MOST_PEAKS = 192
"""The most peaks of a frame that are kept, from low to high."""
FAINTEST_DB = -100.0
REACH_ROWS = 3.0
"""A line goes on where the next frame has a peak this near, in rows of an `ROWS_PER_OCTAVE`th octave."""
LEVEL_ROWS_PER_DB = 0.05
"""How far a dB of difference counts: where two peaks are equally near, the one of more equal level is taken."""
RISE_DB, RISE_FRAMES = 6.0, 3
"""A band strikes where it has risen by so much in so many frames."""
AUDIBLE_DB = -75.0
"""Bands below this, relative to the loudest so far, strike nothing."""
HELD_FRAMES = 12
"""So long before and after it is said whose partial a line is, it is: voices are not known at every moment."""
Classes = NDArray[np.uint8]


@kernel
def gather_peaks(
    amplitude: Floats, frequency_hz: Floats, fundamental_hz: Floats, low_hz: float, a4_hz: float, cents: Doubles,
    row: Floats, level_db: Floats, voice: Classes, count: Integers,
) -> None:  # fmt: skip
    """(frames, streams, atoms) → each frame's peaks: (frames, peaks) of rows above `low_hz`, dB, and voices.

    voice: 1 to 12, the pitch class of the voice whose partial it is, C to B; 0 of none.  fundamental_hz: of no frames
    where nobody says.  a4_hz, cents: the tuning that classes are those of.
    """
    frames, streams, atoms = amplitude.shape
    faintest = 10.0 ** (FAINTEST_DB / 20.0)
    for frame in range(frames):
        found = 0
        for stream in range(streams):
            for atom in range(atoms):
                if found == MOST_PEAKS:
                    break
                if amplitude[frame, stream, atom] > faintest and frequency_hz[frame, stream, atom] >= low_hz:
                    row[frame, found] = np.log2(frequency_hz[frame, stream, atom] / low_hz) * ROWS_PER_OCTAVE
                    level_db[frame, found] = 20.0 * np.log10(amplitude[frame, stream, atom])
                    if len(fundamental_hz) > 0 and fundamental_hz[frame, stream, atom] > 0.0:
                        voice[frame, found] = pitch_class(fundamental_hz[frame, stream, atom], a4_hz, cents)
                    found += 1
        count[frame] = found


@kernel
def link_peaks(first: int, row: Floats, level_db: Floats, count: Integers, link: Integers, age: Integers) -> None:
    """From frame `first` on: the peak of the frame before that each goes on from, or −1, and its line's age, frames.

    Two peaks are linked if each is the other's nearest.
    """
    peaks = row.shape[1]
    back, forth = np.empty(peaks, np.int64), np.empty(peaks, np.int64)
    below, here = np.empty(peaks, np.int64), np.empty(peaks, np.int64)
    if max(first, 1) < len(row):
        _from_low_to_high(row[max(first, 1) - 1], count[max(first, 1) - 1], below)
    for frame in range(max(first, 1), len(row)):
        own, old = count[frame], count[frame - 1]
        _from_low_to_high(row[frame], own, here)
        _nearest(row[frame - 1], level_db[frame - 1], below[:old], row[frame], level_db[frame], here[:own], forth)
        _nearest(row[frame], level_db[frame], here[:own], row[frame - 1], level_db[frame - 1], below[:old], back)
        for peak in range(own):
            linked = back[peak] >= 0 and forth[back[peak]] == peak
            link[frame, peak] = back[peak] if linked else -1
            age[frame, peak] = age[frame - 1, back[peak]] + 1 if linked else 0
        below, here = here, below


@kernel
def _from_low_to_high(row: Floats, count: int, order: Integers) -> None:
    """Peaks in the order of their rows, by insertion: they nearly are."""
    for peak in range(count):
        at = peak
        while at > 0 and row[order[at - 1]] > row[peak]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = peak


@kernel
def _nearest(
    own_row: Floats, own_db: Floats, own: Integers, row: Floats, level_db: Floats, others: Integers, nearest: Integers
) -> None:  # fmt: skip
    """The nearest of `others` to each of a frame's peaks, `own`, both from low to high, or −1; of equals the first."""
    begin = 0
    for peak in own:
        while begin < len(others) and own_row[peak] - row[others[begin]] >= REACH_ROWS:
            begin += 1
        best, least = -1, 0.0
        for at in range(begin, len(others)):
            other = others[at]
            apart = abs(row[other] - own_row[peak])
            if apart >= REACH_ROWS:
                break
            apart += LEVEL_ROWS_PER_DB * abs(level_db[other] - own_db[peak])
            if best < 0 or apart < least or (apart == least and other < best):
                best, least = other, apart
        nearest[peak] = best


@kernel
def count_remaining(count: Integers, link: Integers, remaining: Integers) -> None:
    """For how many frames more each peak's line goes on, as far as it is known."""
    remaining[:] = 0
    for frame in range(len(count) - 1, 0, -1):
        for peak in range(count[frame]):
            if link[frame, peak] >= 0:
                remaining[frame - 1, link[frame, peak]] = remaining[frame, peak] + 1


@kernel
def hold_voices(first: int, count: Integers, link: Integers, voice: Classes, held: Integers) -> None:
    """From frame `first` on, a line without a voice has the one it had, for `HELD_FRAMES`; held: for how many yet."""
    for frame in range(max(first, 1), len(count)):
        for peak in range(count[frame]):
            before = link[frame, peak]
            if voice[frame, peak] > 0 or before < 0 or voice[frame - 1, before] == 0:
                continue
            if held[frame - 1, before] < HELD_FRAMES:
                voice[frame, peak] = voice[frame - 1, before]
                held[frame, peak] = held[frame - 1, before] + 1


@kernel
def foresee_voices(count: Integers, link: Integers, voice: Classes) -> None:
    """A line without a voice has the one that it will have within `HELD_FRAMES` frames."""
    until = np.zeros(voice.shape, np.int64)
    for frame in range(len(count) - 1, 0, -1):
        for peak in range(count[frame]):
            before = link[frame, peak]
            if voice[frame, peak] == 0 or before < 0 or voice[frame - 1, before] > 0:
                continue
            if until[frame, peak] < HELD_FRAMES:
                voice[frame - 1, before] = voice[frame, peak]
                until[frame - 1, before] = until[frame, peak] + 1


def struck(plain_db: Floats, loudest_db: float) -> NDArray[np.float64]:
    """(frames + RISE_FRAMES, bands) dB → (frames,): the share of all bands that strike.

    >>> silence, noise = np.full((9, 4), -120, np.float32), np.full((2, 4), -20, np.float32)
    >>> struck(np.concatenate([silence, noise]), -20.0).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    """
    risen = plain_db[RISE_FRAMES:] - plain_db[:-RISE_FRAMES] > RISE_DB
    share: Doubles = (risen & (plain_db[RISE_FRAMES:] > loudest_db + AUDIBLE_DB)).mean(axis=1)
    return share
