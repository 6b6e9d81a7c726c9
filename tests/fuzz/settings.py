"""Configurations: what is accepted runs, stays finite, and is the same in whatever blocks it is given."""

from contextlib import suppress
from random import Random
from typing import Any, get_args

import numpy as np
from pydantic.fields import FieldInfo

from sharpear.config import Config, Section, load_config, preset_names
from sharpear.errors import UsageError
from sharpear.sharpening.sharpener import Sharpener

from .case import Case, Place, WrongError
from .odd import TEXTS, number, value

SMALL = {"bank.channels": 24, "atoms.count": 32}
"""Large banks are slow for a reason; what is looked for here does not depend on their size."""

SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section) and name != "pitch"
}
KEYS = [(name, key, field) for name, section in SECTIONS.items() for key, field in section.model_fields.items()]


class Settings:
    """Presets with one to four settings changed."""

    def prepare(self) -> None:
        sound = np.random.default_rng(1).standard_normal((900, 2))
        self._sound = (0.1 * sound).astype(np.float32)
        for preset in preset_names():
            for overrides in ({}, {"network.mode": "complex"}):
                with suppress(UsageError):  # not every mode goes with every bank
                    listen(preset, SMALL | overrides, 16000, self._sound)

    def make(self, rng: Random) -> Case:
        overrides: dict[str, Any] = dict(SMALL)
        for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
            section, key, field = rng.choice(KEYS)
            odd = setting(rng, field)
            overrides[f"{section}.{key}"] = str(odd) if rng.random() < 0.2 else odd
        for name in SMALL:
            if isinstance(overrides[name], (int, float)) and 96 < overrides[name] <= 8192:
                overrides[name] = 96
        rate = rng.choice((8000, 16000, 44100, 192000)) if rng.random() < 0.9 else number(rng)
        preset = rng.choice(preset_names())
        level = rng.choice((0.0, 1e-6, 1.0, 1.0, 10.0, 1e6))
        return Case(f"{preset} {overrides} at {rate} Hz, level {level}", {}, (preset, overrides, rate, level))

    def run(self, case: Case, place: Place) -> None:
        preset, overrides, rate, level = case.data
        listen(preset, overrides, rate, self._sound * np.float32(level))


def setting(rng: Random, field: FieldInfo) -> Any:
    """Something for a field: near its bounds, odd, or of another type."""
    choice = rng.random()
    bounds = [bound for each in field.metadata for bound in vars_of(each)]
    if choice < 0.1:
        return value(rng)
    if literals := [each for each in get_args(field.annotation) if isinstance(each, str)]:
        return rng.choice(literals) if choice < 0.9 else rng.choice(TEXTS)
    if field.annotation is int:
        return rng.choice([*bounds, *(bound + 1 for bound in bounds), *(bound - 1 for bound in bounds), 1, 2, 3, 7, 40])
    if field.annotation is float:
        odd = rng.choice([*bounds, *(bound * 1.0000001 for bound in bounds), 1e-9]) if bounds else number(rng)
        default = field.default if isinstance(field.default, float) else 100.0
        near = default * 2 ** rng.uniform(-4, 4)
        return odd if choice < 0.3 else number(rng) if choice < 0.5 else near
    return [[number(rng) for _ in range(2)] for _ in range(2)]


def vars_of(constraint: Any) -> list[float]:
    """The bounds that a constraint of Pydantic holds."""
    return [getattr(constraint, name) for name in ("ge", "gt", "le", "lt") if hasattr(constraint, name)]


def listen(preset: str, overrides: dict[str, Any], rate: float, sound: np.ndarray) -> None:
    """Sharpen the sound at once and in pieces.

    Raises:
        UsageError: the configuration is refused.
        WrongError: frames are not finite, or differ between the two.
    """
    config = load_config(preset, overrides)
    pieces = []
    for step in (len(sound), 217):
        sharpener = Sharpener(rate, config, sound.shape[1])
        frames = [sharpener.process(sound[at : at + step]) for at in range(0, len(sound), step)]
        if sharpener.latency_s < 2:
            frames.append(sharpener.flush())
        joined = type(frames[0]).join(frames)
        pieces.append((joined.times, joined.amplitude, joined.instantaneous_frequency, joined.plain_amplitude))
    names = ("times", "amplitude", "instantaneous_frequency", "plain_amplitude")
    for name, whole, cut in zip(names, *pieces, strict=True):
        if not np.isfinite(whole).all():
            raise WrongError(f"{name} is not finite")
        if not np.array_equal(whole, cut):
            raise WrongError(f"{name} depends on how the sound is cut into blocks")
