"""Which strings of a guitar are out of tune?

Pluck the open strings one after another: near each string's fundamental the loudest moments of its line tell its tune.
Without a file six strings are synthesised, the A string 18 cents flat and the B string 12 cents sharp.
"""

from pathlib import Path

import numpy as np
from shared import FOLDER, audio_of, given, panels, save, voice

import sharpear

RATE = 22050
STRINGS = {"E2": 82.41, "A2": 110.0, "D3": 146.83, "G3": 196.0, "B3": 246.94, "E4": 329.63}
DETUNED = {"A2": -18.0, "B3": 12.0}
GOOD_CENTS = 5.0


def plucked(seconds: float = 0.6) -> np.ndarray:
    """All strings, one after another."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    decay = np.exp(-3 * time_s) * np.minimum(time_s / 0.005, 1) * np.minimum((seconds - time_s) / 0.02, 1)
    tuned = {name: hz * 2 ** (DETUNED.get(name, 0.0) / 1200) for name, hz in STRINGS.items()}
    return np.concatenate([decay * voice(np.full(time_s.size, hz), RATE) for hz in tuned.values()])


def main(folder: Path = FOLDER, path: Path | None = None) -> dict[str, float]:
    """Draw and print each string's distance from its note, cents."""
    audio, rate = audio_of(path) if path else (plucked(), RATE)
    voices = sharpear.transcribe(audio, rate, overrides={"pitch.high_hz": 400.0}).voices
    found: dict[str, float] = {}
    for name, hz in STRINGS.items():
        cents = 1200 * np.log2(np.where(voices.f0 > 0, voices.f0, 1.0) / hz)
        near = np.abs(cents) < 60
        if near.any():
            found[name] = float(np.average(cents[near], weights=voices.amplitude[near]))

    figure, (axis,) = panels(1)
    axis.bar(list(found), list(found.values()), color=["C0" if abs(c) < GOOD_CENTS else "C3" for c in found.values()])
    axis.set(ylabel="cents beside the note")
    axis.axhline(0, color="k", lw=0.5)
    save(figure, "guitar_strings", folder)
    for name, cents in found.items():
        advice = "in tune" if abs(cents) < GOOD_CENTS else f"turn it {'up' if cents < 0 else 'down'}"
        print(f"{name}: {cents:+5.1f} cents, {advice}")
    return found


if __name__ == "__main__":
    main(path=given(None))
