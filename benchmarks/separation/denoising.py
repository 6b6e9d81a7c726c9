"""Steady noise taken away: speech, singing and music in noise of three colours, beside spectral gating."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import noisereduce
import numpy as np
import soundfile

from sharpear.separation.noise import SteadyNoise
from sharpear.separation.separator import separate

from .methods import Audio
from .metrics import si_sdr_db

SECONDS = 8.0
SNR_DB = (0.0, 10.0, 20.0)
SLOPES = {"white": 0.0, "pink": 0.5, "room": 0.8}
"""Colour -> amplitude falls with the frequency to this power; that of a room wavers by 3 dB, and hums."""

HUM_HZ, HUM = 50.0, 0.35
GATES: dict[str, dict[str, Any]] = {
    "noisereduce, stationary": {"stationary": True},
    "noisereduce, non-stationary": {"stationary": False},
    "noisereduce, non-stationary, half": {"stationary": False, "prop_decrease": 0.5},
    "noisereduce, stationary, half": {"stationary": True, "prop_decrease": 0.5},
}


def sounds(folder: Path) -> Iterator[tuple[str, Audio, int]]:
    """Kind, sound and sample rate: every stem that is no drum, and whole recordings that have none."""
    for path in sorted([*folder.glob("*/stem_*.flac"), *folder.glob("*/mix.wav")]):
        alone = path.name == "mix.wav"
        if "drums" in path.name or (alone and list(path.parent.glob("stem_*.flac"))):
            continue
        sound, rate = soundfile.read(path, always_2d=True)
        kind = "speech" if "spk" in path.name else "singing" if path.parent.name[0] in "cmv" else "music"
        yield kind, sound.mean(axis=1)[: round(SECONDS * rate)], rate


def noise(color: str, samples: int, rate: int, rng: np.random.Generator) -> Audio:
    """Noise of unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    sound = np.fft.irfft(spectrum / (np.fft.rfftfreq(samples, 1 / rate) + 20) ** SLOPES[color], samples)
    if color == "room":
        t = np.arange(samples) / rate
        sound *= 10 ** (3 * np.sin(np.pi * t / 2 + rng.uniform(0, 2 * np.pi)) / 20)
        sound /= sound.std()
        for h in range(1, 5):
            sound += HUM / h * np.cos(2 * np.pi * HUM_HZ * h * t + rng.uniform(0, 2 * np.pi))
    return np.asarray(sound / sound.std())


def denoised(folder: Path) -> dict[str, dict[str, float]]:
    """Kind, colour and SNR -> method -> mean SI-SDR of what is left, dB."""
    found: dict[str, dict[str, list[float]]] = {}
    for number, (kind, clean, rate) in enumerate(sounds(folder)):
        for color in SLOPES:
            rng = np.random.default_rng([number, list(SLOPES).index(color)])
            unit = noise(color, clean.size, rate, rng) * clean.std()
            for snr_db in SNR_DB:
                heard = clean + 10 ** (-snr_db / 20) * unit
                results = {"mixture": heard, "sharpear": separate(heard, rate, SteadyNoise)["residual"].astype(float)}
                results |= {name: noisereduce.reduce_noise(heard, rate, **how) for name, how in GATES.items()}
                scores = found.setdefault(f"{kind}, {color}, {snr_db:g} dB", {})
                for name, sound in results.items():
                    scores.setdefault(name, []).append(si_sdr_db(sound, clean))
    return {case: {name: float(np.mean(each)) for name, each in scores.items()} for case, scores in found.items()}
