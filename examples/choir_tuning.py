"""Does a choir keep its pitch? Its tune against equal temperament, over time.

Every voice's fundamental is compared with the nearest semitone, counted from A4, 440 Hz unless told otherwise; the line
is the median of what sounds within a second.
"""

from pathlib import Path

import numpy as np
from shared import FOLDER, RECORDING, SECONDS, audio_of, given, panels, save

import sharpear


def main(
    folder: Path = FOLDER, path: Path = RECORDING, seconds: float | None = SECONDS, a4_hz: float = 440.0
) -> dict[str, float]:
    """Draw each voice's distance from its semitone; the median, and how far the tune drifts, cents."""
    audio, rate = audio_of(path, seconds)
    voices = sharpear.transcribe(audio, rate).voices
    f0 = np.where(voices.f0 > 0, voices.f0, np.nan)
    semitones = 12 * np.log2(f0 / a4_hz)
    cents = 100 * (semitones - np.round(semitones))

    seconds_of = np.floor(voices.times).astype(int)
    whole = [second for second in np.unique(seconds_of) if np.isfinite(cents[seconds_of == second]).any()]
    tune = np.array([np.nanmedian(cents[seconds_of == second]) for second in whole])

    figure, (axis,) = panels(1)
    axis.plot(voices.times, cents, ".", ms=2)
    axis.step(np.array(whole) + 0.5, tune, "k", where="mid")
    axis.set(xlabel="s", ylabel="cents off", ylim=(-50, 50))
    save(figure, "choir_tuning", folder)
    median = float(np.nanmedian(cents))
    print(f"in the median {median:+.1f} cents beside A = {a4_hz:g} Hz; from {tune[0]:+.1f} to {tune[-1]:+.1f}")
    return {"median": median, "drift": float(tune[-1] - tune[0])}


if __name__ == "__main__":
    main(path=given(), seconds=None)
