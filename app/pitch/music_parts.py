"""Which part of the music each voice is: the layer's places, in which voices come and go, made into few parts."""

import numpy as np
from numpy.typing import NDArray

TOGETHER = 0.2
"""Share of the sounding time in which so many voices sound together as there are parts."""
TAIL_S = 0.05
"""A note may ring on so long into the next one of its part: it is cut there."""
CUT_SEMITONES = 3.0
"""How much farther away another part may be, that no note is cut."""
USUAL = 0.5
"""Share of a part's usual pitch in the distance to it; the rest is that to its last one."""


def in_parts(f0: NDArray[np.float32], step_s: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The part of every voice (steps, voices), the lowest is 0 and -1 where silent; and what stays when tails are cut.

    There are as many parts as voices sound together, at least in `TOGETHER` of the time; more only where more sound.
    A voice from where it begins to where it ends is of one part: the nearest by pitch that is free.

    f0: (steps, voices) Hz, 0 where silent.

    >>> f0 = np.array([[0, 220, 440], [330, 220, 0], [330, 220, 0]], np.float32)
    >>> in_parts(f0, 0.01)[0].tolist()
    [[-1, 0, 1], [1, 0, -1], [1, 0, -1]]
    """
    sounds = f0 > 0
    part, kept = np.full(f0.shape, -1), sounds.copy()
    usual = usual_pitches(f0)
    last, until, holder = list(usual), [-1] * len(usual), [-1] * len(usual)
    for first, past, place in stretches(sounds):
        pitch = 12 * float(np.log2(np.median(f0[first:past, place])))
        costs = []
        for v in range(len(last)):
            late = until[v] - first
            away = USUAL * abs(pitch - usual[v]) + (1 - USUAL) * abs(pitch - last[v])
            costs.append(
                np.inf if late * step_s > TAIL_S or late >= past - first else away + CUT_SEMITONES * (late > 0)
            )
        best = int(np.argmin(costs)) if costs else -1
        if best < 0 or costs[best] == np.inf:
            best = len(last)
            usual.append(pitch)
            last.append(pitch)
            until.append(-1)
            holder.append(-1)
        if until[best] >= first:
            kept[max(first - 1, 0) : until[best], holder[best]] = False
        part[first:past, place] = best
        last[best], until[best], holder[best] = pitch, past, place
    lowest_first = np.argsort(np.argsort(usual, kind="stable"), kind="stable")
    return np.where(part >= 0, lowest_first[part] if len(usual) else -1, -1), kept


def faint_beside(f0: NDArray[np.float32], part: NDArray[np.int64], told: NDArray[np.float32]) -> NDArray[np.float32]:
    """(steps, parts) Hz of voices that are followed right before and after they are told of, where their part is free.

    f0: (steps, voices) of all that is followed.  part: of each, -1 where it is not told of.  told: (steps, parts).

    >>> f0 = np.array([[0], [219], [220], [221], [0]], np.float32)
    >>> part = np.array([[-1], [-1], [0], [-1], [-1]])
    >>> faint_beside(f0, part, np.where(part == 0, f0, np.float32(0)))[:, 0].tolist()
    [0.0, 219.0, 0.0, 221.0, 0.0]
    """
    faint = np.zeros(told.shape, np.float32)
    for first, past, place in stretches(part >= 0):
        own = part[first, place]
        for step, ahead in ((first - 1, -1), (past, 1)):
            while 0 <= step < len(f0) and f0[step, place] > 0 and part[step, place] < 0 and not told[step, own]:
                faint[step, own] = f0[step, place]
                step += ahead
    return faint


def usual_pitches(f0: NDArray[np.float32]) -> list[float]:
    """Median pitch of each part, semitones above 1 Hz, the lowest first: of the steps in which all of them sound."""
    count = (f0 > 0).sum(axis=1)
    parts = together(count)
    if not parts:
        return []
    ordered = np.sort(np.where(f0 > 0, f0, np.inf), axis=1)[count >= parts, :parts]
    return [12 * float(np.log2(hz)) for hz in np.median(ordered, axis=0)]


def together(count: NDArray[np.integer]) -> int:
    """How many voices mostly sound together, at least in `TOGETHER` of the sounding time; count (steps,) of each step.

    >>> together(np.array([0, 0, 1, 2, 2, 3, 2, 1]))
    2
    """
    sounding = int((count > 0).sum())
    enough = (n for n in range(1, int(count.max(initial=0)) + 1) if (count >= n).sum() >= max(TOGETHER * sounding, 1))
    return max(enough, default=0)


def stretches(sounds: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """(first step, step past the last, place) of everything that sounds without a break, in the order of beginnings."""
    edges = np.diff(np.pad(sounds.astype(np.int8), ((1, 1), (0, 0))), axis=0)
    found = []
    for place in range(sounds.shape[1]):
        begins, ends = np.flatnonzero(edges[:, place] > 0), np.flatnonzero(edges[:, place] < 0)
        found += [(int(a), int(b), place) for a, b in zip(begins, ends, strict=True)]
    return sorted(found)
