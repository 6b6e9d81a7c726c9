"""Sharpened frames as features: which of two instruments plays?

Frames become 24 numbers, the level of their lines by band; scikit-learn's logistic regression learns from the notes of
one fifth and is asked about the next. `torch.from_numpy` makes a tensor of the same array.
"""

from pathlib import Path

import numpy as np
from shared import FOLDER, panels, save, voice
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sharpear

RATE = 16000
BANDS, LEARNED, ASKED = 24, (57, 60, 62, 65), (67, 69, 71)


def note(midi: int, bright: bool) -> np.ndarray:
    """A third of a second: all harmonics of a string, or the odd and fewer ones of a clarinet."""
    f0 = np.full(RATE // 3, 440 * 2 ** ((midi - 69) / 12))
    return voice(f0, RATE, 16) if bright else voice(f0, RATE, 1) + voice(3 * f0, RATE, 1) / 3


def features(audio: np.ndarray) -> np.ndarray:
    """(frames, bands): ln of the lines' energy in each band of the grid, over the frame's."""
    spec = sharpear.sharpen(audio, RATE, preset="speech")
    bands = np.array_split(np.square(spec.amplitude), BANDS, axis=1)
    energy = np.stack([band.sum(axis=1) for band in bands], axis=1)
    whole = energy.sum(axis=1, keepdims=True)
    heard = whole[:, 0] > 1e-3 * whole.max()
    return np.log(energy[heard] / whole[heard] + 1e-4)


def labelled(notes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Frames of both instruments, and which it is."""
    given = [(features(note(midi, bright)), bright) for midi in notes for bright in (False, True)]
    return np.concatenate([x for x, _ in given]), np.concatenate([np.full(len(x), y) for x, y in given])


def main(folder: Path = FOLDER) -> dict[str, float]:
    """Draw the mean features of both; the share of frames that are told right."""
    frames, labels = labelled(LEARNED)
    unknown, truth = labelled(ASKED)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frames, labels)
    figure, (axis,) = panels(1)
    for label, name in ((False, "clarinet"), (True, "string")):
        axis.plot(unknown[truth == label].mean(axis=0), label=name)
    axis.set(xlabel="band", ylabel="ln of the share of energy")
    axis.legend()
    save(figure, "features_for_a_classifier", folder)
    right = float(model.score(unknown, truth))
    print(f"{right:.0%} of {len(truth)} frames of notes that were not learned are told right")
    return {"right": right}


if __name__ == "__main__":
    main()
