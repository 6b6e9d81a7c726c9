"""The voices of a moment: what they are, put aside, moved on, and told apart. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel

MOST_VOICES, PARTIALS, MOST_PARTIALS = 6, 16, 64
"""Voices at a moment, partials of each, and of all of them together."""

SHARED = 5
"""Numbers that the partials of a voice share: f0, slope, curvature, growth and stiffness."""

LARGEST_STEP = 0.012
"""f0 moves by this, in ln, at most in a step: 21 cents."""

LARGEST_SLOPE, LARGEST_CURVATURE, LARGEST_GROWTH, LARGEST_STIFFNESS = 8.0, 200.0, 60.0, 1.5e-3
"""Bounds of what partials share besides, in 1/s, 1/s² and 1/s; stiffness is at least 0."""

ALIKE = 70 / 1200 * math.log(2)
"""Two voices closer than this, ln of Hz, are one: 70 cents."""

DAMPING, CALMING = 0.8, 0.5
"""How much of a voice's curvature and growth is expected to last when it is moved on to another row."""


class Voices(NamedTuple):
    """The voices of a moment: how many, and of each what its partials share and which of them are used."""

    number: Annotated[NDArray[np.int64], "one"]
    shared: Annotated[NDArray[np.float64], "voices", "shared"]
    used: Annotated[NDArray[np.bool_], "voices", "partials"]
    age: Annotated[NDArray[np.int64], "voices"]
    stiff: Annotated[NDArray[np.bool_], "voices"]


@kernel
def copy_voice(source: Voices, v: int, target: Voices, w: int) -> None:
    """One of them, to another place."""
    for m in range(SHARED):
        target.shared[w, m] = source.shared[v, m]
    for h in range(PARTIALS):
        target.used[w, h] = source.used[v, h]
    target.age[w] = source.age[v]
    target.stiff[w] = source.stiff[v]


@kernel
def copy_voices(source: Voices, target: Voices) -> None:
    """All of them; where there is none stand zeros, for states of the same voices are the same."""
    number = source.number[0]
    target.number[0] = number
    for v in range(number):
        copy_voice(source, v, target, v)
    target.shared[number:], target.used[number:] = 0.0, False
    target.age[number:], target.stiff[number:] = 0, False


@kernel
def remove(voices: Voices, v: int) -> None:
    """Those behind move up."""
    for w in range(v, voices.number[0] - 1):
        copy_voice(voices, w + 1, voices, w)
    voices.number[0] -= 1


@kernel
def use_all(voices: Voices, v: int, top_hz: float) -> None:
    """All partials of a voice below the top."""
    for h in range(PARTIALS):
        voices.used[v, h] = h == 0 or (h + 1) * voices.shared[v, 0] < top_hz


@kernel
def make_room(voices: Voices) -> None:
    """Leave out partials for which there is no room, the highest of the voice with most first."""
    total = 0
    for v in range(voices.number[0]):
        for h in range(PARTIALS):
            total += voices.used[v, h]
    cut = PARTIALS
    while total > MOST_PARTIALS:
        cut -= 1
        for v in range(voices.number[0]):
            if voices.used[v, cut]:
                voices.used[v, cut] = False
                total -= 1


@kernel
def move(voices: Voices, seconds: float, damping: float, calming: float) -> None:
    """As they are so much later; damping, calming: how much of curvature and growth lasts, 1 within a row's frames."""
    for v in range(voices.number[0]):
        hz, slope, curvature, growth, _ = voices.shared[v]
        change = max(1 + slope * seconds + 0.5 * curvature * seconds * seconds, 0.5)
        voices.shared[v, 0] = hz * change
        voices.shared[v, 1] = (slope + curvature * seconds * damping) / change
        voices.shared[v, 2] = curvature * damping / change
        voices.shared[v, 3] = growth * calming


@kernel
def add_voice(voices: Voices, hz: float, top_hz: float) -> None:
    """One of which nothing is known but f0."""
    v = voices.number[0]
    voices.shared[v] = 0.0
    voices.shared[v, 0] = hz
    voices.age[v] = 0
    voices.stiff[v] = False
    voices.number[0] = v + 1
    use_all(voices, v, top_hz)
    make_room(voices)


@kernel
def is_known(voices: Voices, hz: float) -> bool:
    """Whether one of the voices is alike."""
    found = False
    for v in range(voices.number[0]):
        found = found or abs(math.log(voices.shared[v, 0] / hz)) < ALIKE
    return found
