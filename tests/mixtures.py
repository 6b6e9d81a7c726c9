"""Sounds that tests separate."""

import numpy as np

RATE = 16000


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate)).astype(np.float32)


def chord(seconds: float, *fundamentals: float) -> np.ndarray:
    """One or two voices with spectra of their own, a bar each: (voices, samples)."""
    time = np.arange(round(seconds * RATE)) / RATE
    slopes = (1.0, 1.6)[: len(fundamentals)]
    return np.array(
        [
            sum(0.1 / h**slope * np.cos(2 * np.pi * f * h * time + h) for h in range(1, 9))
            for f, slope in zip(fundamentals, slopes, strict=True)
        ]
    )
