"""Configurations as a stranger might write them: every key anywhere in its stated range, extremes first."""

import math
from typing import Any, Literal, get_args, get_origin

import annotated_types
import numpy as np
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from sharpear.config import Config, Section, preset_names

RATES = [8000.0, 8000.5, 11025.0, 16000.0, 22050.0, 44100.0, 48000.0, 96000.0, 192000.0]
SMALL = {"bank.channels": 24, "atoms.count": 40}
"""Few channels and atoms: a configuration is then designed in milliseconds, and every key still has a meaning."""

SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Config.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
KEYS = {f"{section}.{key}": field for section, of in SECTIONS.items() for key, field in of.model_fields.items()}


def values(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Any value of a key's stated range, its ends and the neighbours of zero among them."""
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    if field.annotation is str:
        return st.sampled_from(["music", "nothing", "Not a name"])
    if field.annotation not in (int, float):
        gain = st.one_of(st.sampled_from([0.0, 0.1, -0.1, 1.0, -1.0]), st.floats(-3, 3), reals(-1e300, 1e300))
        return st.tuples(st.tuples(gain, gain), st.tuples(gain, gain))
    low, high, ends = -math.inf, math.inf, []
    for bound in field.metadata:
        if isinstance(bound, annotated_types.Ge | annotated_types.Gt):
            low = float(bound.ge if isinstance(bound, annotated_types.Ge) else bound.gt)
            ends += [low] if isinstance(bound, annotated_types.Ge) else [math.nextafter(low, math.inf)]
        if isinstance(bound, annotated_types.Le | annotated_types.Lt):
            high = float(bound.le if isinstance(bound, annotated_types.Le) else bound.lt)
            ends += [high] if isinstance(bound, annotated_types.Le) else [math.nextafter(high, -math.inf)]
    if field.annotation is int:
        return st.one_of(st.sampled_from([int(end) for end in ends]), st.integers(int(low), int(high)))
    return st.one_of(st.sampled_from(ends), reals(max(low, -1e308), min(high, 1e308)))


def reals(low: float, high: float) -> st.SearchStrategy[float]:
    """Reals between two bounds: plain ones, and as many in each decade as in any other."""
    decades = st.floats(-12, 12).map(lambda power: 10.0**power)
    signed = st.one_of(decades, decades.map(lambda x: -x)) if low < 0 else decades
    return st.one_of(signed.filter(lambda x: low < x < high), st.floats(low, high, exclude_min=True, exclude_max=True))


@st.composite
def configurations(
    draw: st.DrawFn, most_keys: int = 5, sections: tuple[str, ...] = tuple(SECTIONS)
) -> tuple[float, str, dict[str, Any]]:
    """A sample rate, a preset and overrides, some of which fit no configuration."""
    rate = draw(st.one_of(st.sampled_from(RATES), st.floats(8000, 192000)))
    preset = draw(st.sampled_from(preset_names()))
    keys = sorted(key for key in KEYS if key.startswith(sections))
    changed = draw(st.lists(st.sampled_from(keys), max_size=most_keys, unique=True))
    few = {key: st.integers(2, 80) for key in SMALL}
    overrides: dict[str, Any] = {
        **SMALL,
        **{key: draw(few[key] if key in few else values(KEYS[key])) for key in changed},
    }
    if "bank.bandwidth_unit" in changed:
        overrides["bank.order"] = 5 if overrides["bank.bandwidth_unit"] == "window" else draw(st.integers(1, 5))
        if overrides["bank.bandwidth_unit"] != "window":
            overrides["network.mode"] = "complex"
    return rate, preset, overrides


def sound(sample_rate: float, seconds: float = 0.15) -> np.ndarray:
    """Noise, a tone, and silence, a third each."""
    samples = round(seconds * sample_rate / 3)
    noise = 0.1 * np.random.default_rng(0).standard_normal(samples)
    tone = 0.5 * np.cos(2 * np.pi * 440 / sample_rate * np.arange(samples))
    return np.concatenate([noise, tone, np.zeros(samples)])
