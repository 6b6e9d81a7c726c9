"""States given back: of another shape, rate, preset or kind, or with numbers that none has."""

from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np

from sharpear.pitch import Transcriber
from sharpear.separation.separator import Separator
from sharpear.sharpening.sharpener import Sharpener

from .case import Case, Place
from .odd import integer, number, value

OVERRIDES = {"bank.channels": 24, "atoms.count": 32}


class States:
    """A state with something changed, and sound after it."""

    def prepare(self) -> None:
        sound = np.random.default_rng(1).standard_normal((600, 1))
        self._sound = (0.1 * sound).astype(np.float32)
        self._objects: dict[str, Any] = {
            "music": Sharpener(16000, "music", overrides=OVERRIDES),
            "coherent": Sharpener(16000, "coherent", overrides=OVERRIDES),
            "other rate": Sharpener(44100, "music", overrides=OVERRIDES),
            "separator": Separator(8000),
            "voices": Transcriber(16000, "music", overrides=OVERRIDES),
        }
        for each in self._objects.values():
            each.process(self._sound)
        self._states = {name: each.state for name, each in self._objects.items()}

    def make(self, rng: Random) -> Case:
        name, other = rng.choice(sorted(self._objects)), rng.choice(sorted(self._objects))
        state = self._states[name if rng.random() < 0.85 else other]
        changes: list[str] = []
        for _ in range(rng.randint(1, 2)):
            state = changed(rng, state, changes)
        return Case(f"to {name} of {other}: {', '.join(changes)}", {}, (name, state))

    def run(self, case: Case, place: Place) -> None:
        name, state = case.data
        given = self._objects[name]
        try:
            given.state = state
            with np.errstate(all="ignore"):  # a number that no sound gives may overflow
                given.process(self._sound)
        finally:
            given.reset()


def changed(rng: Random, state: Any, told: list[str]) -> Any:
    """A copy with one thing changed somewhere below."""
    if isinstance(state, Mapping) and state:
        key = rng.choice(sorted(state))
        action = rng.random()
        told.append(str(key))
        if action < 0.1:
            return {k: v for k, v in state.items() if k != key}
        if action < 0.2:
            return {**state, "more": 1}
        if action < 0.3:
            odd = value(rng)
            told.append(repr(odd)[:80])
            return {**state, key: odd}
        return {**state, key: changed(rng, state[key], told)}
    if isinstance(state, np.ndarray) and state.dtype.names:
        copy = state.copy()
        field = rng.choice(state.dtype.names)
        told.append(field)
        action = rng.random()
        if action < 0.2:
            return rng.choice((copy[field], copy[[field]], copy.tobytes(), copy[None], copy.astype(object)))
        flat = np.array(copy[field]).ravel()
        odd = integer(rng) if flat.dtype.kind in "iu" else number(rng)
        told.append(f"holds {odd}")
        if flat.size:
            with np.errstate(all="ignore"):
                flat[rng.randrange(flat.size)] = (
                    odd % (1 << 31) * rng.choice((1, -1)) if flat.dtype.kind in "iu" else odd
                )
            copy[field] = flat.reshape(copy[field].shape)
        return copy
    if isinstance(state, np.ndarray):
        flat = np.atleast_1d(state)
        wide = state.astype(">c16") if state.dtype.kind in "fc" else state.astype(object)
        odd = rng.choice((flat[:-1], state[None], wide, state.T, state.tolist(), wide[..., None]))
        told.append(f"{type(odd).__name__} {np.shape(odd)}")
        return odd
    odd = rng.choice((integer(rng), number(rng), value(rng)))
    told.append(repr(odd)[:80])
    return odd
