"""Who speaks how high? The pitch of two speakers who speak at once.

Without a file two voices glide against each other: one falls from 210 to 170 Hz, the other rises from 95 to 125 Hz.
"""

from pathlib import Path

import numpy as np
from shared import FOLDER, audio_of, given, panels, save, voice

import sharpear

RATE = 16000
SECONDS = 2.0
GLIDES = ((210.0, 170.0), (95.0, 125.0))


def truth(time_s: np.ndarray) -> np.ndarray:
    """Fundamentals at these times, (times, speakers), Hz."""
    return np.stack([low * (high / low) ** (time_s / SECONDS) for low, high in GLIDES], axis=1)


def spoken() -> np.ndarray:
    """Both voices, each with its own loudness."""
    f0 = truth(np.arange(round(SECONDS * RATE)) / RATE)
    return voice(f0[:, 0], RATE, 20) + 0.8 * voice(f0[:, 1], RATE, 20)


def main(folder: Path = FOLDER, path: Path | None = None) -> dict[str, float]:
    """Draw both pitches; of the synthesised voices, the share of moments in which both are right within 50 cents."""
    audio, rate = audio_of(path) if path else (spoken(), RATE)
    settings = {"pitch.voices": 2, "pitch.low_hz": 70.0, "pitch.high_hz": 400.0}
    voices = sharpear.transcribe(audio, rate, preset="speech", overrides=settings).voices
    f0 = np.where(voices.f0 > 0, voices.f0, np.nan)

    figure, (axis,) = panels(1)
    axis.semilogy(voices.times, f0, ".", ms=3)
    axis.set(xlabel="s", ylabel="Hz")
    right = np.zeros(0)
    if path is None:
        axis.semilogy(voices.times, truth(voices.times), "k", lw=0.5)
        steady = (voices.times > 0.3) & (voices.times < SECONDS - 0.1)
        cents = 1200 * np.abs(np.log2(np.sort(f0[steady], axis=1) / np.sort(truth(voices.times[steady]), axis=1)))
        right = (cents < 50).all(axis=1)
        print(f"both pitches right in {right.mean():.0%} of the moments")
    save(figure, "two_speakers", folder)
    return {"right": float(right.mean()) if right.size else float("nan")}


if __name__ == "__main__":
    main(path=given(None))
