"""Teach it a source, and take that out: a drum is learned from itself alone, then removed from the chorale.

The chorale's own first seconds are its example; what is separated are the next ones, which were not learned from.
"""

from pathlib import Path

import numpy as np
import soundfile
from shared import FOLDER, RECORDING, audio_of

import sharpear
from sharpear.audio import Selection
from sharpear.separation.learned import LearnedSources
from sharpear.separation.learning import learn_files

LEARNED_S, SEPARATED_S = 3.0, 2.0


def drum(samples: int, rate: int, seed: int) -> np.ndarray:
    """Noise that dies away, twice a second, the hits not alike."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(samples + rate)
    for at in range(rate // 5, samples, rate // 2):
        sound[at : at + rate // 4] += rng.normal(0, 0.2, rate // 4) * np.exp(-np.arange(rate // 4) / (0.03 * rate))
    return sound[:samples]


def decibels(estimate: np.ndarray, true: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio."""
    target = true * (np.vdot(true, estimate) / np.vdot(true, true))
    return float(10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2)))


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Write the mixture and the chorale without its drum; how well the chorale stands alone before and after, dB."""
    folder.mkdir(parents=True, exist_ok=True)
    music, rate = audio_of(RECORDING, LEARNED_S + SEPARATED_S)
    cut = round(LEARNED_S * rate)
    examples = {"music": music[:cut], "drum": drum(cut, rate, 1)}
    dictionaries = []
    for name, sound in examples.items():
        soundfile.write(folder / f"{name}-alone.wav", sound, rate, "FLOAT")
        learned = learn_files(name, [folder / f"{name}-alone.wav"], atoms=32, epochs=3, seed=0, selection=Selection())
        dictionaries.append(learned)

    true = music[cut:]
    mixture = true + drum(true.size, rate, 2)
    stems = sharpear.separate(mixture, rate, LearnedSources.of(dictionaries))
    for name, sound in {"mixture": mixture, "without-drum": stems["music"]}.items():
        soundfile.write(folder / f"{name}.wav", sound, rate, "FLOAT")
        print(folder / f"{name}.wav")
    before, after = decibels(mixture, true), decibels(stems["music"], true)
    print(f"the chorale beside its drum: {before:.1f} dB before, {after:.1f} dB after")
    return {"before": before, "after": after}


if __name__ == "__main__":
    main()
