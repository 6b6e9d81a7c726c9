"""The path by windows of several lengths: what it forgets, what it cannot know yet, and what lone tones come to."""

from typing import Any

import numpy as np

from sharpear.sharpening.sharpener import Sharpener

BELIEFS = {"network.mode": "beliefs"}


def sharpener(rate: float, streams: int = 1, **options: Any) -> Sharpener:
    return Sharpener(rate, "music", streams, BELIEFS, **options)


def sound(rate: float, samples: int, seed: int = 0) -> np.ndarray:
    """(samples, 1): a tone, a chirp, and clicks over noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    wave = 0.3 * np.cos(2 * np.pi * 440 * t) + 0.3 * np.cos(2 * np.pi * (300 * t + 90 * t * t))
    wave += 0.03 * rng.standard_normal(samples)
    wave[:: round(0.3 * rate)] += 0.7
    return wave[:, None].astype(np.float32)


def test_what_was_before_is_forgotten_to_the_last_bit() -> None:
    """A run that begins at a multiple of the period says, 1.2 s later, what the unbroken one does."""
    rate, whole, late = 8000.0, sharpener(8000.0), sharpener(8000.0)
    period, hop = whole.period_hops, whole.hop
    forgotten = round(1.2 * rate / hop)
    heard = sound(rate, (period + forgotten + 300) * hop)
    expected, found = whole.listen(heard)[period:], late.listen(heard[period * hop :])
    assert len(found) == forgotten + 300
    for name in ("drive", "frequency_hz", "plain"):
        np.testing.assert_array_equal(getattr(found, name)[forgotten:], getattr(expected, name)[forgotten:], name)
    assert not np.array_equal(found.drive[:forgotten], expected.drive[:forgotten])
    assert np.count_nonzero(found.drive[forgotten:]) > 3000
