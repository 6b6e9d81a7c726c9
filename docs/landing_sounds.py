"""The three sounds of the landing page: the chorale with a drum, one of its partials alone, and the drum taken out."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

import sharpear

RECORDING = Path(__file__).parents[1] / "examples" / "audio" / "bach_bwv66.6.flac"
START_S, LENGTH_S = 0.0, 6.0
PARTIAL_HZ = 440.0 * 2 ** (-5 / 12), 440.0 * 2 ** (9 / 12)
"""The partial is the loudest line in the sopranos' range, frame by frame."""


def drums(samples: int, rate: int) -> NDArray[np.float64]:
    """A drum every half second: noise that dies away within 40 ms, the same each time the page is built."""
    rng = np.random.default_rng(7)
    hit = rng.normal(0, 0.25, rate // 5) * np.exp(-np.arange(rate // 5) / (0.04 * rate))
    struck = np.zeros(samples + hit.size)
    for at in range(rate // 4, samples, rate // 2):
        struck[at : at + hit.size] += hit
    return struck[:samples]


def loudest_partial(spectrum: sharpear.Spectrogram, samples: int, rate: int) -> NDArray[np.float64]:
    """A cosine that follows the loudest line between the two bounds, in frequency and level."""
    low, high = PARTIAL_HZ
    hz, amplitude = spectrum.instantaneous_frequency, spectrum.amplitude
    amplitude = np.where((hz >= low) & (hz <= high), amplitude, 0)
    best = amplitude.argmax(axis=1)
    rows = np.arange(best.size)
    level, line_hz = amplitude[rows, best], hz[rows, best]
    there = level > 0
    time_s = np.arange(samples) / rate
    smooth = np.convolve(level, np.hanning(9) / np.hanning(9).sum(), "same")
    followed = np.interp(time_s, spectrum.times[there], line_hz[there])
    phase = 2 * np.pi * np.cumsum(followed) / rate
    return np.interp(time_s, spectrum.times, smooth) * np.cos(phase)


def write(folder: Path) -> dict[str, Path]:
    """Name -> Ogg Vorbis file of the mixture, of one partial, and of the mixture without its drum."""
    folder.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(RECORDING) as file:
        rate = file.samplerate
        file.seek(round(START_S * rate))
        music: NDArray[Any] = file.read(round(LENGTH_S * rate))
    mixture = music + drums(music.size, rate)
    sounds = {
        "before": mixture,
        "partial": 2 * loudest_partial(sharpear.sharpen(music, rate), music.size, rate),
        "drums-removed": sharpear.separate(mixture, rate)["tonal"],
    }
    paths = {name: folder / f"{name}.ogg" for name in sounds}
    for name, path in paths.items():
        with soundfile.SoundFile(path, "w", rate, 1, format="OGG", subtype="VORBIS") as file:
            for block in np.array_split(
                np.clip(sounds[name], -1, 1), 100
            ):  # whole, libsndfile's encoder runs out of stack
                file.write(block)
    return paths


if __name__ == "__main__":
    for made in write(Path("demo")).values():
        print(made)
