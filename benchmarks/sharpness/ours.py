"""The presets of `sharpear`, through its public interface."""

from __future__ import annotations

import importlib
import math
from functools import lru_cache, partial
from typing import Any

import numpy as np

from benchmarks.sharpness.estimate import Audio, Estimate, Method

PRESETS = ("music", "speech", "low-latency")


def _package() -> Any:
    """The installed package.

    Raises:
        RuntimeError: `sharpear` is not installed, or too old to have `sharpen`.
    """
    try:
        package = importlib.import_module("sharpear")
        package.sharpen, package.Sharpener  # noqa: B018
    except (ImportError, AttributeError) as error:
        message = "expected an installed sharpear with sharpear.sharpen; install it with: pip install -e ."
        raise RuntimeError(f"{message} ({error})") from error
    return package


@lru_cache(maxsize=8)
def latency_s(sample_rate: float, preset: str) -> float:
    """Latency that the package states for a preset, in seconds; asked once, so that it costs no run time."""
    return float(_package().Sharpener(sample_rate, preset=preset).latency_s)


def sharpened(audio: Audio, sample_rate: float, preset: str) -> Estimate:
    """Energy of a preset's atoms at their instantaneous frequencies."""
    spectrum = _package().sharpen(np.asarray(audio, np.float32), sample_rate, preset=preset)
    return Estimate(
        times_s=np.asarray(spectrum.times, float),
        frequencies_hz=np.asarray(spectrum.instantaneous_frequency, float),
        energy=np.asarray(spectrum.amplitude, float) ** 2,
        causal=True,
        # Stated times have the group delay subtracted; the benchmark adds it back to the lag it reports.
        latency_s=latency_s(sample_rate, preset),
        window_s=float(getattr(spectrum, "window_s", math.nan)),
    )


OURS: dict[str, Method] = {
    f"sharpear-{preset}": Method(f"sharpear-{preset}", partial(sharpened, preset=preset)) for preset in PRESETS
}
"""Name -> preset of the package."""
