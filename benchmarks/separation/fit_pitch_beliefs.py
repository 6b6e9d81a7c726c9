"""``python -m benchmarks.separation.fit_pitch_beliefs``: fit what tells voices' pitches from others anew.

Eight seconds of each of 18 chorales of J. S. Bach (``pip install music21`` has their notes), an instrument a voice, by
fluidsynth with FluidR3_GM and TimGM6mb (Debian: fluidsynth, fluid-soundfont-gm, timgm6mb-soundfont). A pitch is a
voice's where a note is written within 60 cents of it. Two layers, logistic loss, Adam. The result takes the place of
app/separation/pitch_beliefs.npz.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from sharpear.config import load_config
from sharpear.pitch import PitchFrames, Transcriber
from sharpear.separation.pitch_beliefs import PitchBeliefs
from sharpear.separation.pitch_beliefs_kernel import FEATURES, Readout
from sharpear.separation.voices import FAINTEST_PITCH

from .chorales import CHORALES, Chorale, notes_of, played_voices

RATE = 16000
FRAMES_APART = 4
"""The pitch layer moves on once in so many frames."""

NEAR_CENTS = 60.0
UNITS, EPOCHS, BATCH = 16, 12, 512
DECAY = 1e-3
"""Of the first layer's weights."""

LARGEST_STEP, SMALLEST_STEP = 1e-2, 1e-4
Examples = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Features (examples, features), and 1 where the pitch is a voice's (examples,)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/separation/pitch_beliefs.npz"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = [examples_of(chorale, number) for number, chorale in enumerate(CHORALES)]
    features, wanted = (np.concatenate(part) for part in zip(*found, strict=True))
    readout = fitted(features, wanted, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, **readout._asdict())
    print(f"{len(features)} pitches, {wanted.mean():.3f} voices', loss {loss(readout, features, wanted):.4f}")


def examples_of(chorale: Chorale, number: int) -> Examples:
    """What is read of the pitches of one chorale, and which of them are written."""
    notes = notes_of(chorale, number)
    mixture = resample_poly(played_voices(chorale, notes, number).sum(axis=0), RATE // 100, 441)
    transcriber = Transcriber(RATE, load_config("music", {"pitch.onset": FAINTEST_PITCH}))
    pitches = PitchFrames.join([transcriber.process(mixture[:, None]), transcriber.flush()])
    read = features_of(pitches)
    f0 = pitches.f0[::FRAMES_APART, 0]
    written = np.zeros(f0.shape, np.bool_)
    for voice in notes:
        for begin_s, end_s, key, _ in voice:
            cents = 1200 * np.log2(np.maximum(f0, 1.0) / (440 * 2 ** ((key - 69) / 12)))
            times = pitches.times[::FRAMES_APART, None]
            written |= (times >= begin_s) & (times < end_s) & (np.abs(cents) < NEAR_CENTS)
    return read[::FRAMES_APART][f0 > 0], written[f0 > 0].astype(np.float64)


def features_of(pitches: PitchFrames) -> NDArray[np.float64]:
    """(frames, places, features): a readout of one feature at a time, so small that its tangent is straight."""
    read = []
    for feature in range(FEATURES):
        hidden = np.zeros((1, FEATURES + 1), np.float32)
        hidden[0, feature] = 1e-3
        hop_s = float(pitches.times[1] - pitches.times[0])
        part = PitchBeliefs(pitches.f0.shape[2], hop_s, readout=Readout(hidden, np.array([1.0, 0.0], np.float32)))
        read.append(np.arctanh(part.process(pitches)[:, 0].astype(np.float64)) / 1e-3)
    return np.stack(read, axis=-1)


def fitted(features: NDArray[np.float64], wanted: NDArray[np.float64], seed: int) -> Readout:
    """Two layers by Adam (Kingma and Ba 2015) on the logistic loss; the scale of the features is put into H."""
    rng = np.random.default_rng(seed)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = np.hstack([(features - mean) / scale, np.ones((len(features), 1))])
    hidden = np.hstack([rng.normal(size=(UNITS, FEATURES)) / np.sqrt(FEATURES), np.zeros((UNITS, 1))])
    output = np.append(rng.normal(size=UNITS) / np.sqrt(UNITS), 0.0)
    weights = [hidden, output]
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    steps, step = EPOCHS * (len(x) // BATCH), 0
    for _ in range(EPOCHS):
        order = rng.permutation(len(x))
        for begin in range(0, len(x) - BATCH + 1, BATCH):
            chosen = order[begin : begin + BATCH]
            step += 1
            rate = LARGEST_STEP * (1 - step / steps) + SMALLEST_STEP
            for w, slope, m, v in zip(weights, slopes(weights, x[chosen], wanted[chosen]), first, second, strict=True):
                m += 0.1 * (slope - m)
                v += 0.001 * (slope**2 - v)
                w -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
    scaled = hidden[:, :-1] / scale
    hidden = np.hstack([scaled, hidden[:, -1:] - (scaled @ mean)[:, None]])
    return Readout(hidden.astype(np.float32), output.astype(np.float32))


def slopes(
    weights: list[NDArray[np.float64]], x: NDArray[np.float64], wanted: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Of the mean logistic loss over a batch, and of the first layer's size."""
    hidden, output = weights
    raised = np.tanh(x @ hidden.T)
    error = (1 / (1 + np.exp(-(raised @ output[:-1] + output[-1]))) - wanted) / len(x)
    back = error[:, None] * output[:-1] * (1 - raised**2)
    size = DECAY * hidden * np.append(np.ones(hidden.shape[1] - 1), 0.0)
    return [back.T @ x + size, np.append(raised.T @ error, error.sum())]


def loss(readout: Readout, features: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Mean logistic loss."""
    hidden = np.tanh(features @ readout.hidden[:, :-1].T + readout.hidden[:, -1])
    odds = hidden @ readout.output[:-1] + readout.output[-1]
    return float(np.logaddexp(0.0, np.where(wanted > 0, -odds, odds)).mean())


if __name__ == "__main__":
    main()
