"""Constants of a step and of the level around a unit, checked, as the kernels take them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from sharpear.gpu.arguments import numbers

from .layer import rate_per_step
from .rules import AdamMoments, LevelRule, RmsMoments

Moments = TypeVar("Moments", RmsMoments, AdamMoments)


def moments_of(kind: Callable[..., Moments], constants: Mapping[str, Any]) -> Moments:
    """The constants of a step rule, by name among `constants`.

    Raises:
        ValueError: a β is not between 0 and 1, or another is not positive.
    """
    values = {name: float(np.float32(constants[name])) for name in kind.__annotations__}
    for name, value in values.items():
        inside = 0 < value < 1 if name.startswith("beta") else 0 < value < np.inf
        if not inside:
            expected = "between 0 and 1" if name.startswith("beta") else "positive"
            raise ValueError(f"expected {name} {expected}, received {value:g}")
    return numbers(kind, **values)


def level_over(half_width: int | None, units: int, frame_s: float, tau_s: float) -> LevelRule:
    """The level within so many units on either side (all where None), which falls with `tau_s`.

    Raises:
        ValueError: the half width is no whole number of units, or a time is not positive.
    """
    reach = units if half_width is None else half_width
    return level_rule(reach, float(np.float32(1) - rate_per_step(frame_s, tau_s)))


def level_rule(half_width: float, decay: float) -> LevelRule:
    """Half width of the level's window, and what is left of a level a frame later.

    Raises:
        ValueError: they are impossible.
    """
    if half_width < 0 or half_width != int(half_width) or not 0 <= decay <= 1:
        raise ValueError(
            f"expected a level_half_width in whole units, none negative, and a decay up to 1, received {half_width} "
            f"and {decay:g}"
        )
    return LevelRule(int(half_width), np.float32(decay))
