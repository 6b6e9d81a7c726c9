"""How fast and how deep is a singer's vibrato?

The loudest voice's fundamental, every 12 ms; its rate is the peak of its spectrum, its depth half of peak to peak.
Without a file a voice is synthesised, with 5.6 Hz and 60 cents.
"""

from pathlib import Path

import numpy as np
from shared import FOLDER, audio_of, given, panels, save, voice

import sharpear

RATE = 16000


def sung(seconds: float = 3.0, rate_hz: float = 5.6, depth_cents: float = 60.0) -> np.ndarray:
    """A voice on A3."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return voice(220 * 2 ** (depth_cents / 1200 * np.sin(2 * np.pi * rate_hz * time_s)), RATE)


def main(folder: Path = FOLDER, path: Path | None = None) -> dict[str, float]:
    """Draw the fundamental; rate, Hz, and depth, cents."""
    audio, rate = audio_of(path) if path else (sung(), RATE)
    voices = sharpear.transcribe(audio, rate, preset="speech", overrides={"pitch.voices": 1}).voices
    sounding = voices.f0[:, 0] > 0
    times, cents = voices.times[sounding], 1200 * np.log2(voices.f0[sounding, 0] / 440)
    even = np.arange(times[0], times[-1], 0.01)
    curve = np.interp(even, times, cents)
    curve -= np.convolve(np.pad(curve, 30, "edge"), np.ones(61) / 61, "valid")  # what moves slower is melody

    spectrum = np.abs(np.fft.rfft(curve * np.hanning(curve.size), 8192))
    hz = np.fft.rfftfreq(8192, 0.01)
    band = (hz > 3) & (hz < 9)
    rate_hz = hz[band][spectrum[band].argmax()]
    depth = np.sqrt(2) * curve[25:-25].std()

    figure, (above, below) = panels(2)
    above.plot(even, curve)
    above.set(xlabel="s", ylabel="cents")
    below.plot(hz[hz < 12], spectrum[hz < 12])
    below.set(xlabel="Hz", title=f"{rate_hz:.1f} Hz, ±{depth:.0f} cents")
    save(figure, "vibrato", folder)
    return {"rate_hz": float(rate_hz), "depth_cents": float(depth)}


if __name__ == "__main__":
    main(path=given(None))
